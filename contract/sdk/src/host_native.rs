//! The host in native unit tests: see [`testing`](crate::testing).

use alloc::{format, string::ToString, vec::Vec};

use crate::{
    Bytes32, Caller, ContractId, Error, HttpError, Level, Options, Request, Response, Result, SigningKind, code,
    testing::{Mode, with},
};

type Entry = (Vec<u8>, Vec<u8>);

fn refused(what: &str) -> Error {
    Error::new(code::HOST, format!("the worker refused: {what}"))
}

fn only_queries() -> Result<()> {
    with(|world| if world.mode == Mode::Query { Ok(()) } else { Err(refused("NotAvailableInMode")) })
}

fn not_queries() -> Result<()> {
    with(|world| if world.mode == Mode::Query { Err(refused("NotAvailableInMode")) } else { Ok(()) })
}

pub fn get(key: &[u8]) -> Result<Option<Vec<u8>>> {
    Ok(with(|world| world.storage.get(key).cloned()))
}

pub fn set(key: &[u8], value: &[u8]) -> Result<()> {
    not_queries()?;
    with(|world| {
        world.writes += 1;
        world.storage.insert(key.to_vec(), value.to_vec())
    });
    Ok(())
}

pub fn delete(key: &[u8]) -> Result<bool> {
    not_queries()?;
    Ok(with(|world| {
        world.writes += 1;
        world.storage.remove(key).is_some()
    }))
}

pub fn scan(prefix: &[u8], after: Option<&[u8]>, limit: u32) -> Result<Vec<Entry>> {
    let page = |entry: &(&Vec<u8>, &Vec<u8>)| {
        entry.0.starts_with(prefix) && after.is_none_or(|after| entry.0.as_slice() > after)
    };
    let limit = limit.min(256) as usize;
    Ok(with(|world| world.storage.iter().filter(page).take(limit).map(|(k, v)| (k.clone(), v.clone())).collect()))
}

pub fn caller() -> Caller {
    with(|world| world.caller)
}

pub fn contract_id() -> ContractId {
    ContractId([0xc0; 32])
}

pub fn block_number() -> u32 {
    with(|world| world.block)
}

pub fn block_time_ms() -> u64 {
    with(|world| world.time_ms)
}

pub fn value() -> u128 {
    with(|world| world.value)
}

pub fn now_ms() -> Result<u64> {
    only_queries()?;
    Ok(block_time_ms())
}

pub fn random(length: u32) -> Result<Vec<u8>> {
    only_queries()?;
    // tests must not depend on chance
    Ok((0..length).map(|n| n as u8).collect())
}

pub fn emit(topic: &str, data: &[u8]) -> Result<()> {
    not_queries()?;
    let event = (topic.to_string(), alloc::string::String::from_utf8_lossy(data).into_owned());
    with(|world| world.events.push(event));
    Ok(())
}

pub fn log(level: Level, text: &str) {
    with(|world| world.lines.push((level, text.to_string())));
}

pub fn call(contract: ContractId, _input: &[u8]) -> Result<Vec<u8>> {
    Err(refused(&format!("NoSuchContract: {contract}")))
}

/// Made up, but different for different keys and the same for the same ones.
fn made_up(parts: &[&[u8]]) -> Bytes32 {
    let mut bytes = [0x5au8; 32];
    for (position, byte) in parts.iter().flat_map(|part| part.iter()).enumerate() {
        let at = &mut bytes[position % 32];
        *at = at.wrapping_mul(31).wrapping_add(*byte).wrapping_add(position as u8);
    }
    bytes
}

pub fn public_key(kind: SigningKind, label: &str) -> Result<Vec<u8>> {
    Ok(made_up(&[b"public", format!("{kind:?}").as_bytes(), label.as_bytes()]).to_vec())
}

pub fn sign(kind: SigningKind, label: &str, message: &[u8]) -> Result<Vec<u8>> {
    let half = made_up(&[b"sign", format!("{kind:?}").as_bytes(), label.as_bytes(), message]);
    Ok([half, half].concat())
}

pub fn derive(label: &str) -> Result<Bytes32> {
    Ok(made_up(&[b"derive", label.as_bytes()]))
}

pub fn fetch_all(requests: &[(Request, Options)]) -> Result<Vec<Result<Response, HttpError>>, HttpError> {
    only_queries().map_err(|error| HttpError { retry: false, message: error.message })?;
    let answer = |(request, _): &(Request, Options)| {
        let known = with(|world| world.web.get(&request.url).cloned());
        let (status, body) = known.ok_or_else(|| HttpError {
            retry: true,
            message: format!("no connection: the test gave no answer for {}", request.url),
        })?;
        Ok(Response { status, headers: Vec::new(), body, url: request.url.clone() })
    };
    Ok(requests.iter().map(answer).collect())
}
