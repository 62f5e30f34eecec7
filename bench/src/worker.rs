//! Whole workers in this process: a chain with real headers, votes and tries, the real database on disk, no network.

use std::{path::Path, sync::Arc};

use anyhow::{Result, ensure};
use phala_primitives::cluster::{ClusterConfigV1, SealingMode};
use phala_worker::disk::Disk;
use phala_worker_core::testing::{CLUSTER, Life, World, config};

use crate::report::{Row, Sample, Target, seconds};

const BLOCKS: usize = 10_000;
const MORE_EMPTY_BLOCKS: usize = 30_000;
const BLOCKS_PER_SESSION: usize = 600;
const COMMANDS: usize = 10_000;
const COMMANDS_PER_BLOCK: usize = 500;
const CATCH_UPS: usize = 3;
const ROUNDS: usize = 5;
const FILL: u32 = 1_000;
const GAS: u64 = 1 << 40;

/// Input: a key of 8 bytes, how many keys to write (4 bytes), the value (8 bytes). Keys after the first are spread by an odd
/// number.
fn component() -> Result<Vec<u8>> {
    let body = r#"(func $run (export "run") (param $in i32) (param $len i32) (result i32) (local $n i32)
        (local.set $n (i32.load offset=8 (local.get $in)))
        (loop $next
          (call $set (local.get $in) (i32.const 8) (i32.add (local.get $in) (i32.const 12)) (i32.const 8) (i32.const 3000))
          (i64.store (local.get $in) (i64.add (i64.load (local.get $in)) (i64.const 0x9E3779B97F4A7C15)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $next (local.get $n)))
        (call $ok (i32.const 0) (i32.const 0)))"#;
    let text = include_str!("../../contract/engine/tests/support/contract.wat");
    Ok(wat::parse_str(text.replace("PAGES", "1").replace("BODY\n", &format!("{body}\n")))?)
}

fn input(key: u64, count: u32, value: u64) -> Vec<u8> {
    [&key.to_le_bytes()[..], &count.to_le_bytes(), &value.to_le_bytes()].concat()
}

