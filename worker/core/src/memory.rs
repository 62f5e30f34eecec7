//! A store in memory: for tests, simulations and measurements.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::store::{Commit, Snapshot, Store, StoreError, Table};

type Records = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

#[derive(Clone, Default)]
struct Content {
    nodes: Arc<BTreeMap<Vec<u8>, Vec<u8>>>,
    records: Arc<Records>,
    checkpoint: Option<Vec<u8>>,
}

/// See the [module's documentation](self). Clones share their content.
#[derive(Clone, Default)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
}

impl MemoryStore {
    fn with<R>(&self, work: impl FnOnce(&mut Content) -> R) -> R {
        work(&mut self.content.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a hostile host at the nodes.
    pub fn tamper(&self, change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) {
        self.with(|content| change(Arc::make_mut(&mut content.nodes)));
    }

    /// A copy that later changes do not reach: what a host keeps to put it back later.
    pub fn fork(&self) -> Self {
        Self { content: Arc::new(Mutex::new(self.with(|content| content.clone()))) }
    }
}

impl Store for MemoryStore {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.with(|content| content.checkpoint.clone()))
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        Ok(Arc::new(self.with(|content| content.clone())))
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.with(|content| {
            let nodes = Arc::make_mut(&mut content.nodes);
            for (key, node) in commit.nodes {
                match node {
                    Some(node) => nodes.insert(key, node),
                    None => nodes.remove(&key),
                };
            }
            let records = Arc::make_mut(&mut content.records);
            for (table, key, value) in commit.records {
                match value {
                    Some(value) => records.insert((table, key), value),
                    None => records.remove(&(table, key)),
                };
            }
            if commit.checkpoint.is_some() {
                content.checkpoint = commit.checkpoint;
            }
        });
        Ok(())
    }
}

impl Snapshot for Content {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.nodes.get(key).cloned())
    }

    fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.get(&(table, key.to_vec())).cloned())
    }
}
