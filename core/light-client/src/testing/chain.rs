//! Blocks, and the votes that finalise them.

use alloc::{vec, vec::Vec};
use codec::Encode;
use finality_grandpa::{Message, Precommit, SignedPrecommit};
use sp_consensus_grandpa::{
    AuthorityList, Commit, ConsensusLog, GRANDPA_ENGINE_ID, ScheduledChange, SetId, localized_payload,
};
use sp_core::{H256, Pair as _};
use sp_runtime::{Digest, DigestItem};

use super::{KeyPair, TestState};
use crate::{Config, FinalityStep, Header, Justification, header_hash};

/// `count` validators; others for every other `seed`.
pub fn validators(seed: u64, count: usize) -> Vec<KeyPair> {
    (0..count).map(|n| KeyPair::from_seed(&sp_crypto_hashing::blake2_256(&(seed, n as u64).encode()))).collect()
}

fn authorities(validators: &[KeyPair]) -> AuthorityList {
    validators.iter().map(|pair| (pair.public().into(), 1)).collect()
}

/// A precommit to be.
#[derive(Clone, Copy)]
pub struct Vote<'a> {
    /// Who votes.
    pub by: &'a KeyPair,
    /// For what.
    pub on: &'a Header,
}

/// The justification of `target` by these votes, true or false, under this round and set.
pub fn justify(target: &Header, (round, set): (u64, SetId), votes: &[Vote<'_>], ancestry: &[Header]) -> Justification {
    let sign = |vote: &Vote<'_>| {
        let precommit = Precommit { target_hash: H256(header_hash(vote.on)), target_number: vote.on.number };
        let payload = localized_payload(round, set, &Message::Precommit(precommit.clone()));
        SignedPrecommit { precommit, signature: vote.by.sign(&payload).into(), id: vote.by.public().into() }
    };
    Justification {
        round,
        commit: Commit::<Header> {
            target_hash: H256(header_hash(target)),
            target_number: target.number,
            precommits: votes.iter().map(sign).collect(),
        },
        votes_ancestries: ancestry.to_vec(),
    }
}

/// A chain that finalises what it is told to.
#[derive(Clone)]
pub struct TestChain {
    config: Config,
    headers: Vec<Header>,
    validators: Vec<KeyPair>,
    set_id: SetId,
    state: TestState,
}

impl TestChain {
    /// The genesis of a chain with these validators, of the same weight.
    pub fn new(validators: Vec<KeyPair>) -> Self {
        let list = authorities(&validators);
        Self::with_authorities(validators, &list)
    }

    /// The genesis of a chain whose state has this list, and on which these validators vote.
    pub fn with_authorities(validators: Vec<KeyPair>, list: &AuthorityList) -> Self {
        let mut state = TestState::default();
        let key = phala_primitives::storage_key::grandpa_authorities();
        state.insert(key.clone(), list.encode());
        let header = Header {
            parent_hash: H256::zero(),
            number: 0,
            state_root: H256(state.root()),
            extrinsics_root: H256::zero(),
            digest: Digest::default(),
        };
        let config = Config { genesis: header.clone(), authorities: state.prove(&[key]), recovery: None };
        let mut chain = Self { config, headers: vec![header], validators, set_id: 0, state };
        chain.state.insert(phala_primitives::storage_key::block_hash(0), chain.config.genesis_hash().to_vec());
        chain
    }

    /// What a client of this chain starts from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The state that the next block will have.
    pub fn state(&mut self) -> &mut TestState {
        &mut self.state
    }

    /// All headers, by number.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// The newest header.
    pub fn best(&self) -> &Header {
        &self.headers[self.headers.len() - 1]
    }

    /// The validators in office.
    pub fn validators(&self) -> &[KeyPair] {
        &self.validators
    }

    /// The number of their set.
    pub fn set_id(&self) -> SetId {
        self.set_id
    }

    /// The next block, with the state as it now is.
    pub fn block(&mut self) -> Header {
        self.block_with(Vec::new())
    }

    /// The next block, with these items in its digest.
    pub fn block_with(&mut self, logs: Vec<DigestItem>) -> Header {
        let header = self.child_of(self.best(), logs);
        self.headers.push(header.clone());
        header
    }

    /// A block above `parent` that does not become part of the chain.
    pub fn child_of(&self, parent: &Header, logs: Vec<DigestItem>) -> Header {
        Header {
            parent_hash: H256(header_hash(parent)),
            number: parent.number + 1,
            state_root: H256(self.state.root()),
            extrinsics_root: H256(sp_crypto_hashing::blake2_256(&logs.encode())),
            digest: Digest { logs },
        }
    }

    /// `count` blocks with the state as it now is. The state's root is computed once.
    pub fn blocks(&mut self, count: usize) {
        let root = H256(self.state.root());
        for _ in 0..count {
            let (parent_hash, number) = (H256(header_hash(self.best())), self.best().number + 1);
            let digest = Digest::default();
            self.headers.push(Header { parent_hash, number, state_root: root, extrinsics_root: H256::zero(), digest });
        }
    }

    /// The digest item by which pallet-grandpa announces a change.
    pub fn scheduled_change(validators: &[KeyPair], delay: u32) -> DigestItem {
        Self::change(&ConsensusLog::ScheduledChange(ScheduledChange {
            next_authorities: authorities(validators),
            delay,
        }))
    }

    /// The digest item of any GRANDPA announcement.
    pub fn change(log: &ConsensusLog<u32>) -> DigestItem {
        DigestItem::Consensus(GRANDPA_ENGINE_ID, log.encode())
    }

    /// The best block, finalised by all validators in office.
    pub fn finalize(&self) -> FinalityStep {
        self.finalize_by(self.validators.len())
    }

    /// The best block, with votes of the first `count` validators.
    pub fn finalize_by(&self, count: usize) -> FinalityStep {
        let header = self.best().clone();
        let votes: Vec<_> = self.validators.iter().take(count).map(|by| Vote { by, on: &header }).collect();
        let justification = justify(&header, (self.round(), self.set_id), &votes, &[]);
        FinalityStep { header, justification }
    }

    /// A voting round; any number would do.
    pub fn round(&self) -> u64 {
        u64::from(self.best().number) % 7 + 1
    }

    /// A block that hands over to `next`, finalised by all validators in office.
    pub fn hand_over(&mut self, next: Vec<KeyPair>) -> FinalityStep {
        self.block_with(vec![Self::scheduled_change(&next, 0)]);
        let step = self.finalize();
        self.validators = next;
        self.set_id += 1;
        step
    }
}
