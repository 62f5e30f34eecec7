//! A round: from news to rest. Whatever comes in is taken here.
//!
//! ```text
//! Advance ── finality ──▶ Read ── the newest state ──▶ Act ── the phase wants nothing any more ──▶ Idle
//!  ▲  └─────────── no news, and nothing was left to do at the newest block ────────────────────▶ │
//!  └─────────────── time has passed, or there may be news; from everywhere: a step has failed ───┘
//! ```
//!
//! In `Act` the phase may want several things, one after the other; after each of them the phase is found anew.

use std::sync::Arc;

use phala_crypto::ClusterKeys;
use phala_light_client::{AdvanceError, FinalityProof};
use phala_primitives::Wire as _;
use phat_engine::Stack;

use super::{HANDOFFS, Worker, error::StepError, identity::Identity, keys::handed_over, log::Log, phase::Phase};
use crate::{
    chain::Chain,
    cluster::Cluster,
    exchange::{Effect, Input},
    following::Following,
    queries::Members,
};

/// How long to wait for news, in milliseconds.
const IDLE_MS: u64 = 1_000;

/// What the current round still has to do.
pub enum Stage {
    /// To see how finality has gone on.
    Advance,
    /// To read the newest state.
    Read,
    /// To do what the phase asks for.
    Act,
    /// Nothing, until this time or a hint.
    Idle { until_ms: u64 },
}

impl Worker {
    pub(super) fn take(
        &mut self,
        stack: &Stack,
        input: Input,
        now_ms: u64,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        match input {
            Input::Wake => {
                if matches!(self.stage, Stage::Idle { .. }) {
                    self.stage = Stage::Advance;
                }
            }
            Input::Missed => {
                if let Some(log) = &mut self.log {
                    log.missed();
                }
                self.stage = Stage::Advance;
            }
            Input::Finality(proof) => self.advance(&proof, now_ms)?,
            Input::Read(nodes) => {
                self.read(&nodes, effects)?;
                self.decide(now_ms, effects, rng)?;
            }
            Input::Evidence(evidence) => {
                if let (Phase::Registering, Some(chain)) = (self.phase, &self.chain) {
                    self.registration.register(&self.identity, chain, evidence, effects);
                }
                self.rest(now_ms);
            }
            Input::Handover(answer) => {
                self.search.next_turn();
                self.take_keys(answer, effects)?;
                self.decide(now_ms, effects, rng)?;
            }
            Input::Code(chunks) => {
                if let Some(log) = &mut self.log {
                    log.take_code(&*self.store, &chunks, effects)?;
                }
                self.decide(now_ms, effects, rng)?;
            }
            Input::Messages(page) => {
                let proven = self.chain.as_ref().and_then(|chain| chain.head);
                if let (Some(proven), Some(log)) = (proven, &mut self.log) {
                    log.take_messages(stack, page, &proven, effects, rng)?;
                }
                self.progress = self.progress.wrapping_add(1);
                self.decide(now_ms, effects, rng)?;
            }
        }
        Ok(())
    }

    fn rest(&mut self, now_ms: u64) {
        self.settled_at = self.client.finalized().map(|at| at.number());
        self.stage = Stage::Idle { until_ms: now_ms.saturating_add(IDLE_MS) };
    }

