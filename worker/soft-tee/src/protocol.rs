//! What a worker and the software TEE say to each other. `PROTOCOL.md` is the specification; this is its SCALE.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeAll, Encode};
use std::io::{self, Read, Write};

/// Longest request, in bytes.
pub const MAX_REQUEST: u32 = 1024;
/// Longest answer, in bytes: evidence at its limits.
pub const MAX_ANSWER: u32 = 64 * 1024;
/// Longest context of a sealing key, in bytes.
pub const MAX_CONTEXT: u32 = 256;

/// A request, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// The first version.
    #[codec(index = 1)]
    V1(RequestV1),
}

/// What a worker can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RequestV1 {
    /// Evidence about the caller, with this report data.
    #[codec(index = 0)]
    Evidence {
        /// Bound to the evidence as it is.
        report_data: [u8; 64],
    },
    /// A key that only a caller with the same measurement gets for the same context.
    #[codec(index = 1)]
    SealingKey {
        /// What the key is for.
        context: BoundedVec<u8, ConstU32<MAX_CONTEXT>>,
    },
}

/// An answer, versioned by its first byte. No `Debug`: it may hold a key.
#[derive(Encode, Decode)]
pub enum Answer {
    /// The first version.
    #[codec(index = 1)]
    V1(AnswerV1),
}

/// What the software TEE answers.
#[derive(Encode, Decode)]
pub enum AnswerV1 {
    /// Evidence, in its wire form: it can go to the chain as it is.
    #[codec(index = 0)]
    Evidence(Vec<u8>),
    /// A sealing key.
    #[codec(index = 1)]
    SealingKey([u8; 32]),
    /// No.
    #[codec(index = 2)]
    Refused(Refusal),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request does not decode, is too long, or has an unknown version. Do not retry.
    #[codec(index = 0)]
    #[error("the request does not decode")]
    BadRequest,
    /// The caller's executable could not be read, for instance because it belongs to another user. Do not retry.
    #[codec(index = 1)]
    #[error("the caller's executable could not be measured")]
    CannotMeasure,
    /// Sealing is not enabled on this server. Do not retry.
    #[codec(index = 2)]
    #[error("sealing is not enabled")]
    SealingDisabled,
    /// Too many callers at once. Retry.
    #[codec(index = 3)]
    #[error("too many callers at once")]
    Busy,
    /// The server failed. Retry.
    #[codec(index = 4)]
    #[error("the server failed")]
    Internal,
}

/// Writes one frame: the length as 32 bits, little endian, then the bytes.
pub fn write_frame(stream: &mut impl Write, value: &impl Encode) -> io::Result<()> {
    let body = value.encode();
    let len = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut frame = len.to_le_bytes().to_vec();
    frame.extend_from_slice(&body);
    stream.write_all(&frame)?;
    stream.flush()
}

/// Reads one frame of at most `max` bytes. `InvalidData` says that it is longer or does not decode.
pub fn read_frame<T: Decode>(stream: &mut impl Read, max: u32) -> io::Result<T> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len);
    if len > max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; len as usize];
    stream.read_exact(&mut body)?;
    T::decode_all(&mut body.as_slice()).map_err(|_| io::ErrorKind::InvalidData.into())
}
