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
const ROUNDS: usize = 3;
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

/// Commands per second that each write one of `keys` existing keys: right after a start, and later.
fn commands(keys: u64) -> Result<(Sample, Sample)> {
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
    let mut round = 1;
    let mut once = || {
        round += 1;
        for number in 0..COMMANDS as u64 {
            // any order: another generator than that of the keys
            let chosen = number.wrapping_add(round).wrapping_mul(0x5851_F42D_4C95_7F2D) >> 20;
            world.queue(&input(key(chosen % keys), 1, round), GAS);
            if number as usize % COMMANDS_PER_BLOCK == COMMANDS_PER_BLOCK - 1 {
                world.block();
            }
        }
        let taken = seconds(|| life.settle(&mut world, None));
        COMMANDS as f64 / taken
    };
    let cold = Sample::once(once());
    let warm = Sample::of(ROUNDS, once);
    let failed = world.reports.iter().flat_map(|report| &report.outcomes).filter(|o| !o.status.is_success()).count();
    ensure!(failed == 0, "{failed} commands failed");
    Ok((cold, warm))
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let mut short = Vec::new();
    let mut long = Vec::new();
    for _ in 0..ROUNDS {
        short.push(catch_up(0)?);
        long.push(catch_up(MORE_EMPTY_BLOCKS)?);
    }
    let sample = |mut values: Vec<f64>| Sample::of(values.len(), || values.pop().unwrap_or(f64::NAN));
    let (few_cold, few) = commands(1_000)?;
    let (many_cold, many) = commands(1_000_000)?;
    let few_again = Sample::once(few.median());
    Ok(vec![
        Row {
            what: "catch-up of a new worker: 10,000 blocks, 10,000 plain commands executed",
            unit: "s",
            measured: sample(short.clone()),
            baseline: None,
            target: Target::AtMost(5.0),
        },
        Row {
            what: "the same with 30,000 more empty blocks",
            unit: "s",
            measured: sample(long),
            baseline: Some(("without them", sample(short))),
            target: Target::RatioAtMost(1.1),
        },
        Row {
            what: "plain commands executed, each writes one key; 1,000 keys in the state",
            unit: "commands/s",
            measured: few,
            baseline: None,
            target: Target::AtLeast(5_000.0),
        },
        Row {
            what: "the same, 1,000,000 keys in the state",
            unit: "commands/s",
            measured: many,
            baseline: Some(("1,000 keys", few_again)),
            target: Target::RatioAtLeast(0.8),
        },
        Row {
            what: "the first 10,000 commands after a restart; 1,000,000 keys",
            unit: "commands/s",
            measured: many_cold,
            baseline: Some(("1,000 keys", few_cold)),
            target: Target::None,
        },
    ])
}
