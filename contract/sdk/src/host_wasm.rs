//! The host, as the world's imports give it.

use alloc::{format, vec::Vec};

use crate::{
    Account, Bytes32, Caller, ContractId, Error, HttpError, Level, Options, Request, Response, Result, SigningKind,
    bindings::phala::contract::{context, contracts, events, http, keys, log as lines, storage},
    code,
    types::bytes32,
};

type Entry = (Vec<u8>, Vec<u8>);

fn host(error: impl core::fmt::Debug) -> Error {
    Error::new(code::HOST, format!("the worker refused: {error:?}"))
}

pub fn get(key: &[u8]) -> Result<Option<Vec<u8>>> {
    storage::get(key).map_err(host)
}

pub fn set(key: &[u8], value: &[u8]) -> Result<()> {
    storage::set(key, value).map_err(host)
}

pub fn delete(key: &[u8]) -> Result<bool> {
    storage::delete(key).map_err(host)
}

pub fn scan(prefix: &[u8], after: Option<&[u8]>, limit: u32) -> Result<Vec<Entry>> {
    let page = storage::scan(prefix, after, limit).map_err(host)?;
    Ok(page.entries.into_iter().map(|entry| (entry.key, entry.value)).collect())
}

pub fn caller() -> Caller {
    match context::caller() {
        context::Principal::Account(id) => Caller::Account(Account(bytes32(&id))),
        context::Principal::Contract(id) => Caller::Contract(ContractId(bytes32(&id))),
        context::Principal::Chain => Caller::Chain,
        context::Principal::Anonymous => Caller::Anonymous,
    }
}

pub fn contract_id() -> ContractId {
    ContractId(bytes32(&context::contract_id()))
}

pub fn block_number() -> u32 {
    context::block_number()
}

pub fn block_time_ms() -> u64 {
    context::block_time_ms()
}

pub fn value() -> u128 {
    let amount = context::value();
    (u128::from(amount.high) << 64) | u128::from(amount.low)
}

pub fn now_ms() -> Result<u64> {
    context::now_ms().map_err(host)
}

pub fn random(length: u32) -> Result<Vec<u8>> {
    context::random(length).map_err(host)
}

pub fn emit(topic: &str, data: &[u8]) -> Result<()> {
    events::emit(topic, data).map_err(host)
}

pub fn log(level: Level, text: &str) {
    let level = match level {
        Level::Error => lines::Level::Error,
        Level::Warn => lines::Level::Warn,
        Level::Info => lines::Level::Info,
        Level::Debug => lines::Level::Debug,
    };
    lines::write(level, text);
}

pub fn call(contract: ContractId, input: &[u8]) -> Result<Vec<u8>> {
    contracts::call(&contract.0, input, None).map_err(|error| match error {
        contracts::CallError::Failed(error) => Error::new(error.code, error.message),
        other => host(other),
    })
}

fn kind(kind: SigningKind) -> keys::Kind {
    match kind {
        SigningKind::Ed25519 => keys::Kind::Ed25519,
        SigningKind::Sr25519 => keys::Kind::Sr25519,
        SigningKind::Secp256k1 => keys::Kind::Secp256k1,
    }
}

pub fn public_key(of: SigningKind, label: &str) -> Result<Vec<u8>> {
    keys::public_key(kind(of), label).map_err(host)
}

pub fn sign(by: SigningKind, label: &str, message: &[u8]) -> Result<Vec<u8>> {
    keys::sign(kind(by), label, message).map_err(host)
}

pub fn derive(label: &str) -> Result<Bytes32> {
    keys::derive(label).map(|bytes| bytes32(&bytes)).map_err(host)
}

pub fn fetch_all(requests: &[(Request, Options)]) -> Result<Vec<Result<Response, HttpError>>, HttpError> {
    let requests: Vec<_> = requests
        .iter()
        .map(|(request, options)| {
            let request = http::Request {
                method: request.method.clone(),
                url: request.url.clone(),
                headers: request.headers.clone(),
                body: request.body.clone(),
            };
            let options = http::Options {
                timeout_ms: options.timeout_ms,
                max_response_bytes: options.max_response_bytes,
                max_redirects: options.max_redirects,
            };
            (request, Some(options))
        })
        .collect();
    let results = http::fetch_all(&requests).map_err(failed)?;
    let response = |r: http::Response| Response { status: r.status, headers: r.headers, body: r.body, url: r.url };
    Ok(results.into_iter().map(|result| result.map(response).map_err(failed)).collect())
}

fn failed(error: http::HttpError) -> HttpError {
    use http::HttpError as E;
    let retry = matches!(error, E::NameNotResolved(_) | E::NotConnected(_) | E::TimedOut);
    let message = match error {
        E::Forbidden(why) => format!("the cluster's policy forbids it: {why}"),
        E::BadRequest(why) => format!("bad request: {why}"),
        E::NameNotResolved(why) => format!("no such host: {why}"),
        E::NotConnected(why) => format!("no connection: {why}"),
        E::Tls(why) => format!("TLS: {why}"),
        E::BadResponse(why) => format!("bad response: {why}"),
        other => format!("{other:?}"),
    };
    HttpError { retry, message }
}
