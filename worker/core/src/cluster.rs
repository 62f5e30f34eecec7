//! A cluster as its members share it: identity, keys and code.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use codec::Encode as _;
use lru::LruCache;
use phala_crypto::{ClusterKeys, SealKey};
use phala_primitives::{ClusterId, Hash256, cluster::Limits as ClusterLimits, contract::CODE_CHUNK_BYTES};
use phat_engine::{Code, CodeError, Compiled, Engine, HostFailure, Limits, Pool, Revision};

use crate::{
    host::CallHost,
    outside::Outside,
    record::UploadRecord,
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
        let tree_keys = TreeKeys::new(keys.state_key(&genesis, id), keys.commitment_key(&genesis, id));
        Arc::new(Self { genesis, id, tree_keys: Arc::new(tree_keys), keys, codes, outside })
    }
}

/// The engine and the code that it has compiled. Clones share both.
#[derive(Clone)]
pub struct Codes {
    engine: Engine<CallHost>,
    compiled: Arc<Mutex<Verdicts>>,
    /// Whether uploads are what their hashes say, by name, until the messages that ask for it are committed.
    judged: Arc<Mutex<HashMap<Hash256, bool>>>,
    /// What was compiled and is still to be stored, by name.
    fresh: Arc<Mutex<Vec<Named>>>,
}

/// What came of compiling an upload. A verdict hangs on the limits under which it was given, and a cluster may change them.
type Verdicts = LruCache<(Hash256, u32, u32), Verdict>;
/// Bytes with their name.
type Named = (Hash256, Vec<u8>);
/// Code that runs, or why there is none: the same for everybody.
pub type Verdict = Result<Code<CallHost>, CodeError>;

/// Compiled codes that may wait to be stored; more of them are compiled again after a restart.
const FRESH: usize = 64;
/// Verdicts that are kept in memory.
const VERDICTS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

impl Codes {
    /// An engine of this revision for so many calls at a time.
    pub fn new(revision: Revision, pool: Pool) -> Result<Self, HostFailure> {
        let compiled = Arc::new(Mutex::new(LruCache::new(VERDICTS)));
        Ok(Self { engine: Engine::new(revision, pool)?, compiled, judged: Arc::default(), fresh: Arc::default() })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine<CallHost> {
        &self.engine
    }

    /// The verdict on an upload, found now if it is not known; nothing if its bytes have to be fetched first. `seal` opens what was
    /// compiled before a restart.
    pub fn load(
        &self,
        upload: &UploadRecord,
        snapshot: &dyn Snapshot,
        limits: &ClusterLimits,
        seal: &SealKey,
    ) -> Result<Option<Verdict>, HostFailure> {
        let key = (upload.name(), limits.code_bytes, limits.memory_bytes);
        if let Some(known) = self.verdicts().get(&key) {
            return Ok(Some(known.clone()));
        }
        let stored =
            |table, name: &Hash256| snapshot.record(table, name).map_err(|error| HostFailure(error.to_string()));
        let name = self.compiled_name(&key);
        let opened = stored(Table::Compiled, &name)?.and_then(|sealed| seal.open_fresh(&context(&name), &sealed).ok());
        let restored = opened.and_then(|bytes| self.engine.restore(&Compiled::from_authenticated(bytes.to_vec())).ok());
        if let Some(code) = restored {
            self.verdicts().put(key, Ok(code.clone()));
            return Ok(Some(Ok(code)));
        }
        // what the host keeps for us may be anything: it counts by its hash alone
        let right = |bytes: &Vec<u8>| sp_crypto_hashing::blake2_256(bytes) == upload.latest().code.0;
        let Some(component) = stored(Table::Code, &upload.name())?.filter(right) else { return Ok(None) };
        let verdict = self.engine.compile(&component, &engine_limits(limits));
        if let Some(compiled) = verdict.as_ref().ok().and_then(|code| self.engine.save(code).ok()) {
            let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            if fresh.len() < FRESH {
                fresh.push((name, compiled.as_bytes().to_vec()));
            }
        }
        self.verdicts().put(key, verdict.clone());
        Ok(Some(verdict))
    }

    /// The verdict on an upload, if it is at hand.
    pub fn known(&self, upload: &UploadRecord, limits: &ClusterLimits) -> Option<Verdict> {
        self.verdicts().get(&(upload.name(), limits.code_bytes, limits.memory_bytes)).cloned()
    }

    fn compiled_name(&self, key: &(Hash256, u32, u32)) -> Hash256 {
        sp_crypto_hashing::blake2_256(&(b"compiled", key, self.engine.revision().number()).encode())
    }

    /// Seals what was compiled since the last time, to be stored.
    pub fn take_fresh(&self, seal: &SealKey, rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng)) -> Vec<Named> {
        let fresh = std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        fresh.into_iter().map(|(name, bytes)| (name, seal.seal_fresh(&context(&name), &bytes, rng))).collect()
    }

    /// Whether an upload is what its hash says; nothing if its chunks have to be fetched first. The chunks alone decide, so that all
    /// members say the same: what the host has stored under the upload's name does not count.
    pub fn judged(&self, upload: &UploadRecord) -> Option<bool> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).get(&upload.name()).copied()
    }

    /// Notes whether an upload is what its hash says.
    pub fn judge(&self, upload: &UploadRecord, right: bool) {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).insert(upload.name(), right);
    }

    /// Forgets what was judged: the messages that asked for it are committed.
    pub fn forget_judged(&self) {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn verdicts(&self) -> MutexGuard<'_, Verdicts> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What compiled code is sealed as.
fn context(name: &Hash256) -> Vec<u8> {
    (b"compiled", name).encode()
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

/// The component that these chunks hold, if they hold the one that the upload names. The chunks have been checked against the
/// upload's hashes, so that a failure here is the uploader's and the same for everybody.
pub fn unpack(upload: &UploadRecord, chunks: &[Vec<u8>]) -> Option<Vec<u8>> {
    debug_assert!(chunks.iter().all(|chunk| chunk.len() <= CODE_CHUNK_BYTES as usize));
    let upload = upload.latest();
    let size = usize::try_from(upload.size).ok()?;
    // the declared size bounds what is unpacked: a small stream must not become gigabytes
    let component = zstd::bulk::decompress(&chunks.concat(), size).ok()?;
    let right = component.len() == size && sp_crypto_hashing::blake2_256(&component) == upload.code.0;
    right.then_some(component)
}
