//! Whole lives of workers in memory: a real light client over a chain that is built here, real keys, real contracts, virtual time, and
//! hosts that lie.

#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use codec::Encode as _;
use phala_primitives::{
    CodeHash, WorkerId,
    cluster::SealingMode,
    message::{Kind, Upload},
    report::Status,
};
use phala_worker_core::{
    Input, Page, Phase, StepError, Want,
    memory::MemoryStore,
    store::{Commit, Snapshot, Store, StoreError, Table},
    testing::{CLUSTER, CONTRACT, Life, Rng, World, config},
};

/// Stores its input under a key of three zero bytes, and returns it.
fn component() -> Vec<u8> {
    let body = r#"(func $run (export "run") (param $in i32) (param $len i32) (result i32)
        (call $set (i32.const 0) (i32.const 3) (local.get $in) (local.get $len) (i32.const 3000))
        (call $ok (local.get $in) (local.get $len)))"#;
    let text = include_str!("../../../contract/engine/tests/support/contract.wat");
    wat::parse_str(text.replace("PAGES", "1").replace("BODY\n", &format!("{body}\n"))).unwrap()
}

fn running(sealing: SealingMode) -> (World, Life, MemoryStore) {
    let mut world = World::new(config(sealing), component());
    let store = MemoryStore::default();
    let mut life = Life::new(&world, 100, Arc::new(store.clone()), true);
    life.settle(&mut world, None);
    world.deploy();
    life.settle(&mut world, None);
    world.command(b"one");
    life.settle(&mut world, None);
    (world, life, store)
}

#[test]
fn a_worker_registers_draws_keys_executes_and_reports() {
    let (world, life, _) = running(SealingMode::SelfSeal);
    assert_eq!(life.worker.phase(), Phase::Following);
    assert_eq!(life.worker.log_index(), world.log.head().next_index);
    assert_eq!((life.worker.known_index(), life.worker.to_survey()), (life.worker.log_index(), 0));
    // a constructor and a command
    let executed = life.worker.executed();
    assert_eq!((executed.calls, executed.failed), (2, 0));
    let gas: u64 = world.reports.iter().flat_map(|report| &report.outcomes).map(|outcome| outcome.gas_used).sum();
    assert_eq!(executed.gas, gas);
    let last = world.reports.last().unwrap();
    assert_eq!(last.boundary.index, world.log.head().next_index);
    assert_eq!(last.state_root, life.root());
    assert!(world.reports.iter().flat_map(|report| &report.outcomes).all(|outcome| outcome.status.is_success()));
    let keys: Vec<_> = world.reports.iter().flat_map(|report| &report.command_keys).collect();
    assert_eq!((keys.len(), keys[0].0), (1, CONTRACT));
}

#[test]
fn a_restarted_worker_opens_its_seal_and_goes_on() {
    let (mut world, life, store) = running(SealingMode::SelfSeal);
    let (root, index) = (life.root(), life.worker.log_index());
    drop(life);
    // another boot of the same worker
    let mut life = Life::new(&world, 101, Arc::new(store.clone()), true);
    life.settle(&mut world, None);
    assert_eq!((life.root(), life.worker.log_index()), (root, index), "nothing is executed twice");
    world.command(b"two");
    life.settle(&mut world, None);
    assert_ne!(life.root(), root);
    assert_eq!(world.reports.last().unwrap().state_root, life.root());
}

#[test]
fn a_peer_gets_the_keys_by_hand_over_and_comes_to_the_same_state() {
    let (mut world, mut first, _) = running(SealingMode::Peers);
    let store = MemoryStore::default();
    let mut second = Life::new(&world, 200, Arc::new(store.clone()), false);
    // it registers and joins; the first one has to see it before it hands anything over
    for _ in 0..30 {
        let _waiting = second.step(&mut world, Some(&first.queries), &mut |_, honest| honest);
    }
    first.settle(&mut world, None);
    second.settle(&mut world, Some(&first.queries));
    assert_eq!(second.worker.phase(), Phase::Following);
    first.settle(&mut world, None);
    assert_eq!(second.root(), first.root());
    world.command(b"three");
    first.settle(&mut world, None);
    second.settle(&mut world, None);
    assert_eq!(second.root(), first.root());
}

#[test]
fn a_stranger_gets_no_keys() {
    let (world, first, _) = running(SealingMode::Peers);
    let stranger = phala_primitives::handover::HandoverRequest::V1 { cluster: CLUSTER, worker: WorkerId([9; 32]) };
    let refused = first.queries.hand_over(&stranger.encode(), &mut Rng(1));
    assert!(matches!(refused, Err(phala_worker_core::QueryError::NotMember { .. })), "{:?}", refused.is_ok());
    drop(world);
}

