use wasmtime::{Error, component::Linker};

use crate::{
    Host, price,
    run::{Cx, Run, charge},
    world::{CryptoError, HashKind, KeyKind},
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/crypto@0.1.0")?;
    to.func_wrap("hash", |mut cx: Cx<'_, H>, (kind, data): (HashKind, Vec<u8>)| {
        hashing(&mut cx, price::HASH, data.len())?;
        Ok((cx.data_mut().host()?.hash(kind, &data),))
    })?;
    to.func_wrap("hmac-sha256", |mut cx: Cx<'_, H>, (key, data): (Vec<u8>, Vec<u8>)| {
        hashing(&mut cx, price::HASH.saturating_mul(2), key.len().saturating_add(data.len()))?;
        Ok((cx.data_mut().host()?.hmac_sha256(&key, &data).to_vec(),))
    })?;
    type Verify = (KeyKind, Vec<u8>, Vec<u8>, Vec<u8>);
    to.func_wrap("verify", |mut cx: Cx<'_, H>, (kind, key, message, signature): Verify| {
        let bytes = key.len().saturating_add(message.len()).saturating_add(signature.len());
        hashing(&mut cx, price::VERIFY, bytes)?;
        if kind == KeyKind::Secp256k1 && message.len() != 32 {
            return Ok((Err(CryptoError::DigestLength),));
        }
        Ok((cx.data_mut().host()?.verify(kind, &key, &message, &signature),))
    })?;
    to.func_wrap("recover", |mut cx: Cx<'_, H>, (digest, signature): (Vec<u8>, Vec<u8>)| {
        hashing(&mut cx, price::VERIFY, digest.len().saturating_add(signature.len()))?;
        if digest.len() != 32 {
            return Ok((Err(CryptoError::DigestLength),));
        }
        Ok((cx.data_mut().host()?.recover(&digest, &signature),))
    })
}

fn hashing<H: Host>(cx: &mut Cx<'_, H>, work: u64, bytes: usize) -> Result<(), Error> {
    let call = price::HOST_CALL.saturating_add(work);
    charge(cx, call.saturating_add(price::bytes(bytes, price::HASH_BYTE)))
}
