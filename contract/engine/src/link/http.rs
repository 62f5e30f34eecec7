use wasmtime::{Error, component::Linker};

use crate::{
    Host, HostFailure,
    limits::{BODY_BYTES, FETCHES, FETCHES_AT_ONCE, HEADER_BYTES, HEADERS, URL_BYTES},
    outcome::Interruption,
    price,
    run::{Cx, Run, charge},
    world::{HttpError, Options, Request, Response},
};

type Exchange = (Request, Option<Options>);
type Answer = Result<Response, HttpError>;

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/http@0.1.0")?;
    to.func_wrap("fetch", |mut cx: Cx<'_, H>, exchange: Exchange| {
        let answer = match fetch_all(&mut cx, vec![exchange])? {
            Ok(mut answers) => answers.pop().ok_or_else(miscounted)?,
            Err(refusal) => Err(refusal),
        };
        Ok((answer,))
    })?;
    to.func_wrap("fetch-all", |mut cx: Cx<'_, H>, (exchanges,): (Vec<Exchange>,)| Ok((fetch_all(&mut cx, exchanges)?,)))
}

fn fetch_all<H: Host>(cx: &mut Cx<'_, H>, exchanges: Vec<Exchange>) -> Result<Result<Vec<Answer>, HttpError>, Error> {
    let bytes = exchanges.iter().fold(0, |sum: usize, (request, _)| sum.saturating_add(request_bytes(request)));
    charge(cx, price::HOST_CALL.saturating_add(price::copy(bytes)))?;
    if !cx.data().is_query() {
        return Ok(Err(HttpError::NotAvailableInMode));
    }
    let count = u32::try_from(exchanges.len()).unwrap_or(u32::MAX);
    let fetches = cx.data().fetches.saturating_add(count);
    if exchanges.len() > FETCHES_AT_ONCE || fetches > FETCHES {
        return Ok(Err(HttpError::TooManyRequests));
    }
    cx.data_mut().fetches = fetches;
    charge(cx, price::FETCH.saturating_mul(u64::from(count)))?;

    // Requests that break a limit are answered here, the others in one go by the host.
    let asked = exchanges.len();
    let mut answers: Vec<Option<Answer>> = Vec::with_capacity(asked);
    let mut sound = Vec::with_capacity(asked);
    for exchange in exchanges {
        answers.push(broken_limit(&exchange.0).map(|limit| Err(HttpError::BadRequest(limit.into()))));
        if matches!(answers.last(), Some(None)) {
            sound.push(exchange);
        }
    }
    let mut fetched = if sound.is_empty() { Vec::new() } else { cx.data_mut().host()?.fetch(sound) }.into_iter();
    let mut complete = Vec::with_capacity(asked);
    for answer in answers {
        let answer = answer.or_else(|| fetched.next()).ok_or_else(miscounted)?;
        let bytes = answer.as_ref().map_or(0, |r| r.body.len().saturating_add(headers_bytes(&r.headers)));
        charge(cx, price::copy(bytes))?;
        complete.push(answer);
    }
    Ok(Ok(complete))
}

fn broken_limit(request: &Request) -> Option<&'static str> {
    if request.url.len() > URL_BYTES {
        Some("the URL has more than 8 KiB")
    } else if request.headers.len() > HEADERS || headers_bytes(&request.headers) > HEADER_BYTES {
        Some("more than 64 headers, or more than 16 KiB of them")
    } else if request.body.len() > BODY_BYTES {
        Some("the body has more than 1 MiB")
    } else {
        None
    }
}

fn request_bytes(request: &Request) -> usize {
    let line = request.method.len().saturating_add(request.url.len());
    line.saturating_add(headers_bytes(&request.headers)).saturating_add(request.body.len())
}

fn headers_bytes(headers: &[(String, Vec<u8>)]) -> usize {
    headers.iter().fold(0, |sum, (name, value)| sum.saturating_add(name.len()).saturating_add(value.len()))
}

fn miscounted() -> Interruption {
    HostFailure("the host has answered fewer requests than it was asked".into()).into()
}
