//! Where the worker's state lies between two steps: a database of the host, which sees ciphertext under pseudonyms only.
//!
//! The host can lose it, damage it or put an older one back; it cannot read it, and it cannot change a part of it
//! unnoticed: nodes are sealed to their own hash and reached from a root, the checkpoint that names the root is sealed too.

use std::sync::Arc;

/// A failure of the host's storage: the step is given up and tried again. The text is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage: {0}")]
pub struct StoreError(pub String);

/// The tables of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// Components by their upload, see [`crate::record::UploadRecord`].
    Code,
    /// Compiled components, sealed.
    Compiled,
    /// Outcomes of messages by index, for those who sent them.
    Outcome,
    /// The cluster's keys, sealed to the platform. One entry, with the empty key.
    Keys,
}

/// Changes that take effect together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Trie nodes in the order of their keys: sealed bytes of new ones, none for those that are no longer needed. Snapshots
    /// taken before still have these.
    pub nodes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Records to write, or to remove.
    pub records: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
    /// The new checkpoint; none leaves the old one.
    pub checkpoint: Option<Vec<u8>>,
}

/// A database with transactions.
pub trait Store: Send + Sync + 'static {
    /// The bytes of the last committed checkpoint.
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError>;
    /// What is committed now. Later commits do not change it.
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError>;
    /// Writes all of it durably, or nothing.
    fn commit(&self, commit: Commit) -> Result<(), StoreError>;
}

/// The database at one moment.
pub trait Snapshot: Send + Sync + 'static {
    /// A trie node, sealed.
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// A record.
    fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
}
