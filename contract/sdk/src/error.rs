//! What a contract says when it refuses.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

/// Codes of [`Error`]. Contracts take numbers from 100.
pub mod code {
    /// The input is not `{"method": …, "args": …}`.
    pub const INPUT: u32 = 1;
    /// There is no such method in this mode.
    pub const METHOD: u32 = 2;
    /// The arguments are not the method's.
    pub const ARGUMENTS: u32 = 3;
    /// The contract refuses.
    pub const REFUSED: u32 = 4;
    /// What was stored cannot be read: by another version of the contract, as a rule.
    pub const STATE: u32 = 5;
    /// The worker refused something: too long, no room, not in this mode.
    pub const HOST: u32 = 6;
    /// HTTP gave nothing.
    pub const HTTP: u32 = 7;
}

/// A refusal: nothing of the call takes effect. The caller sees both parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// For programs, see [`code`].
    pub code: u32,
    /// For people.
    pub message: String,
}

/// The result of most methods.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// A refusal with this code and text.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl core::error::Error for Error {}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::new(code::REFUSED, message)
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::new(code::REFUSED, message)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(code::REFUSED, format!("JSON: {error}"))
    }
}

impl From<crate::HttpError> for Error {
    fn from(error: crate::HttpError) -> Self {
        Self::new(code::HTTP, error.to_string())
    }
}
