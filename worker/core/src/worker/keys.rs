//! How a member comes to the cluster's keys: it draws them, opens what its platform has sealed, or is handed them by a
//! peer.
//!
//! ```text
//!                        none ─▶ the first member, or after DRAW_BLOCKS anyone: draw ─▶ seal ─▶ commit on the chain
//! the chain's commitment
//!                        there ─▶ drawn here, and it fits? ─▶ sealed here, and it fits? ─▶ ask the members in turn
//! ```
//!
//! Whatever the source, keys count only if they fit the commitment on the chain. What was sealed does not count below
//! the height at which it was: the host may have put an old chain before a new boot.

use phala_crypto::{ClusterKeys, SealKey, open_cluster_keys, open_keys, seal_cluster_keys};
use phala_primitives::{
    Wire as _,
    cluster::{KeyCommitment, SealingMode},
    handover::{HandoverAnswer, HandoverRequest},
    report::key_commitment_digest,
    worker::Endpoint,
};

use super::{
    asked::{Asked, PATIENCE_BLOCKS},
    error::StepError,
    identity::Identity,
};
use crate::{
    chain::Chain,
    exchange::{Effect, Submission, Want},
    store::{Commit, Store, Table},
};

/// How many blocks the first member has to draw the cluster's keys before another one does.
const DRAW_BLOCKS: u32 = 30;

/// The search for the cluster's keys, until they are found.
pub struct KeySearch {
    /// The platform's sealing key, if it has one.
    platform: Option<SealKey>,
    /// Since when the worker is a member, as far as it knows.
    member_since: Option<u32>,
    /// Keys of its own that the chain has not committed to yet.
    drawn: Option<ClusterKeys>,
    committing: Asked,
    /// Hand-overs that were asked for: another peer is asked first each time.
    turn: usize,
}

impl KeySearch {
    /// The search has not begun.
    pub fn new(platform: Option<SealKey>) -> Self {
        Self { platform, member_since: None, drawn: None, committing: Asked::default(), turn: 0 }
    }

    /// A hand-over, if the cluster has keys and somebody to ask for them.
    pub fn want(&self, identity: &Identity, chain: &Chain) -> Option<Want> {
        let cluster = chain.cluster.as_ref()?;
        if cluster.keys.is_none() || self.drawn.is_some() {
            return None;
        }
        let peers = self.peers(identity, chain);
        let policy = cluster.config.latest().http.clone();
        let request = HandoverRequest::V1 { cluster: identity.config.cluster, worker: identity.worker };
        (!peers.is_empty()).then_some(Want::Handover { peers, policy, request })
    }

    /// The other members, in the order in which they are to be asked.
    fn peers(&self, identity: &Identity, chain: &Chain) -> Vec<Endpoint> {
        let others = chain.members.iter().filter(|member| **member != identity.worker);
        let mut peers: Vec<_> = others.filter_map(|member| chain.entry(member)?.endpoint.clone()).collect();
        // a peer, or whoever stands before it, that answers nonsense must not keep the others from being asked
        let first = self.turn.checked_rem(peers.len()).unwrap_or(0);
        peers.rotate_left(first);
        peers
    }

