//! Several workers of one cluster, and nodes that are not what they should be.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Counter, Devnet, Liar, Lie, Process, follows, run, wait_for};

const DEADLINE: Duration = Duration::from_secs(90);

#[test]
fn two_workers_agree_and_one_that_is_killed_catches_up() -> Result<()> {
    Devnet::with(two_workers)
}

fn two_workers(devnet: &Devnet) -> Result<()> {
    let counter = Counter::deploy(devnet)?;
    ensure!(counter.add(2)? == 2);

    // the second one registers, is taken in, gets the keys from the first and executes the log from its beginning
    let first = counter.workers()?.pop().context("a worker")?;
    let (mut another, port) = devnet.another_worker("//Charlie", &[devnet.node_url()], "another")?;
    let second = counter.take_in(&first, &mut another)?;
    follows(&mut another, port)?;
    ensure!(counter.agreed([&first, &second])? == 2);

    // the first one dies in the middle of the log: the cluster goes on
    devnet.kill("worker")?;
    ensure!(counter.add(3)? == 5);
    ensure!(counter.add(4)? == 9);
    ensure!(counter.value(&second)?["output"] == 9);
    ensure!(counter.value(&first).is_err(), "nobody answers in its name");

    // it comes back as another boot, and catches up
    let mut again = devnet.revive("worker")?;
    let one = wait_for("the first worker to catch up", DEADLINE, || {
        again.check_alive()?;
        counter.value(&first).map(Some)
    })?;
    ensure!(one["output"] == 9, "{one}");
    ensure!(counter.add(1)? == 10);
    ensure!(another.stop()?.success(), "it stops by itself when asked to");
    ensure!(again.stop()?.success(), "it stops by itself when asked to");
    Ok(())
}

#[test]
fn a_worker_leaves_nodes_that_lie_and_waits_for_one_that_does_not() -> Result<()> {
    Devnet::with(lying_nodes)
}

fn lying_nodes(devnet: &Devnet) -> Result<()> {
    let liar = Liar::start(devnet.node_port())?;
    let counter = Counter::deploy(devnet)?;
    let first = counter.workers()?.pop().context("a worker")?;

    // nobody there, and another chain: it goes on trying, and says what is wrong
    liar.lie(Lie::OtherGenesis);
    let nobody = "ws://127.0.0.1:1".to_owned();
    let (mut process, _) = devnet.another_worker("//Charlie", &[nobody, liar.url()], "no-node")?;
    wait_for("several tries", DEADLINE, || {
        process.check_alive()?;
        let log = process.log()?;
        Ok((log.contains("serves the chain with genesis 0x0000") && log.matches("leaving the node").count() >= 5)
            .then_some(()))
    })?;
    ensure!(process.stop()?.success(), "it stops by itself while it has no node");

    // a data directory that another worker uses
    let net = devnet.net();
    let taken = run(
        "phala-worker",
        &[
            "run",
            "--operator=//Dave",
            &format!("--network={}", net.join("network.json").display()),
            &format!("--node={}", devnet.node_url()),
            &format!("--data-dir={}", net.join("worker").display()),
            &format!("--platform=soft-tee:{}", net.join("tee/socket").display()),
        ],
    )?;
    ensure!(
        taken.code == Some(1) && taken.stderr.contains("another worker runs on the data directory"),
        "{}",
        taken.stderr
    );

    // each lie is found out; the worker goes to the next node and does its work there
    let nodes = [liar.url(), devnet.node_url()];
    liar.lie(Lie::ForgedFinality);
    let (mut process, port) = devnet.another_worker("//Charlie", &nodes, "forged-finality")?;
    let second = counter.take_in(&first, &mut process)?;
    follows(&mut process, port)?;
    found_out(&liar, &process, Lie::ForgedFinality)?;
    for (round, lie) in [Lie::ForgedProof, Lie::ForgedMessage, Lie::NoMessages].into_iter().enumerate() {
        ensure!(process.stop()?.success());
        // something to catch up with
        let value = counter.add(1)?;
        ensure!(value == round as u64 + 1);
        liar.lie(lie);
        let (next, port) = devnet.another_worker("//Charlie", &nodes, &format!("{lie:?}"))?;
        process = next;
        follows(&mut process, port)?;
        found_out(&liar, &process, lie)?;
        ensure!(counter.value(&second)?["output"] == value, "{lie:?}");
    }

    // an old head proves nothing false: it is the missing news that gives the node away
    ensure!(process.stop()?.success());
    liar.lie(Lie::OldHead);
    let (mut process, port) = devnet.another_worker("//Charlie", &nodes, "old-head")?;
    wait_for("the old head to be told", DEADLINE, || Ok((liar.times() > 1).then_some(())))?;
    let value = counter.add(1)?;
    follows(&mut process, port)?;
    wait_for("the worker to see the newer block", DEADLINE, || {
        process.check_alive()?;
        Ok((counter.value(&second)?["output"] == value).then_some(()))
    })?;
    found_out(&liar, &process, Lie::OldHead)?;
    ensure!(process.log()?.contains("nothing newer than block"));
    Ok(())
}

fn found_out(liar: &Liar, process: &Process, lie: Lie) -> Result<()> {
    ensure!(liar.times() > 0, "{lie:?} was not told");
    ensure!(process.log()?.contains("leaving the node"), "{lie:?} was believed");
    Ok(())
}
