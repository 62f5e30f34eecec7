//! The query sessions of one boot: bounded, the least used one goes first.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;
use phala_crypto::{ReplayWindow, Replayed, VerifiedCertificate, WorkerSession};
use phala_primitives::query::SessionId;

/// One session.
pub struct Session {
    /// Its keys.
    pub keys: WorkerSession,
    /// Who asks; nobody, if there is none.
    pub certificate: Option<VerifiedCertificate>,
    window: Mutex<ReplayWindow>,
}

impl Session {
    /// Accepts a sequence number once.
    pub fn accept(&self, sequence: u64) -> Result<(), Replayed> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).accept(sequence)
    }
}

/// All sessions.
pub struct Sessions {
    table: Mutex<LruCache<SessionId, Arc<Session>>>,
}

impl Sessions {
    /// Room for so many.
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self { table: Mutex::new(LruCache::new(capacity)) }
    }

    /// Takes a new one in.
    pub fn insert(&self, keys: WorkerSession, certificate: Option<VerifiedCertificate>) -> SessionId {
        let id = keys.id();
        let session = Arc::new(Session { keys, certificate, window: Mutex::default() });
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // the same opening sent again must not forget which sequence numbers were used
        if table.get(&id).is_none() {
            table.put(id, session);
        }
        id
    }

    /// The session with this id.
    pub fn get(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
