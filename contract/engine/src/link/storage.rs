use wasmtime::{Error, component::Linker};

use crate::{
    Host,
    host::OutOfSpace,
    limits::{SCAN_BYTES, SCAN_ENTRIES},
    outcome::Interruption,
    price,
    run::{Cx, Run, charge},
    world::{
        StorageError,
        storage::{Entry, Page},
    },
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/storage@0.1.0")?;
    to.func_wrap("get", |mut cx: Cx<'_, H>, (key,): (Vec<u8>,)| {
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(key.len())))?;
        if key.len() > cx.data().limits.key_bytes {
            return Ok((Err(StorageError::KeyTooLong),));
        }
        charge(&mut cx, price::READ)?;
        let value = cx.data_mut().host()?.get(&key).map_err(Interruption::from)?;
        charge(&mut cx, price::copy(value.as_ref().map_or(0, Vec::len)))?;
        Ok((Ok(value),))
    })?;
    to.func_wrap("set", |mut cx: Cx<'_, H>, (key, value): (Vec<u8>, Vec<u8>)| {
        let bytes = key.len().saturating_add(value.len());
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(bytes)))?;
        let limits = cx.data().limits;
        let refusal = if cx.data().is_query() {
            Some(StorageError::NotAvailableInMode)
        } else if key.len() > limits.key_bytes {
            Some(StorageError::KeyTooLong)
        } else if value.len() > limits.value_bytes {
            Some(StorageError::ValueTooLong)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Ok((Err(refusal),));
        }
        charge(&mut cx, price::WRITE.saturating_add(price::bytes(bytes, price::WRITE_BYTE)))?;
        let set = cx.data_mut().host()?.set(key, value).map_err(Interruption::from)?;
        Ok((set.map_err(|OutOfSpace| StorageError::OutOfSpace),))
    })?;
    to.func_wrap("delete", |mut cx: Cx<'_, H>, (key,): (Vec<u8>,)| {
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(key.len())))?;
        if cx.data().is_query() {
            return Ok((Err(StorageError::NotAvailableInMode),));
        }
        if key.len() > cx.data().limits.key_bytes {
            return Ok((Err(StorageError::KeyTooLong),));
        }
        charge(&mut cx, price::WRITE)?;
        Ok((Ok(cx.data_mut().host()?.delete(&key).map_err(Interruption::from)?),))
    })?;
    type Scan = (Vec<u8>, Option<Vec<u8>>, u32);
    to.func_wrap("scan", |mut cx: Cx<'_, H>, (prefix, after, limit): Scan| {
        let bytes = prefix.len().saturating_add(after.as_ref().map_or(0, Vec::len));
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(bytes)))?;
        let longest = cx.data().limits.key_bytes;
        if prefix.len() > longest || after.as_ref().is_some_and(|after| after.len() > longest) {
            return Ok((Err(StorageError::KeyTooLong),));
        }
        charge(&mut cx, price::READ)?;
        Ok((Ok(page(&mut cx, &prefix, after, limit.min(SCAN_ENTRIES))?),))
    })
}

fn page<H: Host>(cx: &mut Cx<'_, H>, prefix: &[u8], after: Option<Vec<u8>>, limit: u32) -> Result<Page, Error> {
    let mut page = Page { entries: Vec::new(), more: false };
    let (mut last, mut bytes) = (after, 0_usize);
    loop {
        charge(cx, price::SCAN_ENTRY)?;
        let step = cx.data_mut().host()?.step(prefix, last.as_deref()).map_err(Interruption::from)?;
        let Some((key, value)) = step else { return Ok(page) };
        let Some(value) = value else {
            last = Some(key);
            continue;
        };
        let size = key.len().saturating_add(value.len());
        let full = page.entries.len() >= limit as usize || bytes.saturating_add(size) > SCAN_BYTES;
        if full && (limit == 0 || !page.entries.is_empty()) {
            page.more = true;
            return Ok(page);
        }
        charge(cx, price::copy(size))?;
        bytes = bytes.saturating_add(size);
        last = Some(key.clone());
        page.entries.push(Entry { key, value });
    }
}