/// The key of this number, as the contract spreads them.
fn key(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn cluster() -> ClusterConfigV1 {
    let mut config = config(SealingMode::SelfSeal);
    config.limits.gas_per_message = GAS;
    config.limits.timeout_blocks = 1_000_000;
    config
}

fn disk(world: &World, folder: &Path) -> Result<Arc<Disk>> {
    Ok(Arc::new(Disk::open(folder, &world.genesis(), CLUSTER)?))
}

/// Seconds from the boot of a worker that has nothing until it has executed and reported a log of 10,000 commands, one in
/// each of 10,000 blocks, with this many empty ones at the end.
fn catch_up(empty: usize) -> Result<f64> {
    let mut world = World::new(cluster(), component()?);
    world.deploy();
    for number in 0..BLOCKS {
        world.queue(&input(key(number as u64), 1, 1), GAS);
        world.block();
        if number % BLOCKS_PER_SESSION == 0 {
            world.hand_over();
        }
    }
    for _ in 0..empty / BLOCKS_PER_SESSION {
        world.empty_blocks(BLOCKS_PER_SESSION);
        world.hand_over();
    }
    world.empty_blocks(1);
    let folder = tempfile::tempdir()?;
    let mut life = Life::new(&world, 100, disk(&world, folder.path())?, true);
    let taken = seconds(|| life.settle(&mut world, None));
    ensure!(life.worker.log_index() == world.log.head().next_index, "the worker is at the head");
    Ok(taken)
}

/// A worker whose contract has some keys in its state, started again since they were written.
struct Filled {
    world: World,
    life: Life,
    keys: u64,
    commands: u64,
    /// Deleted after the worker that writes there has ended.
    _folder: tempfile::TempDir,
}

impl Filled {
    fn new(keys: u64) -> Result<Self> {
        let mut world = World::new(cluster(), component()?);
        let folder = tempfile::tempdir()?;
        let mut life = Life::new(&world, 100, disk(&world, folder.path())?, true);
        life.settle(&mut world, None);
        world.deploy();
        for batch in 0..keys / u64::from(FILL) {
            world.queue(&input(key(batch * u64::from(FILL)), FILL, 1), GAS);
            if batch % 20 == 19 {
                world.block();
                life.settle(&mut world, None);
            }
        }
        world.block();
        life.settle(&mut world, None);
        drop(life);
        let mut life = Life::new(&world, 101, disk(&world, folder.path())?, true);
        life.settle(&mut world, None);
        Ok(Self { world, life, keys, commands: 0, _folder: folder })
    }

    /// A block of commands that each write one of the keys.
    fn block(&mut self) {
        for _ in 0..COMMANDS_PER_BLOCK {
            self.commands += 1;
            // any order: another generator than that of the keys
            let chosen = self.commands.wrapping_mul(0x5851_F42D_4C95_7F2D) >> 20;
            self.world.queue(&input(key(chosen % self.keys), 1, self.commands), GAS);
        }
        self.world.block();
    }

    /// Seconds until the worker has done all that there is.
    fn settle(&mut self) -> f64 {
        seconds(|| self.life.settle(&mut self.world, None))
    }

    /// Commands per second while blocks arrive: each is executed, committed to disk and reported before the next one is there.
    fn arriving(&mut self) -> Result<f64> {
        let mut taken = 0.0;
        for _ in 0..COMMANDS / COMMANDS_PER_BLOCK {
            self.block();
            taken += self.settle();
        }
        self.rate(taken)
    }

    /// Commands per second where all of them are there already.
    fn waiting(&mut self) -> Result<f64> {
        (0..COMMANDS / COMMANDS_PER_BLOCK).for_each(|_| self.block());
        let taken = self.settle();
        self.rate(taken)
    }

    fn rate(&self, taken: f64) -> Result<f64> {
        let outcomes = self.world.reports.iter().flat_map(|report| &report.outcomes);
        let failed = outcomes.filter(|outcome| !outcome.status.is_success()).count();
        ensure!(failed == 0, "{failed} commands failed");
        ensure!(self.life.worker.log_index() == self.world.log.head().next_index, "the worker is at the head");
        Ok(COMMANDS as f64 / taken)
    }
}

fn catching_up() -> Result<Vec<Row>> {
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for _ in 0..CATCH_UPS {
        short.push(catch_up(0)?);
        long.push(catch_up(MORE_EMPTY_BLOCKS)?);
    }
    let short = Sample::from(short);
    Ok(vec![
        Row::new("catch-up of a new worker: 10,000 blocks, 10,000 plain commands executed", "s", short.clone())
            .target(Target::AtMost(5.0)),
        Row::new("the same with 30,000 more empty blocks", "s", long.into())
            .against("without them", short)
            .target(Target::RatioAtMost(1.1)),
    ])
}

fn commands() -> Result<Vec<Row>> {
    const UNIT: &str = "commands/s";
    let (mut few, mut many) = (Filled::new(1_000)?, Filled::new(1_000_000)?);
    let cold = Row::new(
        "the first 10,000 of them after a restart of the worker (the system's page cache is warm); 1,000,000 keys",
        UNIT,
        vec![many.arriving()?].into(),
    )
    .against("1,000 keys", vec![few.arriving()?].into());
    let (few_arriving, many_arriving) = Sample::pair(ROUNDS, || few.arriving(), || many.arriving())?;
    let (few_waiting, many_waiting) = Sample::pair(ROUNDS, || few.waiting(), || many.waiting())?;
    Ok(vec![
        Row::new(
            "plain commands executed that each write one key, in blocks of 500 that arrive one by one; 1,000 keys in the state",
            UNIT,
            few_arriving.clone(),
        )
        .target(Target::AtLeast(5_000.0)),
        Row::new("the same; 1,000,000 keys", UNIT, many_arriving)
            .against("1,000 keys", few_arriving)
            .target(Target::RatioAtLeast(0.8))
            .limited_by(
                "not profiled; the way from the root to a leaf is longer: each written key changes more nodes, which are read, sealed and stored",
            ),
        cold,
        Row::new("10,000 such commands that wait already; 1,000,000 keys", UNIT, many_waiting)
            .against("1,000 keys", few_waiting),
    ])
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let mut rows = catching_up()?;
    rows.extend(commands()?);
    Ok(rows)
}
