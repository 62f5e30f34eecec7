//! A hostile node: whatever it does to an honest proof, the client either refuses and stays as it was, or it is exactly
//! where an honest proof would have taken it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use codec::Encode;
use phala_light_client::{
    FinalityProof, FinalityStep, LightClient,
    testing::{TestChain, Vote, justify, validators},
};
use phala_primitives::wire::Wire;
use proptest::{prelude::*, sample::Index};
use sp_core::H256;
use sp_runtime::DigestItem;

/// An honest chain with set changes, and the client's states after each step of its proof.
struct World {
    chain: TestChain,
    steps: Vec<FinalityStep>,
    /// The client before the first step, after the first, …
    honest: Vec<LightClient>,
    /// The validators in office at each step.
    sets: Vec<Vec<phala_light_client::testing::KeyPair>>,
}

impl World {
    /// One step per entry: `(blocks before it, size of the next set)`, then a head.
    fn new(plan: &[(usize, usize)]) -> Self {
        let mut chain = TestChain::new(validators(0, 4));
        let (mut steps, mut sets) = (Vec::new(), Vec::new());
        for (seed, &(blocks, size)) in plan.iter().enumerate() {
            chain.blocks(blocks);
            sets.push(chain.validators().to_vec());
            steps.push(chain.hand_over(validators(seed as u64 % 3, size)));
        }
        chain.blocks(2);
        sets.push(chain.validators().to_vec());
        steps.push(chain.finalize());

        let mut honest = vec![LightClient::new(chain.config()).unwrap()];
        for step in &steps {
            let mut client = honest.last().unwrap().clone();
            client.advance(&FinalityProof::V1(vec![step.clone()])).unwrap();
            honest.push(client);
        }
        Self { chain, steps, honest, sets }
    }

    /// The property, from each honest state.
    fn check(&self, proof: &FinalityProof) -> Result<(), TestCaseError> {
        for before in &self.honest {
            let mut client = before.clone();
            match client.advance(proof).copied() {
                Ok(header) => {
                    prop_assert!(self.honest.contains(&client), "led astray to {header:?}");
                    prop_assert!(client.height() > before.height());
                }
                Err(_) => prop_assert_eq!(&client, before),
            }
        }
        Ok(())
    }
}

fn plan() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0usize..3, 1usize..8), 0..4)
}

/// What a node without the keys of more than a third of a set can do to a step.
#[derive(Clone, Debug)]
enum Lie {
    Drop,
    Repeat,
    Swap(Index),
    DropVotes(usize),
    RepeatVote(Index),
    Strangers(usize),
    SetId(i8),
    Round(u64),
    Number(u32),
    StateRoot,
    OtherAuthorities,
    HeaderOf(Index),
    JustificationOf(Index),
    /// As many validators as may be faulty sign a forged block; the honest votes for the true one are replayed.
    FaultyFork,
    SurplusHeaders(Index),
    OtherSigner(Index, Index),
}

fn lie() -> impl Strategy<Value = Lie> {
    prop_oneof![
        Just(Lie::Drop),
        Just(Lie::Repeat),
        any::<Index>().prop_map(Lie::Swap),
        (1usize..8).prop_map(Lie::DropVotes),
        any::<Index>().prop_map(Lie::RepeatVote),
        (1usize..20).prop_map(Lie::Strangers),
        prop_oneof![Just(-1), Just(1)].prop_map(Lie::SetId),
        any::<u64>().prop_map(Lie::Round),
        any::<u32>().prop_map(Lie::Number),
        Just(Lie::StateRoot),
        Just(Lie::OtherAuthorities),
        any::<Index>().prop_map(Lie::HeaderOf),
        any::<Index>().prop_map(Lie::JustificationOf),
        Just(Lie::FaultyFork),
        any::<Index>().prop_map(Lie::SurplusHeaders),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Lie::OtherSigner(a, b)),
    ]
}