    fn advance(&mut self, proof: &[u8], now_ms: u64) -> Result<(), StepError> {
        let proof = FinalityProof::from_wire(proof).map_err(|error| StepError::Node(error.to_string()))?;
        let steps = proof.steps().len();
        match self.client.advance(&proof) {
            Ok(_) => {
                self.progress = self.progress.wrapping_add(1);
                let more = u32::try_from(steps).is_ok_and(|steps| steps >= HANDOFFS);
                self.stage = if more { Stage::Advance } else { Stage::Read };
                Ok(())
            }
            // an honest node without news says again what it said before
            Err(AdvanceError::Empty) => {
                self.no_news(now_ms);
                Ok(())
            }
            Err(AdvanceError::Stale { step: 0, .. }) if steps == 1 => {
                self.no_news(now_ms);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Rests, unless there is still something to do at the newest block.
    fn no_news(&mut self, now_ms: u64) {
        let known = self.client.finalized().map(|at| at.number());
        if known == self.settled_at {
            self.rest(now_ms);
        } else {
            self.stage = Stage::Read;
        }
    }

    fn read(&mut self, nodes: &[Vec<u8>], effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let read = self.client.open(nodes, &self.storage_keys())?;
        let Identity { genesis, worker, config, .. } = &self.identity;
        let chain = Chain::new(&read, genesis, config.cluster, *worker, self.members())?;
        effects.push(Effect::Admit(Members {
            block: chain.at.number(),
            entries: Arc::new(
                chain.members.iter().filter_map(|member| Some((*member, chain.entry(member)?.clone()))).collect(),
            ),
        }));
        if let (Some(log), Some(head)) = (&self.log, &chain.head)
            && head.next_index > log.following.position().next_index
        {
            effects.push(Effect::Withhold { next_index: head.next_index });
        }
        self.chain = Some(chain);
        Ok(())
    }

    /// After a read, and after whatever the phase wanted: finds the phase, and what is to be done in it.
    fn decide(
        &mut self,
        now_ms: u64,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        self.phase = self.current_phase()?;
        match self.phase {
            Phase::Joining => self.offer(effects),
            Phase::Keyless => self.seek_keys(effects, rng)?,
            Phase::Following => self.report(effects),
            _ => {}
        }
        self.phase = self.current_phase()?;
        self.answers.retract(self.phase, self.log.as_ref().map(|log| &log.following), effects);
        self.stage = Stage::Act;
        if self.act().is_none() {
            self.publish(effects)?;
            self.rest(now_ms);
        }
        Ok(())
    }

    fn current_phase(&self) -> Result<Phase, StepError> {
        let Some(chain) = &self.chain else { return Ok(Phase::Syncing) };
        Phase::at(chain, &self.identity, self.log.is_some())
    }

    fn offer(&mut self, effects: &mut Vec<Effect>) {
        if let Some(chain) = &self.chain {
            self.registration.offer(&self.identity, chain, effects);
        }
    }

    fn report(&mut self, effects: &mut Vec<Effect>) {
        if let (Some(chain), Some(log)) = (&self.chain, &mut self.log) {
            self.reports.report(&self.identity, chain, &mut log.following, effects);
        }
    }

    fn publish(&mut self, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        match (self.phase, &self.chain, &mut self.log) {
            (Phase::Following, Some(chain), Some(log)) => {
                self.answers.publish(&self.identity, chain, &mut log.following, effects)
            }
            _ => Ok(()),
        }
    }

    fn seek_keys(
        &mut self,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        let Some(chain) = &self.chain else { return Ok(()) };
        if self.cluster.is_some() {
            return self.resume(effects);
        }
        match self.search.seek(&self.identity, chain, &*self.store, effects, rng)? {
            Some(keys) => self.follow(keys, effects),
            None => Ok(()),
        }
    }

    fn take_keys(&mut self, answer: Option<Vec<u8>>, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let committed = self.chain.as_ref().and_then(|chain| chain.cluster.as_ref()?.keys);
        let (Phase::Keyless, Some(committed)) = (self.phase, committed) else { return Ok(()) };
        let keys = handed_over(&self.identity, &committed, answer)?;
        self.follow(keys, effects)
    }

    fn follow(&mut self, keys: ClusterKeys, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let Identity { genesis, config, .. } = &self.identity;
        let (codes, outside) = (self.codes.clone(), self.outside.clone());
        self.cluster = Some(Cluster::new(*genesis, config.cluster, keys, codes, outside));
        self.resume(effects)
    }

    /// Goes on from the store. If that fails the keys are still there for the next try.
    fn resume(&mut self, effects: &mut Vec<Effect>) -> Result<(), StepError> {
        let Some(cluster) = self.cluster.clone() else { return Ok(()) };
        let id = cluster.id;
        let following = Following::resume(cluster, self.store.clone())?;
        effects.push(Effect::Note(format!("following cluster {id} from message {}", following.position().next_index)));
        self.log = Some(Log::new(following));
        Ok(())
    }
}