    /// Draws the cluster's keys if it has none, or finds those that were drawn or sealed here.
    pub fn seek(
        &mut self,
        identity: &Identity,
        chain: &Chain,
        store: &dyn Store,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<Option<ClusterKeys>, StepError> {
        let Some(cluster) = &chain.cluster else { return Ok(None) };
        let (genesis, id, block) = (&identity.genesis, identity.config.cluster, chain.at.number());
        let since = *self.member_since.get_or_insert(block);
        let opened = match self.platform(chain) {
            Some(platform) => {
                let sealed = store.snapshot()?.record(Table::Keys, &[])?;
                sealed.map(|sealed| open_cluster_keys(platform, id, &sealed))
            }
            None => None,
        };

        let Some(committed) = cluster.keys else {
            let first = chain.members.first() == Some(&identity.worker);
            let ours = first || block.saturating_sub(since) >= DRAW_BLOCKS;
            if ours && self.committing.due(block, PATIENCE_BLOCKS) {
                // what an earlier boot has sealed may be on its way to the chain
                let earlier = opened.and_then(Result::ok).filter(|(_, height)| *height <= block).map(|(keys, _)| keys);
                self.draw(identity, chain, earlier, store, effects, rng)?;
            }
            return Ok(None);
        };

        if let Some(keys) = self.drawn.take() {
            if keys.matches(genesis, id, &committed) {
                return Ok(Some(keys));
            }
            effects.push(Effect::Note("another member's keys were first: asking for them".into()));
        }
        match opened {
            Some(Ok((keys, height))) if height <= block && keys.matches(genesis, id, &committed) => {
                return Ok(Some(keys));
            }
            Some(Ok(_)) => effects.push(Effect::Note("the keys sealed on this machine are not the cluster's".into())),
            Some(Err(_)) => effects.push(Effect::Note("the keys sealed on this machine do not open".into())),
            None => {}
        }
        if self.peers(identity, chain).is_empty() {
            return Err(StepError::Operator(
                "this worker has no keys of its cluster, and no other member to ask for them: wait for a peer, or create a new cluster".into(),
            ));
        }
        Ok(None)
    }

    /// The platform's key, if the cluster lets its keys be sealed.
    fn platform(&self, chain: &Chain) -> Option<&SealKey> {
        let sealing = chain.cluster.as_ref()?.config.latest().sealing;
        self.platform.as_ref().filter(|_| sealing == SealingMode::SelfSeal)
    }

    /// Announces keys: those that were drawn before, those of an earlier boot, or new ones.
    fn draw(
        &mut self,
        identity: &Identity,
        chain: &Chain,
        earlier: Option<ClusterKeys>,
        store: &dyn Store,
        effects: &mut Vec<Effect>,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<(), StepError> {
        let (genesis, cluster, block) = (&identity.genesis, identity.config.cluster, chain.at.number());
        let known = self.drawn.take().or(earlier);
        let drawn = known.unwrap_or_else(|| ClusterKeys::generate(rng));
        let keys = drawn.commitment(genesis, cluster);
        let sealed = self.platform(chain).map(|platform| seal_cluster_keys(platform, &drawn, cluster, block, rng));
        self.drawn = Some(drawn);
        // sealed before they are announced: a crash in between must not leave a cluster without keys
        if let Some(sealed) = sealed {
            store.commit(Commit { records: vec![(Table::Keys, Vec::new(), Some(sealed))], ..Commit::default() })?;
        }
        let signature = identity.boot.sign(&key_commitment_digest(genesis, cluster, &keys));
        self.committing.note(block);
        let worker = identity.worker;
        effects.push(Effect::Submit(Box::new(Submission::CommitKeys { cluster, worker, keys, signature })));
        Ok(())
    }

    /// A hand-over was asked for, whatever came of it.
    pub fn next_turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
    }
}

/// The keys that a peer has handed over, if they are those that the chain has committed to.
pub fn handed_over(
    identity: &Identity,
    committed: &KeyCommitment,
    answer: Option<Vec<u8>>,
) -> Result<ClusterKeys, StepError> {
    let Some(answer) = answer else {
        return Err(StepError::Host("no other member gave the cluster's keys".into()));
    };
    let answer = HandoverAnswer::from_wire(&answer)
        .map_err(|error| StepError::Host(format!("a peer's answer is no hand-over: {error}")))?;
    let (genesis, cluster) = (&identity.genesis, identity.config.cluster);
    open_keys(&identity.boot, genesis, cluster, identity.worker, &answer, committed)
        .map_err(|error| StepError::Host(format!("a peer's hand-over was refused: {error}")))
}
