//! A log that is longer than one answer of a node, in messages and in bytes, before a worker that begins at its beginning.

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Account, Counter, Devnet, follows};

/// More than a worker asks for at once.
const SHORT: u64 = 1_100;
/// With so many bytes each, more than a node answers at once, and than a worker executes at once.
const LONG: u64 = 45;
const LONG_BYTES: usize = 200_000;

#[test]
fn a_worker_that_joins_late_executes_a_long_log() -> Result<()> {
    Devnet::with(|devnet| {
        let counter = Counter::deploy(devnet)?;
        let dave = Account::new(&devnet.node_url(), "//Dave")?;
        let (short, long) = (counter.plain(1, 0, 0)?, counter.plain(1, LONG_BYTES, 0)?);
        for _ in 0..SHORT {
            dave.send(&short)?;
        }
        for _ in 0..LONG {
            dave.send(&long)?;
        }
        // until the pool is empty the log is not what it will be
        let before = dave.message(&short)?.index;
        ensure!(before >= SHORT + LONG, "the log has {before} messages");
        devnet.settled()?;
        let first = counter.workers()?.pop().context("a worker")?;
        ensure!(counter.value(&first)?["output"] == SHORT + LONG + 1);

        let (mut another, port) = devnet.another_worker("//Charlie", &[devnet.node_url()], "another")?;
        let second = counter.take_in(&first, &mut another)?;
        follows(&mut another, port)?;
        ensure!(counter.agreed([&first, &second])? == SHORT + LONG + 1);
        ensure!(another.stop()?.success());
        Ok(())
    })
}
