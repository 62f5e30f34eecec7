//! The authenticated state of a cluster: a Merkle trie whose nodes lie, sealed, in the host's [`Store`](crate::store::Store).
//!
//! Every node is sealed to its own hash and is reached from the root, so that whoever has the root notices every node that is
//! missing, changed, or of another time. Leaves carry a salt that hangs on the cluster's keys: the root is public in reports and
//! must not let anybody test guesses about the state. The database does not see where in the trie a node stands either: that would
//! be most of a contract's key.
//!
//! Between two commits new nodes are kept in memory, and so are those that have been opened ([`NodeCache`]). A tree over a
//! snapshot never changes: queries have one each.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use phala_crypto::{CommitmentKey, SealKey};
use phala_primitives::{ContractId, Hash256};
use sp_core::{Blake2Hasher, H256, Hasher};
use sp_trie::{LayoutV1, Trie as _, TrieDBBuilder, TrieError, empty_trie_root, prefixed_key};
use trie_db::{DBValue, TrieDBMutBuilder, TrieMut as _};

use crate::{
    node_cache::NodeCache,
    store::{Commit, Snapshot, StoreError},
};

type Layout = LayoutV1<Blake2Hasher>;
type Prefix<'a> = hash_db::Prefix<'a>;

/// What sealed nodes are sealed as.
const NODE_CONTEXT: &[u8] = b"node";
/// What places in the trie are hidden as.
const PLACE_CONTEXT: &[u8] = b"place";
/// Length of a leaf's salt, in bytes.
const SALT: usize = 16;
/// The encoding of an empty trie.
const NULL_NODE: [u8; 1] = [0];

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Why the state could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// The host's storage failed. The same may work a moment later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A node is missing, or is not what was written: the data directory is damaged or was changed.
    #[error("the state on disk is damaged or was changed: {0}")]
    Damaged(String),
}

/// The keys that protect a tree, with what they have opened.
pub struct TreeKeys {
    /// Seals nodes.
    pub seal: SealKey,
    /// Salts leaves.
    pub commitment: CommitmentKey,
    opened: NodeCache,
}

impl TreeKeys {
    /// Has opened nothing yet.
    pub fn new(seal: SealKey, commitment: CommitmentKey) -> Self {
        Self { seal, commitment, opened: NodeCache::default() }
    }

    /// Where the database keeps the node with this prefixed key: a pseudonym of its place, and its hash. What replaces a node has the
    /// same place.
    fn database_key(&self, prefixed: &[u8]) -> Vec<u8> {
        let (place, hash) = prefixed.split_at_checked(prefixed.len().saturating_sub(32)).unwrap_or((&[], prefixed));
        [&self.seal.pseudonym(PLACE_CONTEXT, place)[..], hash].concat()
    }
}

/// Nodes since the last commit, by prefixed key.
type PendingNodes = HashMap<Vec<u8>, PendingNode>;

/// What becomes of a key with the next commit.
#[derive(Clone)]
enum PendingNode {
    /// A node is written. `stored`: the snapshot has it already, and it was removed for a while.
    Written { hash: H256, bytes: DBValue, stored: bool },
    /// The snapshot's node is removed.
    Removed,
}

/// A trie at a root. See the [module's documentation](self).
#[derive(Clone)]
pub struct Tree {
    snapshot: Arc<dyn Snapshot>,
    keys: Arc<TreeKeys>,
    root: H256,
    pending: PendingNodes,
    /// Nodes that were given to a commit. Once it has succeeded they may be read from memory.
    drained: Vec<(H256, DBValue)>,
}

impl Tree {
    /// The tree with this root in a snapshot; the empty one without a root.
    pub fn new(snapshot: Arc<dyn Snapshot>, keys: Arc<TreeKeys>, root: Option<Hash256>) -> Self {
        let root = root.map_or_else(empty_trie_root::<Layout>, H256);
        Self { snapshot, keys, root, pending: HashMap::new(), drained: Vec::new() }
    }

    /// The root.
    pub fn root(&self) -> Hash256 {
        self.root.0
    }

    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateFault> {
        let nodes = Nodes::new(self);
        let trie = TrieDBBuilder::<Layout>::new(&nodes, &self.root).build();
        match trie.get(key) {
            Ok(leaf) => leaf.map(unsalted).transpose(),
            Err(error) => Err(nodes.fault(&error)),
        }
    }