#[test]
fn lies_of_nodes_are_found_and_change_nothing() {
    type Lie = fn(&Want, Input) -> Input;
    let lies: [(&str, Lie); 6] = [
        ("a forged message", |_, honest| match honest {
            Input::Messages(mut page) => {
                *page.bodies[0].last_mut().unwrap() ^= 1;
                Input::Messages(page)
            }
            other => other,
        }),
        ("no bodies", |_, honest| match honest {
            Input::Messages(_) => Input::Messages(Page::default()),
            other => other,
        }),
        ("a message too many", |_, honest| match honest {
            Input::Messages(mut page) => {
                page.bodies.push(page.bodies[0].clone());
                Input::Messages(page)
            }
            other => other,
        }),
        ("a proof without its nodes", |_, honest| match honest {
            Input::Read(mut nodes) => {
                nodes.truncate(nodes.len() / 2);
                Input::Read(nodes)
            }
            other => other,
        }),
        ("votes that were changed", |_, honest| match honest {
            Input::Finality(mut proof) => {
                let middle = proof.len() / 2;
                proof[middle] ^= 1;
                Input::Finality(proof)
            }
            other => other,
        }),
        ("no proof at all", |_, honest| match honest {
            Input::Finality(_) => Input::Finality(vec![0xff; 40]),
            other => other,
        }),
    ];
    for (name, mut lie) in lies {
        let (mut world, mut life, _) = running(SealingMode::SelfSeal);
        let (root, index) = (life.root(), life.worker.log_index());
        world.command(b"lied about");
        let mut caught = 0;
        for _ in 0..40 {
            match life.step(&mut world, None, &mut lie) {
                Ok(_) => {}
                Err(StepError::Node(_)) => caught += 1,
                Err(other) => panic!("{name}: {other}"),
            }
        }
        assert!(caught > 0, "{name} was not found");
        assert_eq!((life.root(), life.worker.log_index()), (root, index), "{name} had an effect");
        // the next node is honest
        life.settle(&mut world, None);
        assert_eq!(life.worker.log_index(), index + 1, "{name}");
    }
}

/// More than a node gives at once: pages from the head backwards, then chunks.
#[test]
fn a_long_log_is_caught_up_and_lies_about_it_are_found() {
    let (mut world, life, store) = running(SealingMode::SelfSeal);
    drop(life);
    for round in 0..3u8 {
        (0..900).for_each(|_| world.queue(&[round], 50_000_000));
        world.block();
    }
    let mut life = Life::new(&world, 101, Arc::new(store.fork()), true);
    life.settle(&mut world, None);
    let (root, index) = (life.root(), world.log.head().next_index);
    assert_eq!(life.worker.log_index(), index);

    type Lie = fn(&mut Page);
    let lies: [(&str, Lie); 4] = [
        ("a false hash before a page", |page| page.before[0] ^= 1),
        ("a message left out", |page| drop(page.bodies.remove(0))),
        ("a message changed", |page| *page.bodies[0].last_mut().unwrap() ^= 1),
        ("an empty page", |page| page.bodies.clear()),
    ];
    for (name, lie) in lies {
        for nth in 0..6 {
            let mut life = Life::new(&world, 102, Arc::new(store.fork()), true);
            let (mut pages, mut caught, mut to_survey) = (0, false, 0);
            for _ in 0..400 {
                let result = life.step(&mut world, None, &mut |_, honest| match honest {
                    Input::Missed => {
                        caught = true;
                        Input::Missed
                    }
                    Input::Messages(mut page) => {
                        pages += 1;
                        if pages == nth + 1 {
                            lie(&mut page);
                        }
                        Input::Messages(page)
                    }
                    other => other,
                });
                match result {
                    Ok(_) => {}
                    Err(StepError::Node(_)) => caught = true,
                    Err(other) => panic!("{name}, page {nth}: {other}"),
                }
                to_survey = to_survey.max(life.worker.to_survey());
            }
            assert!(to_survey > 0, "the log is long enough to be surveyed");
            // the hash before the first page of a chunk is not asked for again
            let idle = name.starts_with("a false hash");
            assert!(caught || idle || pages <= nth, "{name} on page {nth} was not found");
            life.settle(&mut world, None);
            assert_eq!((life.root(), life.worker.log_index()), (root, index), "{name} on page {nth}");
        }
    }
}

#[test]
fn code_that_is_not_what_its_hash_says_is_a_receipt_and_not_a_stop() {
    let mut world = World::new(config(SealingMode::SelfSeal), component());
    world.chunk = zstd::bulk::compress(b"something else", 3).unwrap();
    let store = MemoryStore::default();
    let mut life = Life::new(&world, 100, Arc::new(store.clone()), true);
    life.settle(&mut world, None);
    world.deploy();
    life.settle(&mut world, None);
    // the upload, and the constructor of what it is not
    assert_eq!(statuses(&world).last_chunk(), Some(&[Status::BadCode, Status::BadCode]));
}

fn statuses(world: &World) -> Vec<Status> {
    world.reports.iter().flat_map(|report| &report.outcomes).map(|outcome| outcome.status).collect()
}

