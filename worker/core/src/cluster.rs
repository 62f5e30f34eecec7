//! A cluster as its members share it: identity, keys and code.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use phala_crypto::ClusterKeys;
use phala_primitives::{ClusterId, CodeHash, Hash256, cluster::Limits as ClusterLimits, contract::CODE_CHUNK_BYTES};
use phat_engine::{Code, CodeError, Engine, HostFailure, Limits, Pool, Revision};

use crate::{
    host::CallHost,
    outside::Outside,
    store::{Snapshot, Table},
    tree::TreeKeys,
};

/// What every call of a contract needs and none changes.
pub struct Cluster {
    /// Hash of the chain's block 0.
    pub genesis: Hash256,
    /// Its number.
    pub id: ClusterId,
    /// The roots of its keys.
    pub keys: ClusterKeys,
    /// Derived from the roots: they protect the state.
    pub tree_keys: Arc<TreeKeys>,
    /// Compiled code.
    pub codes: Codes,
    /// What only queries reach.
    pub outside: Arc<dyn Outside>,
}

impl Cluster {
    /// A cluster with these keys.
    pub fn new(
        genesis: Hash256,
        id: ClusterId,
        keys: ClusterKeys,
        codes: Codes,
        outside: Arc<dyn Outside>,
    ) -> Arc<Self> {
        let tree_keys = TreeKeys { seal: keys.state_key(&genesis, id), commitment: keys.commitment_key(&genesis, id) };
        Arc::new(Self { genesis, id, tree_keys: Arc::new(tree_keys), keys, codes, outside })
    }
}

/// The engine and the code that it has compiled. Clones share both.
#[derive(Clone)]
pub struct Codes {
    engine: Engine<CallHost>,
    compiled: Arc<RwLock<Verdicts>>,
}

/// What came of compiling each code.
type Verdicts = HashMap<CodeHash, Result<Code<CallHost>, CodeError>>;

impl Codes {
    /// An engine of this revision for so many calls at a time.
    pub fn new(revision: Revision, pool: Pool) -> Result<Self, HostFailure> {
        Ok(Self { engine: Engine::new(revision, pool)?, compiled: Arc::default() })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine<CallHost> {
        &self.engine
    }

    /// Compiles a component, or repeats the verdict on it.
    pub fn compile(
        &self,
        hash: CodeHash,
        component: &[u8],
        limits: &ClusterLimits,
    ) -> Result<Code<CallHost>, CodeError> {
        if let Some(known) = self.compiled(&hash) {
            return known;
        }
        let verdict = self.engine.compile(component, &engine_limits(limits));
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        compiled.entry(hash).or_insert(verdict).clone()
    }

    /// The code with this hash, compiled now if it was not before; nothing if the store does not have it.
    pub fn load(
        &self,
        hash: CodeHash,
        snapshot: &dyn Snapshot,
        limits: &ClusterLimits,
    ) -> Result<Option<Result<Code<CallHost>, CodeError>>, HostFailure> {
        if let Some(known) = self.compiled(&hash) {
            return Ok(Some(known));
        }
        let stored = snapshot.record(Table::Code, &hash.0).map_err(|error| HostFailure(error.to_string()))?;
        // what the host keeps for us may be anything: it counts by its hash alone
        let component = stored.filter(|bytes| sp_crypto_hashing::blake2_256(bytes) == hash.0);
        Ok(component.map(|component| self.compile(hash, &component, limits)))
    }

    /// Settles that there is no such code: what was uploaded is something else.
    pub fn condemn(&self, hash: CodeHash) {
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        compiled.insert(hash, Err(CodeError::NotAComponent));
    }

    fn compiled(&self, hash: &CodeHash) -> Option<Result<Code<CallHost>, CodeError>> {
        self.compiled.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }
}

/// A cluster's limits as the engine takes them.
pub fn engine_limits(limits: &ClusterLimits) -> Limits {
    let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
    Limits {
        code_bytes: size(limits.code_bytes),
        memory_bytes: size(limits.memory_bytes),
        key_bytes: size(limits.key_bytes),
        value_bytes: size(limits.value_bytes),
        output_bytes: size(limits.output_bytes),
        payload_bytes: size(limits.payload_bytes),
    }
}

/// The component that these chunks hold, if they hold the one with this hash and size. The chunks have been checked against
/// the chain's hashes, so that a failure here is the uploader's and the same for everybody.
pub fn unpack(code: CodeHash, size: u32, chunks: &[Vec<u8>]) -> Option<Vec<u8>> {
    debug_assert!(chunks.iter().all(|chunk| chunk.len() <= CODE_CHUNK_BYTES as usize));
    let size = usize::try_from(size).ok()?;
    // the declared size bounds what is unpacked: a small stream must not become gigabytes
    let component = zstd::bulk::decompress(&chunks.concat(), size).ok()?;
    let right = component.len() == size && sp_crypto_hashing::blake2_256(&component) == code.0;
    right.then_some(component)
}
