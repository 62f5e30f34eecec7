//! Nodes of a tree that have been opened: the same ones are read again and again, near the root with every message.
//!
//! A node is found by its hash, so it is right for every snapshot and never out of date. It is bounded in bytes.

use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use sp_core::H256;
use trie_db::DBValue;

/// Bytes that are kept by default.
const BYTES: usize = 128 * 1024 * 1024;
/// Parts with a lock each: queries read while the log is executed.
const SHARDS: usize = 16;
/// What an entry takes beside the node's bytes.
const ENTRY: usize = 112;

/// See the [module's documentation](self).
pub struct NodeCache {
    shards: [Mutex<Shard>; SHARDS],
    /// For each of them.
    bytes: usize,
}

struct Shard {
    nodes: LruCache<H256, DBValue>,
    bytes: usize,
}

impl Default for NodeCache {
    fn default() -> Self {
        Self::with_bytes(BYTES)
    }
}

impl NodeCache {
    /// Keeps as much as fits.
    pub fn with_bytes(bytes: usize) -> Self {
        let shard = || Mutex::new(Shard { nodes: LruCache::unbounded(), bytes: 0 });
        Self { shards: std::array::from_fn(|_| shard()), bytes: bytes / SHARDS }
    }

    fn with<R>(&self, hash: &H256, work: impl FnOnce(&mut Shard) -> R) -> Option<R> {
        // a hash spreads by each of its bytes
        let shard = self.shards.get(usize::from(hash.0[0]) % SHARDS)?;
        Some(work(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The node with this hash, if it is here.
    pub fn get(&self, hash: &H256) -> Option<DBValue> {
        self.with(hash, |shard| shard.nodes.get(hash).cloned()).flatten()
    }

    /// Keeps a node; those that were not used for the longest time make room. One that would take much of it is not kept.
    pub fn put(&self, hash: H256, node: &[u8]) {
        let size = |node: &[u8]| node.len().saturating_add(ENTRY);
        if size(node) > self.bytes / 4 {
            return;
        }
        self.with(&hash, |shard| {
            if shard.nodes.put(hash, node.to_vec()).is_none() {
                shard.bytes = shard.bytes.saturating_add(size(node));
            }
            while shard.bytes > self.bytes {
                let Some((_, oldest)) = shard.nodes.pop_lru() else { break };
                shard.bytes = shard.bytes.saturating_sub(size(&oldest));
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// All in one shard.
    fn hash(number: u8) -> H256 {
        let mut hash = H256::zero();
        hash.0[1] = number;
        hash
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let room_for_four = SHARDS * 4 * (100 + ENTRY);
        let cache = NodeCache::with_bytes(room_for_four);
        for number in 0..4 {
            cache.put(hash(number), &[number; 100]);
        }
        assert_eq!(cache.get(&hash(0)).unwrap(), [0; 100]);
        cache.put(hash(4), &[4; 100]);
        assert!(cache.get(&hash(1)).is_none());
        assert!([0, 2, 3, 4].iter().all(|number| cache.get(&hash(*number)).is_some()));
        // the same again takes no more room
        cache.put(hash(4), &[4; 100]);
        assert!(cache.get(&hash(2)).is_some());
    }

    #[test]
    fn a_node_that_would_take_much_of_the_room_is_not_kept() {
        let cache = NodeCache::with_bytes(SHARDS * 1_000);
        cache.put(hash(1), &[1; 100]);
        cache.put(hash(2), &[2; 1_000]);
        assert!(cache.get(&hash(1)).is_some() && cache.get(&hash(2)).is_none());
    }
}
