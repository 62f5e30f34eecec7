//! The id that a command's requests carry, and under which a worker's log tells of them.

use std::fmt;

use rand_core::{OsRng, RngCore as _};

/// The header that carries it.
pub const HEADER: &str = "x-request-id";

tokio::task_local! {
    static CARRIED: RequestId;
}

/// 16 hex digits. It says nothing about who asks or what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    /// One that nobody has had before.
    pub fn random() -> Self {
        Self(OsRng.next_u64())
    }

    /// The one of the command that this is part of; outside of commands, a new one.
    pub fn current() -> Self {
        CARRIED.try_with(|id| *id).unwrap_or_else(|_| Self::random())
    }

    /// Runs a command whose requests all carry this id.
    pub async fn carry<T>(self, command: impl Future<Output = T>) -> T {
        CARRIED.scope(self, command).await
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_has_one_id_and_the_next_another() {
        let id = RequestId::random();
        let carried = id.carry(async { (RequestId::current(), RequestId::current()) }).await;
        assert_eq!(carried, (id, id));
        assert_ne!(RequestId::current(), RequestId::current());
        assert_ne!(RequestId::current(), id);
    }

    #[test]
    fn ids_have_16_digits() {
        assert_eq!(RequestId(0x1f3a).to_string(), "0000000000001f3a");
        assert_eq!(RequestId(u64::MAX).to_string(), "ffffffffffffffff");
    }
}
