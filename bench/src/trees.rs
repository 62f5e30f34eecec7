//! The tree of the worker's state against jmt: ADR 6 chose between them. Both lie over redb with a commit to disk for every batch,
//! hide values from the host, drop what they no longer need, and check what the host gives them.
//!
//! Ours opens each node under its own hash and may keep what it has opened; jmt's proof starts from the root every time. So reads of
//! ours are measured twice: with nothing opened before, and as the worker does them.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use phala_crypto::ClusterKeys;
use phala_primitives::Hash256;
use phala_worker::disk::Disk;
use phala_worker_core::{
    store::{Commit, Store as _},
    testing::{CLUSTER, Rng, Tree, TreeKeys},
};
use redb::Database;

use crate::{
    jellyfish::Jellyfish,
    report::{Row, Sample},
};

const ROUNDS: usize = 7;
const GENESIS: Hash256 = [1; 32];
/// Entries of a commit while a tree is filled, and while it is measured.
const FILL: usize = 10_000;
const BATCH: u64 = 500;
/// Commits of one round, and reads of one round.
const COMMITS: u64 = 10;
const READS: u64 = 1_000;

type Entry = (Vec<u8>, Vec<u8>);

/// A key as the worker has those of a contract.
fn key(number: u64) -> Vec<u8> {
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [b"storage/".as_slice(), &[7; 32], &spread.to_le_bytes()].concat()
}

/// A value of 32 bytes that tells its key's number.
fn value(number: u64, version: u64) -> Vec<u8> {
    [number, version, 0, 0].map(u64::to_le_bytes).concat()
}

fn cluster() -> ClusterKeys {
    ClusterKeys::generate(&mut Rng(1))
}

/// Keys by which nothing has been opened yet.
fn fresh_keys() -> Arc<TreeKeys> {
    let keys = cluster();
    Arc::new(TreeKeys::new(keys.state_key(&GENESIS, CLUSTER), keys.commitment_key(&GENESIS, CLUSTER)))
}

/// Microseconds of each of some steps.
fn micros(count: u64, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e6 / count as f64)
}

/// What both are measured by.
trait State {
    /// Writes entries and commits.
    fn write(&mut self, entries: Vec<Entry>) -> Result<()>;
}

struct Ours {
    disk: Disk,
    tree: Tree,
}

impl Ours {
    fn create(folder: &Path) -> Result<Self> {
        let disk = Disk::open(folder, &GENESIS, CLUSTER)?;
        let tree = Tree::new(disk.snapshot()?, fresh_keys(), None);
        Ok(Self { disk, tree })
    }

    /// The same tree to somebody who has opened nothing of it.
    fn closed(&self) -> Tree {
        Tree::new(self.tree.snapshot().clone(), fresh_keys(), Some(self.tree.root()))
    }
}

impl State for Ours {
    fn write(&mut self, entries: Vec<Entry>) -> Result<()> {
        self.tree.apply(entries.into_iter().map(|(key, value)| (key, Some(value))))?;
        let mut commit = Commit::default();
        self.tree.drain_into(&mut commit);
        self.disk.commit(commit)?;
        self.tree.rebase(self.disk.snapshot()?);
        Ok(())
    }
}

impl State for Jellyfish {
    fn write(&mut self, entries: Vec<Entry>) -> Result<()> {
        self.put(entries)
    }
}

/// One of both, with so many keys in it.
struct Filled<S> {
    state: S,
    keys: u64,
    chosen: u64,
}

impl<S: State> Filled<S> {
    fn new(mut state: S, keys: u64) -> Result<Self> {
        for first in (0..keys).step_by(FILL) {
            let numbers = first..keys.min(first + FILL as u64);
            state.write(numbers.map(|number| (key(number), value(number, 0))).collect())?;
        }
        Ok(Self { state, keys, chosen: 0 })
    }

    /// Other keys with each call, none of them twice. Their entries lie anywhere in the tree.
    fn choose(&mut self, count: u64) -> Vec<u64> {
        let first = self.chosen;
        self.chosen += count;
        // the distance is prime and does not divide the number of keys
        (first..self.chosen).map(|step| (step * 617) % self.keys).collect()
    }

    /// Microseconds for each written key.
    fn write(&mut self) -> Result<f64> {
        let mut batches = Vec::new();
        for version in 1..=COMMITS {
            let numbers = self.choose(BATCH);
            batches.push(numbers.iter().map(|number| (key(*number), value(*number, version))).collect());
        }
        micros(COMMITS * BATCH, || batches.into_iter().try_for_each(|batch| self.state.write(batch)))
    }

    /// Microseconds of a read of one key.
    fn read(&mut self, mut read: impl FnMut(&S, usize, &[u8]) -> Result<Vec<u8>>) -> Result<f64> {
        let numbers = self.choose(READS);
        micros(READS, || {
            numbers.iter().enumerate().try_for_each(|(at, number)| {
                let value = read(&self.state, at, &key(*number))?;
                ensure!(value.starts_with(&number.to_le_bytes()), "another value");
                Ok(())
            })
        })
    }
}

fn get(tree: &Tree, key: &[u8]) -> Result<Vec<u8>> {
    tree.get(key)?.context("no value")
}

/// Megabytes that a database uses of its file, which itself grows in leaps.
fn megabytes(file: &Path) -> Result<Sample> {
    let stats = Database::open(file)?.begin_write()?.stats()?;
    Ok(vec![stats.allocated_pages() as f64 * stats.page_size() as f64 / 1e6].into())
}

fn compare(keys: u64) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let (our_file, jmt_file) = (folder.path().join("state.redb"), folder.path().join("jmt.redb"));
    let mut ours = Filled::new(Ours::create(folder.path())?, keys)?;
    let seal = cluster().state_key(&GENESIS, CLUSTER);
    let mut jmt = Filled::new(Jellyfish::create(&jmt_file, seal)?, keys)?;
    let mut read_jmt = || {
        let reader = jmt.state.reader()?;
        jmt.read(|state, _, key| state.get(&reader, key))
    };

    let mut read_closed = || {
        let closed: Vec<_> = (0..READS).map(|_| ours.state.closed()).collect();
        ours.read(|_, at, key| get(&closed[at], key))
    };
    let (closed, jmt_beside_closed) = Sample::pair(ROUNDS, &mut read_closed, &mut read_jmt)?;
    let (opened, jmt_beside_opened) =
        Sample::pair(ROUNDS, || ours.read(|state, _, key| get(&state.tree, key)), &mut read_jmt)?;
    let (our_writes, jmt_writes) = Sample::pair(ROUNDS, || ours.write(), || jmt.write())?;
    drop((ours, jmt));

    let name = |what: &str| format!("state tree, {keys} keys: {what}");
    Ok(vec![
        Row::new(name("a key written, 500 in a commit"), "µs", our_writes).against("jmt, update proven", jmt_writes),
        Row::new(name("a key read, nothing opened before"), "µs", closed).against("jmt, proven", jmt_beside_closed),
        Row::new(name("a key read, what was opened is kept"), "µs", opened).against("jmt, proven", jmt_beside_opened),
        Row::new(name("on disk"), "MB", megabytes(&our_file)?).against("jmt", megabytes(&jmt_file)?),
    ])
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let mut rows = compare(1_000)?;
    rows.extend(compare(1_000_000)?);
    Ok(rows)
}
