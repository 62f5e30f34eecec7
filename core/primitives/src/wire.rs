//! Decoding of versioned wire types.
//!
//! Every type that crosses a boundary is an enum whose codec index is its version, so the first byte names the version.
//! [`Wire::from_wire`] is the one way in: bounded, exact, and with an error that tells "newer than I am" from "damaged".

use codec::{Decode, DecodeLimit};
use core::fmt;

/// Nesting that any of our wire types needs at most; deeper input is refused before it can exhaust a stack.
const MAX_DEPTH: u32 = 16;

/// Why bytes from outside are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// No byte at all. Do not retry.
    Empty,
    /// More bytes than any value of the type has. Do not retry.
    TooLarge {
        /// What arrived, in bytes.
        len: usize,
        /// What is allowed, in bytes.
        max: usize,
    },
    /// A version that this program does not know: it must be upgraded to read the value.
    UnknownVersion(u8),
    /// A known version whose body does not decode. Do not retry.
    Malformed,
    /// A value followed by more bytes. Do not retry.
    TrailingBytes,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no bytes"),
            Self::TooLarge { len, max } => write!(f, "{len} bytes where at most {max} are allowed"),
            Self::UnknownVersion(version) => write!(f, "version {version} is not known to this program"),
            Self::Malformed => f.write_str("bytes do not decode"),
            Self::TrailingBytes => f.write_str("bytes are left over after the value"),
        }
    }
}

impl core::error::Error for WireError {}

/// A versioned type of the wire.
pub trait Wire: Decode {
    /// The versions that this program reads.
    const VERSIONS: &'static [u8];
    /// No encoding of any version is longer, in bytes.
    const MAX_BYTES: usize;

    /// The value that `bytes` are, all of them.
    fn from_wire(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(WireError::TooLarge { len: bytes.len(), max: Self::MAX_BYTES });
        }
        let version = bytes.first().ok_or(WireError::Empty)?;
        if !Self::VERSIONS.contains(version) {
            return Err(WireError::UnknownVersion(*version));
        }
        let input = &mut &*bytes;
        let value = Self::decode_with_depth_limit(MAX_DEPTH, input).map_err(|_| WireError::Malformed)?;
        if input.is_empty() { Ok(value) } else { Err(WireError::TrailingBytes) }
    }
}
