//! What queries are answered from: the state at one finalised block. Views do not change; a new one replaces the old.

use std::sync::Arc;

use phala_primitives::{
    AccountId, Assurance, Hash256, LogHead, WorkerId,
    cluster::{ClusterConfigV1, ClusterStatus},
};

use crate::{cluster::Cluster, tree::Tree};

/// A state that queries are answered from. Made by the worker alone, from proven and executed values.
pub struct View {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) config: Arc<ClusterConfigV1>,
    pub(crate) status: ClusterStatus,
    pub(crate) owner: AccountId,
    pub(crate) block: u32,
    pub(crate) block_hash: Hash256,
    pub(crate) time_ms: u64,
    pub(crate) head: LogHead,
    pub(crate) tree: Tree,
    pub(crate) worker: WorkerId,
    pub(crate) boot_count: u64,
    pub(crate) assurance: Assurance,
}

impl View {
    /// The finalised block.
    pub fn block(&self) -> u32 {
        self.block
    }

    /// How many messages were executed.
    pub fn log_index(&self) -> u64 {
        self.head.next_index
    }

    /// Root of the state.
    pub fn state_root(&self) -> Hash256 {
        self.tree.root()
    }

    /// What stands behind the answers.
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// Chain time, in milliseconds since the Unix epoch.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Who owns the cluster.
    pub fn owner(&self) -> AccountId {
        self.owner
    }
}
