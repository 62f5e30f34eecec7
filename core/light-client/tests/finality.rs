//! What `advance` accepts and refuses, row by row.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use codec::{Compact, Decode, Encode};
use finality_grandpa::Precommit;
use phala_light_client::{
    AdvanceError, AuthoritySetError, Config, ConfigError, FinalityProof, FinalityStep, Justification,
    JustificationError, LightClient, ReadError, RecoveryKeys, Remedy, header_hash,
    limits::{MAX_ANCESTRY, MAX_AUTHORITIES, MAX_STEPS},
    testing::{KeyPair, TestChain, Vote, justify, validators},
};
use phala_primitives::wire::{Wire, WireError};
use sp_consensus_grandpa::{AuthorityId, ConsensusLog, GrandpaJustification, ScheduledChange};
use sp_core::{H256, Pair as _};
use sp_runtime::DigestItem;

fn proof(steps: impl Into<Vec<FinalityStep>>) -> FinalityProof {
    FinalityProof::V1(steps.into())
}

fn client(chain: &TestChain) -> LightClient {
    LightClient::new(chain.config()).unwrap()
}

/// Advances a copy, checks that the original was left alone on error.
fn advance(client: &LightClient, steps: impl Into<Vec<FinalityStep>>) -> Result<LightClient, AdvanceError> {
    let mut copy = client.clone();
    match copy.advance(&proof(steps)) {
        Ok(_) => Ok(copy),
        Err(error) => {
            assert_eq!(&copy, client, "an error changed the client");
            Err(error)
        }
    }
}

