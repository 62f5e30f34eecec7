use wasmtime::{Error, component::Linker};

use crate::{
    Host,
    limits::{EVENT_BYTES, EVENTS, LABEL_BYTES, LOG_LINE_BYTES, LOG_LINES},
    outcome::Interruption,
    price,
    run::{Cx, Run, charge},
    world::{Level, events::EventError},
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/events@0.1.0")?;
    to.func_wrap("emit", |mut cx: Cx<'_, H>, (topic, data): (String, Vec<u8>)| {
        let bytes = topic.len().saturating_add(data.len());
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(bytes)))?;
        let run = cx.data_mut();
        let refusal = if run.is_query() {
            Some(EventError::NotAvailableInMode)
        } else if topic.is_empty() || topic.len() > LABEL_BYTES {
            Some(EventError::TopicLength)
        } else if data.len() > EVENT_BYTES {
            Some(EventError::DataTooLong)
        } else if run.events >= EVENTS {
            Some(EventError::TooMany)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Ok((Err(refusal),));
        }
        run.events = run.events.saturating_add(1);
        charge(&mut cx, price::EVENT.saturating_add(price::bytes(bytes, price::HASH_BYTE)))?;
        cx.data_mut().host()?.emit(topic, data).map_err(Interruption::from)?;
        Ok((Ok(()),))
    })?;
    let mut to = linker.instance("phala:contract/log@0.1.0")?;
    to.func_wrap("write", |mut cx: Cx<'_, H>, (level, text): (Level, String)| {
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(text.len())))?;
        let run = cx.data_mut();
        run.lines = run.lines.saturating_add(1);
        if run.lines > LOG_LINES {
            return Ok(());
        }
        let last = run.lines == LOG_LINES;
        charge(&mut cx, price::EVENT)?;
        let host = cx.data_mut().host()?;
        if last {
            host.log(Level::Warn, "this call has written its 256 lines; from here on they are dropped");
        } else {
            host.log(level, cut(&text, LOG_LINE_BYTES));
        }
        Ok(())
    })
}

/// The longest beginning of `text` with at most `bytes` bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let at = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    at.and_then(|at| text.get(..at)).unwrap_or_default()
}
