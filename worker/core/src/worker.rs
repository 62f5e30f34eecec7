//! The worker's life as a state machine: `step(input, now) → effects`, and `want(now)` for what it needs next.
//!
//! It goes in rounds (`round.rs`): it advances its light client, reads the state of the newest finalised block by
//! proof, and then does what its phase asks for (`phase.rs`). Each duty has a file and a state of its own. A step that
//! fails changes nothing but what it says it does, and is tried again.

mod answers;
mod asked;
mod catchup;
mod error;
mod identity;
mod keys;
mod log;
mod phase;
mod registration;
mod reports;
mod round;

use std::sync::Arc;

use phala_crypto::{BootIdentity, SealKey};
use phala_light_client::LightClient;
use phala_primitives::{AccountId, ClusterId, WorkerId, worker::Endpoint};
use phat_engine::Stack;

pub use self::{error::StepError, phase::Phase};

use self::{
    answers::Answers, identity::Identity, keys::KeySearch, log::Log, registration::Registration, reports::Reports,
    round::Stage,
};
use crate::{
    chain::{self, Chain},
    cluster::{Cluster, Codes},
    exchange::{Effect, Input, Want},
    following::Executed,
    outside::Outside,
    store::Store,
};

/// Hand-overs that one finality proof may have.
const HANDOFFS: u32 = 64;

/// What a worker is, for as long as it runs.
pub struct Config {
    /// The chain.
    pub chain: phala_light_client::Config,
    /// The cluster that it serves.
    pub cluster: ClusterId,
    /// Who runs it.
    pub operator: AccountId,
    /// With the operator this gives the worker's id.
    pub salt: [u8; 32],
    /// Where it is reached.
    pub endpoint: Option<Endpoint>,
}

/// What a worker is made of.
pub struct Parts {
    /// Its boot.
    pub boot: Arc<BootIdentity>,
    /// Its state.
    pub store: Arc<dyn Store>,
    /// Its engine.
    pub codes: Codes,
    /// What its queries reach.
    pub outside: Arc<dyn Outside>,
    /// The platform's sealing key, if it has one.
    pub platform: Option<zeroize::Zeroizing<[u8; 32]>>,
}

/// A worker. See the [module's documentation](self).
pub struct Worker {
    identity: Identity,
    store: Arc<dyn Store>,
    codes: Codes,
    outside: Arc<dyn Outside>,
    client: LightClient,
    chain: Option<Chain>,
    stage: Stage,
    phase: Phase,
    registration: Registration,
    search: KeySearch,
    /// The cluster with its keys, once they are known.
    cluster: Option<Arc<Cluster>>,
    /// Its log, once the worker has its place in it.
    log: Option<Log>,
    reports: Reports,
    answers: Answers,
    /// The height at which there was nothing left to do.
    settled_at: Option<u32>,
    /// Answers of nodes that have brought it further.
    progress: u64,
}

impl Worker {
    /// A worker that knows the genesis and has done nothing.
    pub fn new(config: Config, parts: Parts) -> Result<Self, phala_light_client::ConfigError> {
        let client = LightClient::new(&config.chain)?;
        let genesis = *client.genesis();
        let worker = WorkerId::derive(&genesis, &config.operator, &config.salt);
        let platform = parts.platform.map(|key| SealKey::for_platform(&key, &genesis, worker));
        Ok(Self {
            identity: Identity { genesis, worker, boot: parts.boot, config },
            store: parts.store,
            codes: parts.codes,
            outside: parts.outside,
            client,
            chain: None,
            stage: Stage::Advance,
            phase: Phase::Syncing,
            registration: Registration::default(),
            search: KeySearch::new(platform),
            cluster: None,
            log: None,
            reports: Reports::default(),
            answers: Answers::default(),
            settled_at: None,
            progress: 0,
        })
    }

    /// Its id.
    pub fn id(&self) -> WorkerId {
        self.identity.worker
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The height up to which it knows the chain to be final.
    pub fn height(&self) -> u32 {
        self.client.height()
    }

    /// How many messages it has executed.
    pub fn log_index(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.following.position().next_index)
    }

    /// How many messages the chain is proven to have in the log.
    pub fn known_index(&self) -> u64 {
        self.chain.as_ref().and_then(|chain| chain.head).map_or(0, |head| head.next_index)
    }

    /// How many messages of a long log still have to be hashed before the first of them is executed.
    pub fn to_survey(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::to_survey)
    }

    /// What it has executed since it started.
    pub fn executed(&self) -> Executed {
        self.log.as_ref().map(|log| log.following.executed()).unwrap_or_default()
    }

    /// Counts the answers of nodes that have brought it further. A node that keeps it from moving is left for another.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// What it wants to know next.
    pub fn want(&self, now_ms: u64) -> Want {
        let news = Want::Finality { from_set: self.client.authorities().id(), limit: HANDOFFS };
        match &self.stage {
            Stage::Idle { until_ms } if now_ms < *until_ms => Want::Nothing { until_ms: *until_ms },
            Stage::Idle { .. } | Stage::Advance => news,
            Stage::Read => match self.client.finalized() {
                Some(at) => Want::Read { at: *at.hash(), keys: self.storage_keys() },
                None => news,
            },
            Stage::Act => self.act().unwrap_or(news),
        }
    }

    fn members(&self) -> &[WorkerId] {
        self.chain.as_ref().map_or(&[], |chain| &chain.members)
    }

    fn storage_keys(&self) -> Vec<Vec<u8>> {
        chain::keys(self.identity.config.cluster, self.identity.worker, self.members())
    }

    /// What the phase wants from outside; nothing if the round is over.
    fn act(&self) -> Option<Want> {
        let (identity, chain) = (&self.identity, self.chain.as_ref()?);
        match self.phase {
            Phase::Registering => self.registration.want(identity, chain),
            Phase::Keyless => self.search.want(identity, chain),
            Phase::Following => self.log.as_ref()?.want(identity.config.cluster, chain),
            _ => None,
        }
    }

    /// Takes what the daemon has found out, and says what is to be done: `effects`, also where the step failed after them.
    ///
    /// Whatever fails, the next thing wanted is news: what failed may be out of date.
    pub fn step(
        &mut self,
        stack: &Stack,
        input: Input,
        now_ms: u64,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
        effects: &mut Vec<Effect>,
    ) -> Result<(), StepError> {
        let recovered = self.log.as_mut().map_or(Ok(()), |log| log.following.recover());
        let result = recovered.and_then(|()| self.take(stack, input, now_ms, effects, rng));
        if result.is_err() {
            self.stage = Stage::Advance;
        }
        result
    }
}