    /// The first entry with this prefix whose key is greater than `after`.
    pub fn next(&self, prefix: &[u8], after: Option<&[u8]>) -> Result<Option<Entry>, StateFault> {
        let nodes = Nodes::new(self);
        let trie = TrieDBBuilder::<Layout>::new(&nodes, &self.root).build();
        let start = after.map_or(prefix, |after| after.max(prefix));
        let found = trie.iter().and_then(|mut entries| {
            entries.seek(start)?;
            entries
                .find(|entry| match entry {
                    Ok((key, _)) => after.is_none_or(|after| key.as_slice() > after),
                    Err(_) => true,
                })
                .transpose()
        });
        match found {
            Ok(Some((key, leaf))) if key.starts_with(prefix) => Ok(Some((key, unsalted(leaf)?))),
            Ok(_) => Ok(None),
            Err(error) => Err(nodes.fault(&error)),
        }
    }

    /// Writes and removes entries, and so moves on to a new root.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) -> Result<(), StateFault> {
        let mut root = self.root;
        let mut pending = std::mem::take(&mut self.pending);
        let keys = self.keys.clone();
        let result = {
            let mut nodes = Nodes { tree: self, pending: Pending::Owned(&mut pending), fault: OnceLock::new() };
            let result = write(&mut nodes, &mut root, &keys.commitment, changes);
            result.map_err(|error| nodes.fault(&error))
        };
        match result {
            Ok(()) => {
                self.pending = pending;
                self.root = root;
                Ok(())
            }
            // what was half written is worth nothing: the caller gives the whole step up
            Err(fault) => Err(fault),
        }
    }

    /// Adds the nodes since the last commit to a commit, sealed. The tree must go on from a snapshot after it.
    pub fn drain_into(&mut self, commit: &mut Commit) {
        let mut drained = std::mem::take(&mut self.drained);
        let mut nodes = Vec::with_capacity(self.pending.len());
        for (key, node) in self.pending.drain() {
            match node {
                PendingNode::Written { stored: true, .. } => {}
                PendingNode::Written { hash, bytes, .. } => {
                    let sealed = self.keys.seal.seal(NODE_CONTEXT, &hash.0, &bytes);
                    nodes.push((self.keys.database_key(&key), Some(sealed)));
                    drained.push((hash, bytes));
                }
                PendingNode::Removed => nodes.push((self.keys.database_key(&key), None)),
            }
        }
        // the database finds neighbours faster, and what replaces a node is its neighbour
        nodes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        commit.nodes.append(&mut nodes);
        self.drained = drained;
    }

    /// Goes on from a snapshot that has everything which was drained.
    pub fn rebase(&mut self, snapshot: Arc<dyn Snapshot>) {
        for (hash, bytes) in self.drained.drain(..) {
            self.keys.opened.put(hash, &bytes);
        }
        self.snapshot = snapshot;
    }

    /// The snapshot below.
    pub fn snapshot(&self) -> &Arc<dyn Snapshot> {
        &self.snapshot
    }
}

fn write(
    nodes: &mut Nodes<'_>,
    root: &mut H256,
    salts: &CommitmentKey,
    changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
) -> Result<(), Box<TrieError<Layout>>> {
    let mut trie = TrieDBMutBuilder::<Layout>::from_existing(nodes, root).build();
    for (key, value) in changes {
        match value {
            Some(value) => {
                let mut leaf = Vec::with_capacity(value.len().saturating_add(SALT));
                leaf.extend_from_slice(&salts.leaf_salt(ContractId::default(), &key));
                leaf.extend_from_slice(&value);
                trie.insert(&key, &leaf)?;
            }
            // trie-db takes a key that ends in the middle of a branch for that branch: it would remove another key's value, or panic
            None if trie.contains(&key)? => {
                trie.remove(&key)?;
            }
            None => {}
        }
    }
    trie.commit();
    Ok(())
}

fn unsalted(mut leaf: DBValue) -> Result<Vec<u8>, StateFault> {
    if leaf.len() < SALT {
        return Err(StateFault::Damaged("a leaf without its salt".into()));
    }
    Ok(leaf.split_off(SALT))
}

enum Pending<'a> {
    Shared(&'a PendingNodes),
    Owned(&'a mut PendingNodes),
}

impl Pending<'_> {
    fn get(&self, key: &[u8]) -> Option<&PendingNode> {
        match self {
            Self::Shared(map) => map.get(key),
            Self::Owned(map) => map.get(key),
        }
    }
}

