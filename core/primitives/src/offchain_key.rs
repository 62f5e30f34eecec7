//! Keys of the nodes' off-chain index, where bodies live whose hashes are on chain.
//!
//! The index is written at import on every fork, so each key contains the hash of what it names: forks never overwrite each
//! other. A body is read back by walking from a proven hash.

use alloc::vec::Vec;
use codec::Encode;

use crate::{ClusterId, CodeHash, Hash256};

/// The message at `index`, stored under the log's hash *after* it. The value is [`LogBody`], so that a reader can walk back.
pub fn log_body(cluster: ClusterId, index: u64, hash_after: &Hash256) -> Vec<u8> {
    (b"phala/log/", cluster, index, hash_after).encode()
}

/// The value under [`log_body`].
#[derive(Clone, Debug, PartialEq, Eq, codec::Encode, codec::Decode)]
pub struct LogBody {
    /// The log's hash before the message: with `index - 1` the key of the message before.
    pub parent: Hash256,
    /// The message as it was hashed: SCALE bytes of a [`Message`](crate::Message).
    pub message: Vec<u8>,
}

/// A worker's evidence, by its hash.
pub fn evidence(hash: &Hash256) -> Vec<u8> {
    (b"phala/evidence/", hash).encode()
}

/// A chunk of code, by its hash.
pub fn code_chunk(cluster: ClusterId, code: &CodeHash, chunk: &Hash256) -> Vec<u8> {
    (b"phala/code/", cluster, code, chunk).encode()
}