/// Before the code and after it; also for whoever executes the whole log at once.
#[test]
fn garbage_under_the_hash_of_code_changes_nothing() {
    let mut world = World::new(config(SealingMode::SelfSeal), component());
    let garbage = zstd::bulk::compress(b"something else", 3).unwrap();
    let hash = sp_crypto_hashing::blake2_256(&garbage);
    let upload = || {
        let (code, size) = (CodeHash(sp_crypto_hashing::blake2_256(&component())), component().len() as u32);
        Kind::Upload(Upload { code, size, chunks: vec![hash].try_into().unwrap() })
    };
    let run = |world: &mut World, life: &mut Life| {
        let mut serve = |want: &Want, honest: Input| match want {
            Want::Code { chunks, .. } if chunks[..] == [hash] => Input::Code(vec![garbage.clone()]),
            _ => honest,
        };
        for _ in 0..300 {
            let _waiting = life.step(world, None, &mut serve);
        }
        assert_eq!(life.worker.log_index(), world.log.head().next_index, "the log goes on");
    };
    let store = MemoryStore::default();
    let mut life = Life::new(&world, 100, Arc::new(store.clone()), true);
    run(&mut world, &mut life);
    let fresh = store.fork();
    world.append(upload());
    world.deploy();
    world.append(upload());
    world.command(b"one");
    run(&mut world, &mut life);
    let expected = [Status::BadCode, Status::Success, Status::Success, Status::BadCode, Status::Success];
    assert_eq!(statuses(&world).last_chunk(), Some(&expected));
    let root = life.root();
    let mut late = Life::new(&world, 101, Arc::new(fresh), true);
    run(&mut world, &mut late);
    assert_eq!(late.root(), root);
}

#[test]
fn damage_on_disk_is_found_and_said() {
    let (mut world, life, store) = running(SealingMode::SelfSeal);
    drop(life);
    store.tamper(|nodes| nodes.values_mut().for_each(|node| node[0] ^= 1));
    let mut life = Life::new(&world, 101, Arc::new(store.clone()), true);
    world.command(b"two");
    let error = (0..60).find_map(|_| life.step(&mut world, None, &mut |_, honest| honest).err());
    let Some(StepError::Operator(text)) = error else { panic!("{error:?}") };
    assert!(text.contains("damaged"), "{text}");
}

#[test]
fn an_old_store_is_caught_up_from_the_log() {
    let (mut world, mut life, store) = running(SealingMode::SelfSeal);
    let old = store.fork();
    world.command(b"two");
    life.settle(&mut world, None);
    let root = life.root();
    drop(life);
    let mut life = Life::new(&world, 101, Arc::new(old.clone()), true);
    life.settle(&mut world, None);
    assert_eq!(life.root(), root);
}

/// A host whose storage fails from one call on for a few calls, and then works again.
#[derive(Clone)]
struct Flaky {
    store: MemoryStore,
    calls: Arc<AtomicUsize>,
    failing: std::ops::Range<usize>,
}

impl Flaky {
    fn call(&self) -> Result<(), StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.failing.contains(&number) { Err(StoreError("input/output error".into())) } else { Ok(()) }
    }
}

struct FlakySnapshot(Arc<dyn Snapshot>, Flaky);

impl Snapshot for FlakySnapshot {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.1.call()?;
        self.0.node(key)
    }
    fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.1.call()?;
        self.0.record(table, key)
    }
}

impl Store for Flaky {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.call()?;
        self.store.checkpoint()
    }
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        self.call()?;
        Ok(Arc::new(FlakySnapshot(self.store.snapshot()?, self.clone())))
    }
    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.call()?;
        self.store.commit(commit)
    }
}

/// Wherever it fails, and for however long: the worker comes to the same state and the same receipts, or says nothing.
#[test]
fn storage_that_fails_for_a_while_changes_nothing() {
    let story = |failing: std::ops::Range<usize>| {
        let (mut world, life, store) = running(SealingMode::SelfSeal);
        drop(life);
        let calls = Arc::new(AtomicUsize::new(0));
        let flaky = Flaky { store: store.fork(), calls: calls.clone(), failing };
        let mut life = Life::new(&world, 101, Arc::new(flaky), true);
        for round in 0..4u8 {
            (0..3).for_each(|_| world.queue(&[round], 50_000_000));
            world.block();
            life.settle(&mut world, None);
        }
        let receipts: Vec<_> = world.reports.iter().flat_map(|report| report.outcomes.to_vec()).collect();
        (life.root(), receipts, world.reports.last().map(|report| report.state_root), calls.load(Ordering::Relaxed))
    };
    let (root, receipts, reported, calls) = story(0..0);
    assert!(calls > 20, "{calls}");
    for first in 0..calls {
        for length in [1, 2, 5] {
            let (other, others, said, _) = story(first..first + length);
            assert_eq!((other, said), (root, reported), "{length} failures from call {first}");
            assert_eq!(others, receipts, "{length} failures from call {first}");
        }
    }
}
