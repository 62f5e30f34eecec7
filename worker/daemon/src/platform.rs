//! The platform that vouches for this process. One trait; the worker knows nothing else of it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::{Duration, Instant},
};

use codec::{DecodeAll as _, Encode as _};
use zeroize::Zeroizing;

/// How long the platform may take for an answer, all of it.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The longest answer of the software TEE, in bytes.
const MAX_ANSWER: u32 = 64 * 1024;

/// Why the platform gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// It does not answer. Worth a retry.
    #[error("the software TEE at {socket} does not answer ({reason}): is phala-soft-tee running, by the same user?")]
    Unreachable {
        /// Its socket.
        socket: String,
        /// Why.
        reason: String,
    },
    /// It refuses.
    #[error("the software TEE refused: {0}")]
    Refused(&'static str),
    /// It says something that is no answer.
    #[error("the software TEE's answer cannot be read: it is of another version")]
    Unreadable,
}

/// What stands behind a worker's word.
pub trait Platform: Send + Sync {
    /// Its name, for people.
    fn name(&self) -> &'static str;
    /// Evidence that binds this report data, ready for the chain.
    fn evidence(&self, report_data: [u8; 64]) -> Result<Vec<u8>, PlatformError>;
    /// A key that only this program on this platform gets; none if the platform has no such thing.
    fn sealing_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, PlatformError>;
}

/// A software TEE, reached by its socket: `worker/soft-tee/PROTOCOL.md`.
pub struct SoftTee {
    socket: PathBuf,
    timeout: Duration,
}

impl SoftTee {
    /// The one that listens there.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket, timeout: TIMEOUT }
    }

    fn ask(&self, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, PlatformError> {
        let exchange = || -> std::io::Result<Zeroizing<Vec<u8>>> {
            let deadline = Instant::now() + self.timeout;
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_write_timeout(Some(self.timeout))?;
            let length = u32::try_from(body.len()).map_err(|_| ErrorKind::InvalidInput)?;
            stream.write_all(&[&length.to_le_bytes(), body].concat())?;
            let mut length = [0; 4];
            read_until(&mut stream, &mut length, deadline)?;
            let length = u32::from_le_bytes(length);
            if length > MAX_ANSWER {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut answer = Zeroizing::new(vec![0; length as usize]);
            read_until(&mut stream, &mut answer, deadline)?;
            Ok(answer)
        };
        exchange().map_err(|reason| PlatformError::Unreachable {
            socket: self.socket.display().to_string(),
            reason: reason.to_string(),
        })
    }
}

/// Fills the buffer, or fails at the deadline, however slowly bytes come in.
fn read_until(stream: &mut UnixStream, mut buffer: &mut [u8], deadline: Instant) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => buffer = buffer.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Version 1 of the protocol.
const V1: u8 = 1;
const EVIDENCE: u8 = 0;
const SEALING_KEY: u8 = 1;
const REFUSED: u8 = 2;
/// The refusal that says that this server gives no sealing keys.
const SEALING_DISABLED: u8 = 2;

fn refusal(reason: Option<&u8>) -> PlatformError {
    PlatformError::Refused(match reason {
        Some(0) => "it does not understand the request; it is of another version",
        Some(1) => "it cannot measure this process; run both as the same user",
        Some(2) => "it gives no sealing keys; start it with --sealing",
        Some(3) => "it is busy",
        _ => "it failed; its log says why",
    })
}

impl Platform for SoftTee {
    fn name(&self) -> &'static str {
        "software TEE"
    }

    fn evidence(&self, report_data: [u8; 64]) -> Result<Vec<u8>, PlatformError> {
        let answer = self.ask(&[&[V1, EVIDENCE], report_data.as_slice()].concat())?;
        match answer.split_at_checked(2) {
            Some(([V1, EVIDENCE], body)) => Vec::<u8>::decode_all(&mut &*body).map_err(|_| PlatformError::Unreadable),
            Some(([V1, REFUSED], reason)) => Err(refusal(reason.first())),
            _ => Err(PlatformError::Unreadable),
        }
    }

    fn sealing_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, PlatformError> {
        let context = b"phala-worker/roots/v1".as_slice().encode();
        let answer = self.ask(&[&[V1, SEALING_KEY], context.as_slice()].concat())?;
        match answer.split_at_checked(2) {
            Some(([V1, SEALING_KEY], key)) => {
                let key: [u8; 32] = key.try_into().map_err(|_| PlatformError::Unreadable)?;
                Ok(Some(Zeroizing::new(key)))
            }
            Some(([V1, REFUSED], [SEALING_DISABLED])) => Ok(None),
            Some(([V1, REFUSED], reason)) => Err(refusal(reason.first())),
            _ => Err(PlatformError::Unreadable),
        }
    }
}

#[cfg(test)]
mod tests;
