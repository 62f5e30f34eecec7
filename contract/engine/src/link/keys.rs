use wasmtime::{Error, component::Linker};

use crate::{
    Host,
    limits::{LABEL_BYTES, MESSAGE_BYTES},
    outcome::Interruption,
    price,
    run::{Cx, Run, charge},
    world::{KeyError, KeyKind},
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/keys@0.1.0")?;
    to.func_wrap("public-key", |mut cx: Cx<'_, H>, (kind, label): (KeyKind, String)| {
        if let Err(refusal) = checked(&mut cx, &label, 0)? {
            return Ok((Err(refusal),));
        }
        charge(&mut cx, price::DERIVE)?;
        Ok((Ok(cx.data_mut().host()?.public_key(kind, &label).map_err(Interruption::from)?),))
    })?;
    to.func_wrap("sign", |mut cx: Cx<'_, H>, (kind, label, message): (KeyKind, String, Vec<u8>)| {
        if let Err(refusal) = checked(&mut cx, &label, message.len())? {
            return Ok((Err(refusal),));
        }
        if kind == KeyKind::Secp256k1 && message.len() != 32 {
            return Ok((Err(KeyError::DigestLength),));
        }
        charge(&mut cx, price::SIGN.saturating_add(price::bytes(message.len(), price::HASH_BYTE)))?;
        Ok((Ok(cx.data_mut().host()?.sign(kind, &label, &message).map_err(Interruption::from)?),))
    })?;
    to.func_wrap("derive", |mut cx: Cx<'_, H>, (label,): (String,)| {
        if let Err(refusal) = checked(&mut cx, &label, 0)? {
            return Ok((Err(refusal),));
        }
        charge(&mut cx, price::DERIVE)?;
        Ok((Ok(cx.data_mut().host()?.derive(&label).map_err(Interruption::from)?.to_vec()),))
    })?;
    to.func_wrap("vrf", |mut cx: Cx<'_, H>, (label, input): (String, Vec<u8>)| {
        if let Err(refusal) = checked(&mut cx, &label, input.len())? {
            return Ok((Err(refusal),));
        }
        charge(&mut cx, price::VRF.saturating_add(price::bytes(input.len(), price::HASH_BYTE)))?;
        Ok((Ok(cx.data_mut().host()?.vrf(&label, &input).map_err(Interruption::from)?),))
    })
}

fn checked<H: Host>(cx: &mut Cx<'_, H>, label: &str, message: usize) -> Result<Result<(), KeyError>, Error> {
    charge(cx, price::HOST_CALL.saturating_add(price::copy(label.len().saturating_add(message))))?;
    Ok(if label.is_empty() || label.len() > LABEL_BYTES {
        Err(KeyError::LabelLength)
    } else if message > MESSAGE_BYTES {
        Err(KeyError::MessageTooLong)
    } else {
        Ok(())
    })
}