fn refused(client: &LightClient, steps: impl Into<Vec<FinalityStep>>) -> JustificationError {
    match advance(client, steps) {
        Err(AdvanceError::Justification { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn follows_heads_and_hand_offs() {
    let mut chain = TestChain::new(validators(0, 4));
    let mut client = client(&chain);
    assert_eq!((client.height(), client.finalized()), (0, None));

    chain.state().insert(*b"key", *b"value");
    chain.blocks(9);
    let head = chain.finalize();
    let header = *client.advance(&proof([head.clone()])).unwrap();
    assert_eq!(header.number(), 9);
    assert_eq!(header.hash(), &header_hash(&head.header));
    assert_eq!(header.state_root(), &chain.state().root());

    // Two hand-offs and a head in one proof, as the node encodes it.
    let first = chain.hand_over(validators(1, 3));
    chain.blocks(5);
    let second = chain.hand_over(validators(2, 7));
    chain.blocks(5);
    let bytes = proof([first, second, chain.finalize()]).encode();
    client.advance(&FinalityProof::from_wire(&bytes).unwrap()).unwrap();
    assert_eq!(client.height(), 21);
    assert_eq!((client.authorities().id(), client.authorities().list().len()), (2, 7));

    // A proof may end with a hand-off: the next set is then in office.
    client.advance(&proof([chain.hand_over(validators(3, 1))])).unwrap();
    assert_eq!((client.authorities().id(), client.authorities().list().len()), (3, 1));
    chain.blocks(1);
    client.advance(&proof([chain.finalize()])).unwrap();
    assert_eq!(client.height(), 23);
}

#[test]
fn justifications_are_encoded_as_nodes_encode_them() {
    let mut chain = TestChain::new(validators(0, 4));
    chain.blocks(3);
    let ours = chain.finalize().justification;
    let bytes = ours.encode();
    let theirs = GrandpaJustification::<phala_light_client::Header>::decode(&mut &bytes[..]).unwrap();
    assert_eq!(theirs.encode(), bytes);
    assert_eq!(Justification::from(theirs), ours);
}

#[test]
fn a_supermajority_is_needed_and_enough() {
    for count in 1..=13 {
        let mut chain = TestChain::new(validators(0, count));
        chain.blocks(1);
        let client = client(&chain);
        let needed = count - (count - 1) / 3;
        for votes in 0..=count {
            let result = advance(&client, [chain.finalize_by(votes)]);
            assert_eq!(result.is_ok(), votes >= needed, "{votes} of {count}");
        }
    }
}

#[test]
fn weights_count_not_heads() {
    let four = validators(0, 4);
    let list = four.iter().zip([100, 1, 1, 1]).map(|(pair, weight)| (pair.public().into(), weight)).collect();
    let mut chain = TestChain::with_authorities(four, &list);
    chain.blocks(1);
    let client = LightClient::new(chain.config()).unwrap();
    assert!(advance(&client, [chain.finalize_by(1)]).is_ok());

    let header = chain.best().clone();
    let light: Vec<_> = chain.validators()[1..].iter().map(|by| Vote { by, on: &header }).collect();
    let justification = justify(&header, (1, 0), &light, &[]);
    assert_eq!(refused(&client, [FinalityStep { header, justification }]), JustificationError::TooFewVotes);
}

/// A chain of four validators, and its block 5 with children 6 and 7.
fn voters() -> (TestChain, LightClient, Vec<KeyPair>) {
    let mut chain = TestChain::new(validators(0, 4));
    chain.blocks(7);
    let client = client(&chain);
    let pairs = chain.validators().to_vec();
    (chain, client, pairs)
}

#[test]
fn surplus_is_ignored() {
    let (chain, client, pairs) = voters();
    let block = |n: usize| chain.headers()[n].clone();
    let target = block(5);
    let plain = [0, 1, 2].map(|n| Vote { by: &pairs[n], on: &target });
    let honest = |justification| advance(&client, [FinalityStep { header: block(5), justification }]);
    let expected = honest(justify(&target, (1, 0), &plain, &[])).unwrap();

    let strangers = validators(9, 20);
    let mut votes = plain.to_vec();
    votes.extend(strangers.iter().map(|by| Vote { by, on: &target }));
    assert_eq!(honest(justify(&target, (1, 0), &votes, &[])).unwrap(), expected);

    let repeated: Vec<_> = plain.iter().chain(&plain).copied().collect();
    assert_eq!(honest(justify(&target, (1, 0), &repeated, &[])).unwrap(), expected);

    // Headers that no vote needs.
    assert_eq!(honest(justify(&target, (1, 0), &plain, &[block(3), block(6)])).unwrap(), expected);
}

#[test]
fn votes_for_descendants_count_with_their_ancestry() {
    let (chain, client, pairs) = voters();
    let block = |n: usize| chain.headers()[n].clone();
    let (five, six, seven) = (block(5), block(6), block(7));
    let votes = [(0, &five), (1, &six), (2, &seven), (3, &five)].map(|(n, on)| Vote { by: &pairs[n], on });
    let step = |ancestry: &[_], header: &phala_light_client::Header| FinalityStep {
        justification: justify(header, (1, 0), &votes, ancestry),
        header: header.clone(),
    };
    assert!(advance(&client, [step(&[six.clone(), seven.clone()], &five)]).is_ok());
    // They finalise nothing above, and nothing without the headers between.
    assert_eq!(refused(&client, [step(&[six.clone(), seven.clone()], &six)]), JustificationError::NoSupermajority);
    assert_eq!(refused(&client, [step(std::slice::from_ref(&six), &five)]), JustificationError::BrokenAncestry);
    assert_eq!(refused(&client, [step(std::slice::from_ref(&seven), &five)]), JustificationError::BrokenAncestry);

    // Votes for a block below the target do not finalise it.
    let below = [0, 1, 2].map(|n| Vote { by: &pairs[n], on: &five });
    let step = FinalityStep { justification: justify(&six, (1, 0), &below, &[]), header: six };
    assert_eq!(refused(&client, [step]), JustificationError::NoSupermajority);
}

#[test]
fn votes_on_another_fork_do_not_count() {
    let (chain, client, pairs) = voters();
    let four = chain.headers()[4].clone();
    let five = chain.headers()[5].clone();
    let fork = chain.child_of(&four, vec![DigestItem::Other(vec![1])]);
    let votes = [(0, &five), (1, &five), (2, &fork), (3, &fork)].map(|(n, on)| Vote { by: &pairs[n], on });
    let step =
        |ancestry: &[_]| FinalityStep { justification: justify(&five, (1, 0), &votes, ancestry), header: five.clone() };
    assert_eq!(refused(&client, [step(&[])]), JustificationError::BrokenAncestry);
    assert_eq!(refused(&client, [step(&[five.clone(), fork.clone(), four])]), JustificationError::BrokenAncestry);
}

#[test]
fn an_equivocator_counts_once() {
    let (chain, client, pairs) = voters();
    let four = chain.headers()[4].clone();
    let five = chain.headers()[5].clone();
    let fork = chain.child_of(&five, vec![DigestItem::Other(vec![1])]);
    let six = chain.headers()[6].clone();
    let ancestry = [fork.clone(), six.clone()];
    // GRANDPA counts an equivocator for every block, so two honest votes and one equivocator finalise …
    let three = [(0, &five), (1, &five), (2, &six), (2, &fork)].map(|(n, on)| Vote { by: &pairs[n], on });
    let step = |votes: &[Vote<'_>]| FinalityStep {
        justification: justify(&five, (1, 0), votes, &ancestry),
        header: five.clone(),
    };
    assert!(advance(&client, [step(&three)]).is_ok());
    // … one honest vote and one equivocator do not,
    let two = [(0, &five), (2, &six), (2, &fork)].map(|(n, on)| Vote { by: &pairs[n], on });
    assert_eq!(refused(&client, [step(&two)]), JustificationError::TooFewVotes);
    // a third vote adds nothing,
    let thrice = [(0, &five), (2, &five), (2, &six), (2, &fork)].map(|(n, on)| Vote { by: &pairs[n], on });
    assert_eq!(refused(&client, [step(&thrice)]), JustificationError::TooFewVotes);
    // and votes without end are not looked at.
    let crowd: Vec<_> = (0..9).map(|_| Vote { by: &pairs[0], on: &four }).collect();
    assert_eq!(refused(&client, [step(&crowd)]), JustificationError::TooManyVotes);
}

#[test]
fn a_signed_vote_with_a_false_number_is_refused() {
    let (chain, client, pairs) = voters();
    let header = chain.headers()[5].clone();
    for number in [0, 4, 6, u32::MAX - 1, u32::MAX] {
        for liars in 1..=4 {
            let votes: Vec<_> = pairs.iter().map(|by| Vote { by, on: &header }).collect();
            let mut justification = justify(&header, (1, 0), &votes, &[]);
            for (vote, pair) in justification.commit.precommits.iter_mut().zip(&pairs).take(liars) {
                vote.precommit = Precommit { target_number: number, ..vote.precommit.clone() };
                let message = finality_grandpa::Message::Precommit(vote.precommit.clone());
                vote.signature = pair.sign(&sp_consensus_grandpa::localized_payload(1, 0, &message)).into();
            }
            let step = FinalityStep { header: header.clone(), justification };
            assert!(advance(&client, [step]).is_err(), "{liars} votes say {number}");
        }
    }
}

#[test]
fn votes_bind_set_round_and_block() {
    let (chain, client, pairs) = voters();
    let (five, six) = (chain.headers()[5].clone(), chain.headers()[6].clone());
    let votes: Vec<_> = pairs.iter().map(|by| Vote { by, on: &five }).collect();
    let step = |justification| FinalityStep { header: five.clone(), justification };

    assert_eq!(refused(&client, [step(justify(&five, (1, 1), &votes, &[]))]), JustificationError::BadSignature);
    let mut other_round = justify(&five, (1, 0), &votes, &[]);
    other_round.round = 2;
    assert_eq!(refused(&client, [step(other_round)]), JustificationError::BadSignature);
    assert_eq!(refused(&client, [step(justify(&six, (1, 0), &votes, &[]))]), JustificationError::OtherBlock);

    let strangers = validators(1, 4);
    let foreign: Vec<_> = strangers.iter().map(|by| Vote { by, on: &five }).collect();
    assert_eq!(refused(&client, [step(justify(&five, (1, 0), &foreign, &[]))]), JustificationError::TooFewVotes);

    // One bad signature of a member among enough good ones.
    let mut one_bad = justify(&five, (1, 0), &votes, &[]);
    one_bad.commit.precommits[3].signature = one_bad.commit.precommits[2].signature.clone();
    assert_eq!(refused(&client, [step(one_bad)]), JustificationError::BadSignature);

    let long = vec![five.clone(); MAX_ANCESTRY + 1];
    assert_eq!(refused(&client, [step(justify(&five, (1, 0), &votes, &long))]), JustificationError::TooManyHeaders);
}

#[test]
fn never_goes_back() {
    let mut chain = TestChain::new(validators(0, 4));
    chain.blocks(3);
    let old = chain.finalize();
    let hand_off = chain.hand_over(validators(1, 4));
    chain.blocks(3);
    let new = chain.finalize();
    let steps = [hand_off.clone(), new.clone()];
    let client = advance(&client(&chain), steps.clone()).unwrap();
    for (stale, number) in [(old, 3), (hand_off, 4), (new, 7)] {
        let error = advance(&client, [stale]).unwrap_err();
        assert_eq!(error, AdvanceError::Stale { step: 0, number, last: 7 });
        assert_eq!(error.remedy(), Remedy::AskAnotherNode);
    }
    assert!(matches!(advance(&client, steps), Err(AdvanceError::Stale { step: 0, number: 4, last: 7 })));
}

#[test]
fn hand_offs_come_whole_and_in_order() {
    let mut chain = TestChain::new(validators(0, 4));
    let client = client(&chain);
    chain.blocks(2);
    let plain = chain.finalize();
    let first = chain.hand_over(validators(1, 4));
    let second = chain.hand_over(validators(2, 4));
    chain.blocks(2);
    let head = chain.finalize();

    assert!(advance(&client, [first.clone(), second.clone(), head.clone()]).is_ok());
    // Strangers all of them, when a hand-off is missing or comes late.
    for steps in [vec![head.clone()], vec![second.clone(), head.clone()], vec![first.clone(), head.clone()]] {
        assert_eq!(refused(&client, steps), JustificationError::TooFewVotes);
    }
    assert_eq!(refused(&client, [second.clone(), first.clone(), head.clone()]), JustificationError::TooFewVotes);
    let twice = advance(&client, [first.clone(), first.clone(), second.clone(), head.clone()]);
    assert!(matches!(twice, Err(AdvanceError::Stale { step: 1, .. })));
    let idle = advance(&client, [plain, first, second, head]);
    assert_eq!(idle.unwrap_err(), AdvanceError::NoHandOff { step: 0 });
}

#[test]
fn the_same_keys_in_a_later_set_are_another_set() {
    // With NPoS the set changes every era, mostly to the same validators: only the set id tells the votes apart.
    let mut chain = TestChain::new(validators(0, 4));
    let client = client(&chain);
    let hand_off = chain.hand_over(validators(0, 4));
    chain.blocks(1);
    let head = chain.finalize();
    assert_eq!(refused(&client, [head.clone()]), JustificationError::BadSignature);
    assert!(advance(&client, [hand_off, head]).is_ok());
}

#[test]
fn another_chain_is_refused() {
    let chain = TestChain::new(validators(0, 4));
    let mut other = TestChain::new(validators(1, 4));
    other.blocks(2);
    assert_eq!(refused(&client(&chain), [other.finalize()]), JustificationError::TooFewVotes);
}

#[test]
fn changes_that_no_proof_can_follow_are_named() {
    let announce = |log: &ConsensusLog<u32>| {
        let mut chain = TestChain::new(validators(0, 4));
        let client = client(&chain);
        chain.block_with(vec![DigestItem::Other(vec![]), TestChain::change(log)]);
        advance(&client, [chain.finalize()]).map(|client| client.authorities().id())
    };
    let change = |count: usize, delay| ScheduledChange {
        next_authorities: validators(1, count).iter().map(|pair| (pair.public().into(), 1)).collect(),
        delay,
    };

    assert_eq!(announce(&ConsensusLog::ScheduledChange(change(3, 0))), Ok(1));
    let forced = announce(&ConsensusLog::ForcedChange(0, change(3, 0))).unwrap_err();
    assert_eq!((forced, forced.remedy()), (AdvanceError::ForcedChange { number: 1 }, Remedy::NeedsAnchor));
    let delayed = announce(&ConsensusLog::ScheduledChange(change(3, 5)));
    assert_eq!(delayed, Err(AdvanceError::DelayedChange { number: 1, delay: 5 }));
    let nobody = announce(&ConsensusLog::ScheduledChange(change(0, 0)));
    assert_eq!(nobody, Err(AdvanceError::Authorities { number: 1, error: AuthoritySetError::Weights }));
    let one: (AuthorityId, u64) = (validators(1, 1)[0].public().into(), 1);
    let crowd = ScheduledChange { next_authorities: vec![one; MAX_AUTHORITIES + 1], delay: 0 };
    let crowd = announce(&ConsensusLog::ScheduledChange(crowd)).unwrap_err();
    assert!(matches!(crowd, AdvanceError::Authorities { error: AuthoritySetError::TooMany(_), .. }));
    // What does not change the set does not change it here either.
    for other in [ConsensusLog::OnDisabled(1), ConsensusLog::Pause(1), ConsensusLog::Resume(1)] {
        assert_eq!(announce(&other), Ok(0));
    }
}

#[test]
fn a_forced_change_wins_and_the_first_scheduled_one_counts() {
    let run = |logs: Vec<DigestItem>| {
        let mut chain = TestChain::new(validators(0, 4));
        let client = client(&chain);
        chain.block_with(logs);
        advance(&client, [chain.finalize()])
    };
    let [one, two] = [1, 2].map(|seed| TestChain::scheduled_change(&validators(seed, 4), 0));
    let change = ScheduledChange { next_authorities: vec![], delay: 0 };
    let forced = TestChain::change(&ConsensusLog::ForcedChange(0, change));
    let first = run(vec![one.clone(), two.clone()]).unwrap();
    assert_eq!(first.authorities().list()[0].0, validators(1, 1)[0].public().into());
    assert_eq!(first.authorities().id(), 1);
    assert_eq!(run(vec![one, two, forced]).unwrap_err(), AdvanceError::ForcedChange { number: 1 });
    let junk = DigestItem::Consensus(*b"FRNK", vec![1, 255, 255]);
    assert_eq!(run(vec![junk]).unwrap().authorities().id(), 0);
}

#[test]
fn an_unproven_forced_change_is_not_believed() {
    let mut chain = TestChain::new(validators(0, 4));
    let client = client(&chain);
    let change = ScheduledChange { next_authorities: vec![], delay: 0 };
    chain.block_with(vec![TestChain::change(&ConsensusLog::ForcedChange(0, change))]);
    assert_eq!(refused(&client, [chain.finalize_by(2)]), JustificationError::TooFewVotes);
}

#[test]
fn sizes_are_bounded() {
    let mut chain = TestChain::new(validators(0, 1));
    chain.blocks(1);
    let client = client(&chain);
    assert_eq!(advance(&client, []).unwrap_err(), AdvanceError::Empty);
    let many = vec![chain.finalize(); MAX_STEPS + 1];
    assert_eq!(advance(&client, many).unwrap_err(), AdvanceError::TooManySteps(MAX_STEPS + 1));

    let wire = FinalityProof::from_wire;
    assert_eq!(wire(&[]), Err(WireError::Empty));
    assert_eq!(wire(&[2, 0]), Err(WireError::UnknownVersion(2)));
    assert_eq!(wire(&[1, 0, 0]), Err(WireError::TrailingBytes));
    assert!(matches!(wire(&vec![1; FinalityProof::MAX_BYTES + 1]), Err(WireError::TooLarge { .. })));
    // A length that the bytes do not have, and digest items of one byte that take 32 in memory.
    assert_eq!(wire(&[vec![1], Compact(u32::MAX).encode()].concat()), Err(WireError::Malformed));
    let mut header = chain.best().clone();
    header.digest.logs = vec![DigestItem::RuntimeEnvironmentUpdated; 1_000_000];
    let step = FinalityStep { header, justification: chain.finalize().justification };
    assert_eq!(wire(&proof([step]).encode()), Err(WireError::Malformed));
}

#[test]
fn configurations_are_checked() {
    let chain = TestChain::new(validators(0, 1));
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = chain.config().clone();
        change(&mut config);
        LightClient::new(&config).map(|client| client.height())
    };
    let keys = |threshold, keys: &[[u8; 32]]| Some(RecoveryKeys { threshold, keys: keys.to_vec() });
    assert_eq!(with(&|_| ()), Ok(0));
    let id = |n: usize| -> AuthorityId { validators(1, 2)[n].public().into() };
    for list in [vec![], vec![(id(0), 1), (id(1), u64::MAX)]] {
        let refused = LightClient::new(TestChain::with_authorities(vec![], &list).config()).map(drop);
        assert_eq!(refused, Err(ConfigError::Authorities(AuthoritySetError::Weights)));
    }
    // nobody can name other authorities for the same genesis
    let other = TestChain::new(validators(1, 1));
    let unproven = Err(ConfigError::Unproven(ReadError::Incomplete { key: 0 }));
    assert_eq!(with(&|c| c.authorities.clear()), unproven);
    assert_eq!(with(&|c| c.authorities = other.config().authorities.clone()), unproven);
    assert_eq!(with(&|c| c.genesis.number = 1), Err(ConfigError::NotGenesis(1)));
    for (threshold, count) in [(0, 1), (2, 1)] {
        let error = ConfigError::RecoveryThreshold { threshold, keys: count };
        assert_eq!(with(&|c| c.recovery = keys(threshold, &[[1; 32]])), Err(error));
    }
    assert_eq!(with(&|c| c.recovery = keys(1, &[[1; 32], [1; 32]])), Err(ConfigError::RepeatedRecoveryKey));
    assert_eq!(with(&|c| c.recovery = keys(1, &[[1; 32]; 33])), Err(ConfigError::TooManyRecoveryKeys));
    assert_eq!(with(&|c| c.recovery = keys(2, &[[1; 32], [2; 32]])), Ok(0));
}

#[test]
fn the_header_hash_is_substrates() {
    let mut chain = TestChain::new(validators(0, 1));
    let header = chain.block_with(vec![DigestItem::Other(vec![1, 2, 3])]);
    assert_eq!(H256(header_hash(&header)), header.hash());
}
