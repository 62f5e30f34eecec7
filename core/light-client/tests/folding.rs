//! A cluster's log from bodies and a proven head.

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
    FinalityProof, LightClient, Verified,
    limits::{MAX_CHUNK_MESSAGES, MAX_FOLD_BYTES},
    log::{FoldError, Survey, fold},
    testing::{TestChain, TestLog, validators},
};
use phala_primitives::{
    ClusterId,
    log::LogHead,
    message::Message,
    storage_key,
    wire::{Wire, WireError},
};
use proptest::{prelude::*, sample::Index};

/// Proves a head the whole way: state, block, votes, read proof.
fn proven(head: LogHead) -> Verified<LogHead> {
    let mut chain = TestChain::new(validators(0, 4));
    let key = storage_key::log_head(ClusterId(0));
    chain.state().insert(key.clone(), head.encode());
    chain.blocks(1);
    let mut client = LightClient::new(chain.config()).unwrap();
    client.advance(&FinalityProof::V1(vec![chain.finalize()])).unwrap();
    client.open(&chain.state().prove(&[&key]), &[&key]).unwrap().require(&key).unwrap()
}

fn log(payloads: impl IntoIterator<Item = usize>) -> TestLog {
    let mut log = TestLog::new(&[0; 32], ClusterId(0));
    payloads.into_iter().for_each(|len| log.command(vec![0xab; len]));
    log
}

/// Surveys page by page, each with the log's true hash before it, then folds chunk by chunk.
fn in_chunks(
    log: &TestLog,
    head: &Verified<LogHead>,
    from: LogHead,
    bodies: &[Vec<u8>],
    (chunk, page): (usize, usize),
) -> Result<Vec<Message>, FoldError> {
    let mut survey = Survey::new(head, &from, chunk)?;
    let (mut rest, mut longest) = (bodies, 0);
    while !rest.is_empty() {
        let (before, these) = rest.split_at(rest.len() - page.min(rest.len()));
        let below = log.head_at((from.next_index as usize + before.len()).min(log.bodies().len()));
        survey.page(below.hash, these)?;
        longest = longest.max(these.iter().map(Vec::len).sum::<usize>());
        rest = before;
    }
    let (mut position, mut rest, mut messages) = (from, bodies, Vec::new());
    for mark in survey.finish()? {
        let count = usize::try_from(mark.next_index - position.next_index).unwrap();
        let (these, later) = rest.split_at(count);
        assert!(these.iter().map(Vec::len).sum::<usize>() <= chunk.max(longest));
        messages.extend(fold(&mark, &position, these)?.into_iter().map(Verified::into_inner));
        (position, rest) = (*mark, later);
    }
    assert_eq!((position, rest.len()), (**head, 0));
    Ok(messages)
}

fn decoded(bodies: &[Vec<u8>]) -> Vec<Message> {
    bodies.iter().map(|body| Message::from_wire(body).unwrap()).collect()
}

#[test]
fn honest_bodies_fold() {
    let log = log([10, 0, 3_000]);
    let head = proven(log.head());
    let messages = fold(&head, &log.head_at(0), log.bodies()).unwrap();
    assert_eq!(messages[0].at(), head.at());
    let messages: Vec<_> = messages.into_iter().map(Verified::into_inner).collect();
    assert_eq!(messages, decoded(log.bodies()));
    // From a later position only the rest is needed; at the head, nothing.
    assert_eq!(fold(&head, &log.head_at(2), &log.bodies()[2..]).unwrap().len(), 1);
    assert!(fold(&head, &log.head(), &[] as &[Vec<u8>]).unwrap().is_empty());
    assert!(Survey::new(&head, &log.head(), 100).unwrap().finish().unwrap().is_empty());
}

#[test]
fn positions_are_checked() {
    let log = log([1, 2, 3]);
    let none: &[Vec<u8>] = &[];
    let head = proven(log.head_at(2));
    assert_eq!(fold(&head, &log.head(), none), Err(FoldError::OldHead { head: 2, from: 3 }));
    let elsewhere = LogHead { next_index: 2, hash: [1; 32] };
    assert_eq!(fold(&head, &elsewhere, none), Err(FoldError::Diverged(2)));
    assert_eq!(Survey::new(&head, &elsewhere, 1).unwrap_err(), FoldError::Diverged(2));
    // An earlier position that is not on the log cannot be told from forged bodies.
    let elsewhere = LogHead { next_index: 1, hash: [1; 32] };
    assert_eq!(fold(&head, &elsewhere, &log.bodies()[1..2]), Err(FoldError::Forged));
}

