use wasmtime::{Error, component::Linker};

use crate::{
    Host,
    host::Caller,
    limits::RANDOM_BYTES,
    price,
    run::{Cx, Run, charge},
    world::{
        Amount, WorkerInfo,
        context::{ContextError, Principal},
    },
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/context@0.1.0")?;
    to.func_wrap("caller", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((match cx.data().caller {
            Caller::Account(id) => Principal::Account(id.to_vec()),
            Caller::Contract(id) => Principal::Contract(id.to_vec()),
            Caller::Chain => Principal::Chain,
            Caller::Anonymous => Principal::Anonymous,
        },))
    })?;
    to.func_wrap("mode", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((cx.data().mode,))
    })?;
    to.func_wrap("contract-id", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((cx.data_mut().host()?.contract().to_vec(),))
    })?;
    to.func_wrap("cluster-id", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((cx.data_mut().host()?.cluster(),))
    })?;
    to.func_wrap("block-number", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((cx.data_mut().host()?.block_number(),))
    })?;
    to.func_wrap("block-time-ms", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((cx.data_mut().host()?.block_time_ms(),))
    })?;
    to.func_wrap("value", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        // What a message brings goes to the contract that it is for, not to those that this one calls.
        let nested = cx.data().chain.len() > 1;
        let value = if nested || cx.data().is_query() { 0 } else { cx.data_mut().host()?.value() };
        Ok((Amount::from(value),))
    })?;
    to.func_wrap("gas-left", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        Ok((cx.get_fuel()?,))
    })?;
    to.func_wrap("worker", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        if !cx.data().is_query() {
            return Ok((Err(ContextError::NotAvailableInMode),));
        }
        let (id, assurance) = cx.data_mut().host()?.worker();
        Ok((Ok(WorkerInfo { id: id.to_vec(), assurance }),))
    })?;
    to.func_wrap("now-ms", |mut cx: Cx<'_, H>, ()| {
        charge(&mut cx, price::HOST_CALL)?;
        if !cx.data().is_query() {
            return Ok((Err(ContextError::NotAvailableInMode),));
        }
        Ok((Ok(cx.data_mut().host()?.now_ms()),))
    })?;
    to.func_wrap("random", |mut cx: Cx<'_, H>, (length,): (u32,)| {
        charge(&mut cx, price::HOST_CALL)?;
        if !cx.data().is_query() {
            return Ok((Err(ContextError::NotAvailableInMode),));
        }
        if length > RANDOM_BYTES {
            return Ok((Err(ContextError::TooLong),));
        }
        let mut bytes = vec![0; length as usize];
        charge(&mut cx, price::bytes(bytes.len(), price::HASH_BYTE))?;
        cx.data_mut().host()?.random(&mut bytes).map_err(crate::outcome::Interruption::from)?;
        Ok((Ok(bytes),))
    })
}