impl World {
    fn tell(&self, steps: &mut Vec<FinalityStep>, at: Index, lie: &Lie) {
        if steps.is_empty() {
            return;
        }
        let at = at.index(steps.len());
        let other = |index: &Index| self.steps[index.index(self.steps.len())].clone();
        let set = &self.sets[at.min(self.sets.len() - 1)];
        let set_id = at as u64;
        let step = &mut steps[at];
        let votes = &mut step.justification.commit.precommits;
        match lie {
            Lie::Drop => drop(steps.remove(at)),
            Lie::Repeat => steps.insert(at, steps[at].clone()),
            Lie::Swap(with) => {
                let with = with.index(steps.len());
                steps.swap(at, with);
            }
            Lie::DropVotes(count) => votes.truncate(votes.len().saturating_sub(*count)),
            Lie::RepeatVote(index) if !votes.is_empty() => votes.push(votes[index.index(votes.len())].clone()),
            Lie::RepeatVote(_) => {}
            Lie::Strangers(count) => {
                let strangers = validators(99, *count);
                let forged: Vec<_> = strangers.iter().map(|by| Vote { by, on: &step.header }).collect();
                let forged = justify(&step.header, (step.justification.round, set_id), &forged, &[]);
                votes.extend(forged.commit.precommits);
            }
            Lie::SetId(offset) => {
                let all: Vec<_> = set.iter().map(|by| Vote { by, on: &step.header }).collect();
                let set_id = set_id.wrapping_add_signed((*offset).into());
                step.justification = justify(&step.header, (step.justification.round, set_id), &all, &[]);
            }
            Lie::Round(round) => step.justification.round = *round,
            Lie::Number(number) => {
                step.header.number = *number;
                step.justification.commit.target_number = *number;
                step.justification.commit.target_hash = step.header.hash();
                votes.iter_mut().for_each(|vote| vote.precommit.target_number = *number);
            }
            Lie::StateRoot => {
                step.header.state_root = H256([0xee; 32]);
                step.justification.commit.target_hash = step.header.hash();
            }
            Lie::OtherAuthorities => {
                step.header.digest.logs = vec![TestChain::scheduled_change(&validators(99, 4), 0)];
                step.justification.commit.target_hash = step.header.hash();
                votes.iter_mut().for_each(|vote| vote.precommit.target_hash = step.header.hash());
            }
            Lie::HeaderOf(index) => step.header = other(index).header,
            Lie::JustificationOf(index) => step.justification = other(index).justification,
            Lie::FaultyFork => {
                let parent = self.chain.headers()
                    [step.header.number.saturating_sub(1) as usize % self.chain.headers().len()]
                .clone();
                let forged = self.chain.child_of(&parent, vec![TestChain::scheduled_change(&validators(99, 4), 0)]);
                let honest = votes.clone();
                let faulty: Vec<_> = set.iter().take((set.len() - 1) / 3).map(|by| Vote { by, on: &forged }).collect();
                let ancestry = [forged.clone(), step.header.clone(), parent];
                step.justification = justify(&forged, (step.justification.round, set_id), &faulty, &ancestry);
                step.justification.commit.precommits.extend(honest);
                step.header = forged;
            }
            Lie::SurplusHeaders(index) => {
                step.justification.votes_ancestries.extend([other(index).header, self.chain.headers()[0].clone()]);
            }
            Lie::OtherSigner(a, b) if !votes.is_empty() => {
                let id = votes[b.index(votes.len())].id.clone();
                let index = a.index(votes.len());
                votes[index].id = id;
            }
            Lie::OtherSigner(..) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn honest_proofs_are_followed(plan in plan()) {
        let world = World::new(&plan);
        let mut client = world.honest[0].clone();
        let bytes = FinalityProof::V1(world.steps.clone()).encode();
        client.advance(&FinalityProof::from_wire(&bytes).unwrap()).unwrap();
        prop_assert_eq!(Some(&client), world.honest.last());
    }

    #[test]
    fn lies_lead_nowhere_else(plan in plan(), lies in prop::collection::vec((any::<Index>(), lie()), 1..4)) {
        let world = World::new(&plan);
        let mut steps = world.steps.clone();
        for (at, lie) in &lies {
            world.tell(&mut steps, *at, lie);
        }
        world.check(&FinalityProof::V1(steps))?;
    }

    #[test]
    fn flipped_bits_lead_nowhere_else(plan in plan(), flips in prop::collection::vec((any::<Index>(), 0u8..8), 1..4)) {
        let world = World::new(&plan);
        let mut bytes = FinalityProof::V1(world.steps.clone()).encode();
        for (index, bit) in flips {
            let index = index.index(bytes.len());
            bytes[index] ^= 1 << bit;
        }
        if let Ok(proof) = FinalityProof::from_wire(&bytes) {
            world.check(&proof)?;
        }
    }

    #[test]
    fn cut_and_pasted_bytes_lead_nowhere_else(
        plan in plan(),
        (from, to, into) in any::<(Index, Index, Index)>(),
        remove in any::<bool>(),
    ) {
        let world = World::new(&plan);
        let mut bytes = FinalityProof::V1(world.steps.clone()).encode();
        let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
        let range = a.min(b)..a.max(b);
        if remove {
            bytes.drain(range);
        } else {
            let piece = bytes[range].to_vec();
            let at = into.index(bytes.len());
            bytes.splice(at..at, piece);
        }
        if let Ok(proof) = FinalityProof::from_wire(&bytes) {
            world.check(&proof)?;
        }
    }

    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let world = World::new(&[]);
        for bytes in [bytes.clone(), [vec![1, 4], bytes].concat()] {
            if let Ok(proof) = FinalityProof::from_wire(&bytes) {
                world.check(&proof)?;
            }
        }
    }
}

/// In a proof without a vote to spare every single bit counts: flipping any of them is refused.
#[test]
fn every_bit_counts() {
    let mut world = World::new(&[(1, 2)]);
    world.steps[0].justification.commit.precommits.truncate(3);
    assert!(world.honest[0].clone().advance(&FinalityProof::V1(world.steps.clone())).is_ok());
    let bytes = FinalityProof::V1(world.steps.clone()).encode();
    // One flip per byte keeps this affordable; the property above draws the others.
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1 << (index % 8);
        let mut client = world.honest[0].clone();
        let result = FinalityProof::from_wire(&flipped).map(|proof| client.advance(&proof).is_ok());
        assert_ne!(result, Ok(true), "byte {index}");
        assert_eq!(client, world.honest[0]);
    }
}

/// What the world of this file claims to be honest is distinct, or its property would be empty.
#[test]
fn the_worlds_states_differ() {
    let mut world = World::new(&[(0, 4), (2, 1), (1, 7)]);
    world.chain.block_with(vec![DigestItem::Other(vec![])]);
    for (index, state) in world.honest.iter().enumerate() {
        assert_eq!(world.honest.iter().position(|other| other == state), Some(index));
    }
}
