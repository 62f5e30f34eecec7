use wasmtime::{Error, component::Linker};

use crate::{
    Host,
    host::Id,
    limits::{ACTIONS, EXPIRY_BLOCKS},
    outcome::Interruption,
    price,
    run::{Cx, Run, charge},
    world::{Action, ActionError, Amount},
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/actions@0.1.0")?;
    to.func_wrap("balance", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL.saturating_add(price::READ))?;
        Ok((Amount::from(cx.data_mut().host()?.balance().map_err(Interruption::from)?),))
    })?;
    to.func_wrap("submit", |mut cx: Cx<'_, H>, (action,): (Action,)| {
        let bytes = action.contract.len().saturating_add(action.input.len());
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(bytes)))?;
        let refusal = if action.contract.len() != 32 {
            Some(ActionError::IdLength)
        } else if action.input.len() > cx.data().limits.payload_bytes {
            Some(ActionError::InputTooLong)
        } else if !EXPIRY_BLOCKS.contains(&action.expires_after) {
            Some(ActionError::Expiry)
        } else {
            count(&mut cx)
        };
        if let Some(refusal) = refusal {
            return Ok((Err(refusal),));
        }
        charge(&mut cx, price::ACTION.saturating_add(price::bytes(bytes, price::HASH_BYTE)))?;
        let id = cx.data_mut().host()?.submit(action).map_err(Interruption::from)?;
        Ok((id.map(|id| id.to_vec()),))
    })?;
    to.func_wrap("transfer", |mut cx: Cx<'_, H>, (to, amount): (Vec<u8>, Amount)| {
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(to.len())))?;
        if cx.data().is_query() {
            return Ok((Err(ActionError::NotAvailableInMode),));
        }
        let Ok(to) = Id::try_from(to) else { return Ok((Err(ActionError::IdLength),)) };
        if let Some(refusal) = count(&mut cx) {
            return Ok((Err(refusal),));
        }
        charge(&mut cx, price::TRANSFER)?;
        let moved = cx.data_mut().host()?.transfer(&to, amount.into()).map_err(Interruption::from)?;
        Ok((moved,))
    })
}

/// Counts an action or a transfer, unless there were too many.
fn count<H: Host>(cx: &mut Cx<'_, H>) -> Option<ActionError> {
    let run = cx.data_mut();
    if run.actions >= ACTIONS {
        return Some(ActionError::TooMany);
    }
    run.actions = run.actions.saturating_add(1);
    None
}
