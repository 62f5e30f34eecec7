//! HTTP from queries.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::de::DeserializeOwned;

use crate::{Result, host};

/// What to ask for. Limits are in `http.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A POST.
    pub fn post(url: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: "POST".into(), url: url.into(), headers: Vec::new(), body }
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.as_bytes().to_vec()));
        self
    }
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// For the whole exchange.
    pub timeout_ms: u32,
    /// A longer body is an error.
    pub max_response_bytes: u32,
    /// How many redirects to follow.
    pub max_redirects: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeout_ms: 8_000, max_response_bytes: 1024 * 1024, max_redirects: 3 }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 and so on.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Where it came from.
    pub url: String,
}

impl Response {
    /// An error unless the status is 2xx.
    pub fn ok(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(HttpError { retry: self.status >= 500, message: format!("{} answered {}", self.url, self.status) }.into())
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| HttpError { retry: false, message: format!("{}: {error}", self.url) }.into())
    }
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// Whether the same request may succeed later.
    pub retry: bool,
    /// For people.
    pub message: String,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The way out of a query.
pub struct Http(pub(crate) ());

impl Http {
    /// A GET that answers 2xx.
    pub fn get(&self, url: &str) -> Result<Response> {
        self.fetch(&Request::get(url), Options::default())?.ok()
    }

    /// One exchange, whatever its status.
    pub fn fetch(&self, request: &Request, options: Options) -> Result<Response> {
        let mut results = self.fetch_all(&[(request.clone(), options)])?;
        results.pop().unwrap_or_else(|| Err(HttpError { retry: true, message: "no answer".into() })).map_err(Into::into)
    }

    /// Up to 16 exchanges side by side; results in their order.
    pub fn fetch_all(&self, requests: &[(Request, Options)]) -> Result<Vec<Result<Response, HttpError>>> {
        Ok(host::fetch_all(requests)?)
    }
}
