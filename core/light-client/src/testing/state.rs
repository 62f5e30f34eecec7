//! A chain's state: a map, its trie root, and read proofs.

use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};
use phala_primitives::Hash256;
use sp_core::{Blake2Hasher, H256};
use sp_trie::{
    LayoutV1, MemoryDB, Recorder, TrieConfiguration, TrieMut, read_trie_value, trie_types::TrieDBMutBuilderV1,
};

type Layout = LayoutV1<Blake2Hasher>;

/// Keys and values of a chain's state.
#[derive(Clone, Debug, Default)]
pub struct TestState(BTreeMap<Vec<u8>, Vec<u8>>);

impl TestState {
    /// Sets `key`.
    pub fn insert(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), value.into());
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &[u8]) {
        self.0.remove(key);
    }

    /// What is at `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// All keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Root of the trie (layout 1, BLAKE2b-256).
    pub fn root(&self) -> Hash256 {
        Layout::trie_root(&self.0).0
    }

    /// The trie nodes that lead from the root to `keys`, or to the proof of their absence; each once.
    pub fn prove(&self, keys: &[impl AsRef<[u8]>]) -> Vec<Vec<u8>> {
        let (mut db, mut root) = (MemoryDB::<Blake2Hasher>::default(), H256::default());
        {
            let mut trie = TrieDBMutBuilderV1::new(&mut db, &mut root).build();
            for (key, value) in &self.0 {
                trie.insert(key, value).expect("a trie in memory takes every key");
            }
        }
        let mut recorder = Recorder::<Layout>::new();
        for key in keys {
            read_trie_value::<Layout, _>(&db, &root, key.as_ref(), Some(&mut recorder), None)
                .expect("the trie is whole");
        }
        let nodes: BTreeSet<_> = recorder.drain().into_iter().map(|record| record.data).collect();
        nodes.into_iter().collect()
    }
}