#[test]
fn sizes_are_checked() {
    let log = log([1, 2, 3]);
    let (head, from) = (proven(log.head()), log.head_at(0));
    assert_eq!(fold(&head, &from, &log.bodies()[..2]), Err(FoldError::Incomplete { missing: 1 }));
    let four: Vec<_> = log.bodies().iter().chain(log.bodies().first()).collect();
    assert_eq!(fold(&head, &from, &four), Err(FoldError::Surplus));

    let giant = vec![0; Message::MAX_BYTES + 1];
    let with_giant = [&giant, &log.bodies()[1], &log.bodies()[2]];
    assert_eq!(fold(&head, &from, &with_giant), Err(FoldError::BodyTooLarge(giant.len())));
    let mut survey = Survey::new(&head, &from, 100).unwrap();
    assert_eq!(survey.page([0; 32], &[&giant]), Err(FoldError::BodyTooLarge(giant.len())));
    assert_eq!(survey.page([0; 32], &[] as &[Vec<u8>]), Err(FoldError::Incomplete { missing: 3 }));
    assert_eq!(survey.page(from.hash, &four), Err(FoldError::Surplus));

    let many = MAX_FOLD_BYTES / Message::MAX_BYTES + 1;
    let far = proven(LogHead { next_index: many as u64, hash: [0; 32] });
    let body = vec![0; Message::MAX_BYTES];
    assert_eq!(fold(&far, &from, &vec![&body; many]), Err(FoldError::TooLarge));
}

#[test]
fn a_message_of_a_later_version_is_named() {
    let mut log = log([1]);
    let newer = [vec![2], log.bodies()[0].clone()].concat();
    let head = proven(log.head().append(&newer).unwrap());
    let bodies = [log.bodies()[0].clone(), newer];
    let error = FoldError::Undecodable { index: 1, error: WireError::UnknownVersion(2) };
    assert_eq!(fold(&head, &log.head_at(0), &bodies), Err(error));
    log.command(vec![]);
}

#[test]
fn a_survey_bounds_messages_too() {
    let log = log((0..MAX_CHUNK_MESSAGES + 10).map(|_| 0));
    let (head, from) = (proven(log.head()), log.head_at(0));
    let mut survey = Survey::new(&head, &from, MAX_FOLD_BYTES).unwrap();
    assert_eq!(survey.missing(), MAX_CHUNK_MESSAGES + 10);
    let mut end = log.bodies().len();
    while end > 0 {
        let start = end.saturating_sub(1_000);
        survey.page(log.head_at(start).hash, &log.bodies()[start..end]).unwrap();
        assert_eq!(**survey.head(), log.head_at(start));
        end = start;
    }
    assert_eq!(survey.missing(), 0);
    assert_eq!(survey.page(from.hash, &[&[0u8; 1][..]]), Err(FoldError::Surplus));
    let marks: Vec<_> = survey.finish().unwrap().iter().map(|mark| mark.next_index).collect();
    // the second chunk would have been 17 pages, of which 16 fit
    assert_eq!(marks, [MAX_CHUNK_MESSAGES + 10 - 16_000, MAX_CHUNK_MESSAGES + 10]);
}

#[test]
fn a_page_under_a_false_hash_is_refused() {
    let log = log([1, 2, 3]);
    let (head, from) = (proven(log.head()), log.head_at(0));
    let mut survey = Survey::new(&head, &from, 10_000).unwrap();
    assert_eq!(survey.page([7; 32], &log.bodies()[1..]), Err(FoldError::Forged));
    // nothing has changed
    survey.page(log.head_at(1).hash, &log.bodies()[1..]).unwrap();
    assert_eq!(survey.page([7; 32], &log.bodies()[..1]), Err(FoldError::Forged));
    // another log that meets the same head would have to begin elsewhere
    let mut elsewhere = Survey::new(&head, &LogHead { next_index: 1, hash: [1; 32] }, 10_000).unwrap();
    assert_eq!(elsewhere.page(log.head_at(1).hash, &log.bodies()[1..]), Err(FoldError::Forged));
    survey.page(from.hash, &log.bodies()[..1]).unwrap();
    assert_eq!(survey.finish().unwrap().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn chunks_are_the_whole(sizes in prop::collection::vec(0usize..300, 0..40), from in any::<Index>(), chunk in 1usize..2_000, page in 1usize..10) {
        let log = log(sizes);
        let from = from.index(log.bodies().len() + 1);
        let (head, position, bodies) = (proven(log.head()), log.head_at(from), &log.bodies()[from..]);
        let messages = in_chunks(&log, &head, position, bodies, (chunk, page));
        prop_assert_eq!(messages.unwrap(), decoded(bodies));
    }

    /// Bodies that a node changed, dropped, added or moved are refused whole, by both ways.
    #[test]
    fn forged_bodies_release_nothing(
        sizes in prop::collection::vec(0usize..50, 1..12),
        (a, b, byte) in any::<(Index, Index, Index)>(),
        kind in 0u8..6,
        chunk in 1usize..500,
        page in 1usize..5,
    ) {
        let log = log(sizes);
        let (head, from) = (proven(log.head()), log.head_at(0));
        let mut bodies = log.bodies().to_vec();
        let (a, b) = (a.index(bodies.len()), b.index(bodies.len()));
        let at = byte.index(bodies[a].len());
        match kind {
            0 => bodies[a][at] ^= 1,
            1 => drop(bodies.remove(a)),
            2 => bodies.insert(b, bodies[a].clone()),
            3 => bodies.swap(a, b),
            4 => bodies[a].truncate(at),
            // The same bytes, cut elsewhere.
            _ => {
                let tail = bodies[a].split_off(at);
                bodies.insert(a + 1, tail);
            }
        }
        let honest = bodies == log.bodies();
        prop_assert_eq!(fold(&head, &from, &bodies).is_ok(), honest);
        prop_assert_eq!(in_chunks(&log, &head, from, &bodies, (chunk, page)).is_ok(), honest);
    }
}
