//! What the worker reads of the chain's state, each time it has moved on.

use std::{collections::BTreeMap, sync::Arc};

use phala_light_client::{FinalizedHeader, ReadError, Verified, VerifiedRead};
use phala_primitives::{
    ClusterId, Hash256, LogHead, WorkerId,
    cluster::{ClusterEntry, ClusterEntryV1, Members},
    report::{Reported, ReportedV1},
    storage_key,
    worker::{WorkerEntry, WorkerEntryV1},
};

/// The chain as of one finalised block. All of it is proven.
pub struct Chain {
    pub at: FinalizedHeader,
    pub time_ms: u64,
    /// None while there is no such cluster.
    pub cluster: Option<ClusterEntryV1>,
    pub head: Option<Verified<LogHead>>,
    pub reported: Option<ReportedV1>,
    /// The registry entries of those members that were known when the keys were asked for, and of the worker itself.
    pub entries: Arc<BTreeMap<WorkerId, WorkerEntryV1>>,
    pub members: Vec<WorkerId>,
}

/// The keys to read.
pub fn keys(cluster: ClusterId, worker: WorkerId, members: &[WorkerId]) -> Vec<Vec<u8>> {
    let mut keys = vec![
        storage_key::timestamp_now(),
        storage_key::block_hash(0),
        storage_key::cluster(cluster),
        storage_key::log_head(cluster),
        storage_key::members(cluster),
        storage_key::reported(cluster),
        storage_key::worker(worker),
    ];
    keys.extend(members.iter().filter(|member| **member != worker).map(|member| storage_key::worker(*member)));
    keys
}

impl Chain {
    /// What these keys, read at one block, say.
    pub fn new(
        read: &VerifiedRead,
        genesis: &Hash256,
        cluster: ClusterId,
        worker: WorkerId,
        known: &[WorkerId],
    ) -> Result<Self, ReadError> {
        // votes do not name their chain: the same validators may serve another one
        read.confirm_genesis(genesis)?;
        let entry = read.get::<ClusterEntry>(&storage_key::cluster(cluster))?.into_inner();
        let reported = read.get::<Reported>(&storage_key::reported(cluster))?.into_inner();
        let members = read.get::<Members>(&storage_key::members(cluster))?.into_inner().unwrap_or_default();
        let mut entries = BTreeMap::new();
        for id in known.iter().chain([&worker]) {
            if let Some(WorkerEntry::V1(entry)) = read.get(&storage_key::worker(*id))?.into_inner() {
                entries.insert(*id, entry);
            }
        }
        Ok(Self {
            at: *read.at(),
            time_ms: read.get::<u64>(&storage_key::timestamp_now())?.into_inner().unwrap_or(0),
            cluster: entry.map(|ClusterEntry::V1(entry)| entry),
            head: read.get::<LogHead>(&storage_key::log_head(cluster))?.present(),
            reported: reported.map(|Reported::V1(reported)| reported),
            entries: Arc::new(entries),
            members: members.to_vec(),
        })
    }

    /// The registry's entry of a worker.
    pub fn entry(&self, worker: &WorkerId) -> Option<&WorkerEntryV1> {
        self.entries.get(worker)
    }
}
