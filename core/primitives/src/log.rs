//! The hash chain over a cluster's messages: `protocol.md` §2.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::fmt;
use scale_info::TypeInfo;

use crate::{ClusterId, Hash256, domain::Domain};

/// Where a cluster's log stands. The chain keeps one per cluster, so a message costs the chain's state nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LogHead {
    /// The index that the next message will have; equal to the number of messages so far.
    pub next_index: u64,
    /// The hash of the log up to `next_index`, exclusive.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex32"))]
    pub hash: Hash256,
}

/// The log has no index left. Cannot be reached in the life of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFull;

impl fmt::Display for LogFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log has no index left")
    }
}

impl core::error::Error for LogFull {}

impl LogHead {
    /// The head of a log without messages. Its hash binds chain and cluster, and with it every later hash.
    pub fn genesis(genesis: &Hash256, cluster: ClusterId) -> Self {
        Self { next_index: 0, hash: Domain::Log.digest(genesis, &cluster) }
    }

    /// The head after `message`, the SCALE bytes of a [`Message`](crate::message::Message):
    /// `hash' = BLAKE2b-256(SCALE(domain) ‖ hash ‖ message)`.
    pub fn append(&self, message: &[u8]) -> Result<Self, LogFull> {
        let next_index = self.next_index.checked_add(1).ok_or(LogFull)?;
        let mut bytes = Vec::with_capacity(message.len().saturating_add(64));
        Domain::Log.text().encode_to(&mut bytes);
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(message);
        Ok(Self { next_index, hash: sp_crypto_hashing::blake2_256(&bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn append_is_the_published_formula() {
        let head = LogHead::genesis(&[7; 32], ClusterId(3));
        let next = head.append(b"message").unwrap();
        let mut bytes = Domain::Log.prefix();
        bytes.extend(head.hash);
        bytes.extend(b"message");
        assert_eq!(next, LogHead { next_index: 1, hash: sp_crypto_hashing::blake2_256(&bytes) });
    }

    #[test]
    fn heads_bind_chain_cluster_order_and_content() {
        let head = LogHead::genesis(&[0; 32], ClusterId(0));
        assert_ne!(head, LogHead::genesis(&[1; 32], ClusterId(0)));
        assert_ne!(head, LogHead::genesis(&[0; 32], ClusterId(1)));
        let fold = |messages: [&[u8]; 2]| messages.iter().try_fold(head, |head, m| head.append(m)).unwrap();
        assert_ne!(fold([b"a", b"b"]), fold([b"b", b"a"]));
        assert_ne!(fold([b"ab", b""]), fold([b"a", b"b"]));
    }

    #[test]
    fn a_full_log_refuses() {
        let full = LogHead { next_index: u64::MAX, hash: [0; 32] };
        assert_eq!(full.append(b""), Err(LogFull));
    }
}