/// The nodes as the trie library sees them.
struct Nodes<'a> {
    tree: &'a Tree,
    pending: Pending<'a>,
    /// The trie library knows only "missing": what really happened is kept here.
    fault: OnceLock<StateFault>,
}

impl<'a> Nodes<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self { tree, pending: Pending::Shared(&tree.pending), fault: OnceLock::new() }
    }

    fn fault(&self, error: &TrieError<Layout>) -> StateFault {
        let noted = self.fault.get().cloned();
        noted.unwrap_or_else(|| StateFault::Damaged(error.to_string()))
    }

    fn read(&self, hash: &H256, key: &[u8]) -> Result<Option<DBValue>, StateFault> {
        match self.pending.get(key) {
            Some(PendingNode::Written { bytes, .. }) => return Ok(Some(bytes.clone())),
            Some(PendingNode::Removed) => return Ok(None),
            None => {}
        }
        if let Some(node) = self.tree.keys.opened.get(hash) {
            return Ok(Some(node));
        }
        let key = self.tree.keys.database_key(key);
        let Some(sealed) = self.tree.snapshot.node(&key)? else { return Ok(None) };
        let opened = self.tree.keys.seal.open(NODE_CONTEXT, &hash.0, &sealed);
        let node = opened.map_err(|_| StateFault::Damaged(format!("node {hash:?} does not open")))?;
        self.tree.keys.opened.put(*hash, &node);
        Ok(Some(node.to_vec()))
    }
}

impl hash_db::HashDBRef<Blake2Hasher, DBValue> for Nodes<'_> {
    fn get(&self, hash: &H256, prefix: Prefix<'_>) -> Option<DBValue> {
        if *hash == empty_trie_root::<Layout>() {
            return Some(NULL_NODE.to_vec());
        }
        match self.read(hash, &prefixed_key::<Blake2Hasher>(hash, prefix)) {
            Ok(node) => node,
            Err(fault) => {
                let _the_first_counts = self.fault.set(fault);
                None
            }
        }
    }

    fn contains(&self, hash: &H256, prefix: Prefix<'_>) -> bool {
        hash_db::HashDBRef::get(self, hash, prefix).is_some()
    }
}

impl hash_db::HashDB<Blake2Hasher, DBValue> for Nodes<'_> {
    fn get(&self, hash: &H256, prefix: Prefix<'_>) -> Option<DBValue> {
        hash_db::HashDBRef::get(self, hash, prefix)
    }

    fn contains(&self, hash: &H256, prefix: Prefix<'_>) -> bool {
        hash_db::HashDBRef::contains(self, hash, prefix)
    }

    fn insert(&mut self, prefix: Prefix<'_>, value: &[u8]) -> H256 {
        let hash = Blake2Hasher::hash(value);
        hash_db::HashDB::emplace(self, hash, prefix, value.to_vec());
        hash
    }

    fn emplace(&mut self, hash: H256, prefix: Prefix<'_>, value: DBValue) {
        if value == NULL_NODE {
            return;
        }
        if let Pending::Owned(pending) = &mut self.pending {
            let key = prefixed_key::<Blake2Hasher>(&hash, prefix);
            let stored = match pending.get(&key) {
                Some(PendingNode::Removed) => true,
                Some(PendingNode::Written { stored, .. }) => *stored,
                None => false,
            };
            pending.insert(key, PendingNode::Written { hash, bytes: value, stored });
        }
    }

    fn remove(&mut self, hash: &H256, prefix: Prefix<'_>) {
        if *hash == empty_trie_root::<Layout>() {
            return;
        }
        if let Pending::Owned(pending) = &mut self.pending {
            let key = prefixed_key::<Blake2Hasher>(hash, prefix);
            match pending.get(&key) {
                // nobody but this tree has seen it
                Some(PendingNode::Written { stored: false, .. }) => {
                    pending.remove(&key);
                }
                _ => {
                    pending.insert(key, PendingNode::Removed);
                }
            }
        }
    }
}

impl hash_db::AsHashDB<Blake2Hasher, DBValue> for Nodes<'_> {
    fn as_hash_db(&self) -> &dyn hash_db::HashDB<Blake2Hasher, DBValue> {
        self
    }

    fn as_hash_db_mut<'b>(&'b mut self) -> &'b mut (dyn hash_db::HashDB<Blake2Hasher, DBValue> + 'b) {
        self
    }
}

#[cfg(test)]
mod tests;
