//! Two workers of one cluster: they agree, and the cluster outlives either of them.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Devnet, wait_for};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(90);

struct Counter<'a> {
    devnet: &'a Devnet,
    id: String,
}

impl Counter<'_> {
    fn add(&self, by: u64) -> Result<Value> {
        let here = Path::new("/");
        let called =
            self.devnet.json(here, &["contract", "call", &self.id, "add", &json!({ "by": by }).to_string()])?;
        ensure!(called["status"] == "success", "{called}");
        Ok(called["output"].clone())
    }

    /// The answer of one worker.
    fn value(&self, worker: &str) -> Result<Value> {
        self.devnet.json(Path::new("/"), &["contract", "query", &self.id, "value", "{}", "--worker", worker])
    }
}

#[test]
fn two_workers_agree_and_one_that_is_killed_catches_up() -> Result<()> {
    Devnet::with(scenario)
}

fn scenario(devnet: &Devnet) -> Result<()> {
    let here = tempfile::tempdir()?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contract/examples/counter");
    let built = devnet.json(here.path(), &["contract", "build", &example.display().to_string()])?;
    let file = built["file"].as_str().context("a component")?;
    let deployed = devnet.json(here.path(), &["contract", "deploy", file, "--init", r#"{"owner":"//Alice"}"#])?;
    let counter = Counter { devnet, id: deployed["contract"].as_str().context("an id")?.to_owned() };
    ensure!(counter.add(2)? == 2);

    // the second one registers, is taken in, gets the keys from the first and executes the log from its beginning
    let first = devnet.json(here.path(), &["worker", "list"])?[0]["worker"].as_str().context("a worker")?.to_owned();
    let (mut another, port) = devnet.another_worker("//Charlie")?;
    let second = wait_for("the second worker to register", DEADLINE, || {
        another.check_alive()?;
        let list = devnet.json(here.path(), &["worker", "list"])?;
        let ids = list.as_array().context("a list")?.iter().filter_map(|worker| worker["worker"].as_str());
        Ok(ids.map(str::to_owned).find(|id| *id != first))
    })?;
    // until its offer is in a block, the chain refuses
    wait_for("the second worker to be taken in", DEADLINE, || {
        devnet.ok(here.path(), &["cluster", "add-member", "0", &second]).map(Some)
    })?;
    let health = format!("http://127.0.0.1:{port}/v1/health");
    wait_for("the second worker to follow the cluster", DEADLINE, || {
        Ok(ureq::get(&health).call().is_ok().then_some(()))
    })?;
    let (one, two) = (counter.value(&first)?, counter.value(&second)?);
    ensure!(one["output"] == 2 && two["output"] == 2, "{one} {two}");
    ensure!(one["stateRoot"] == two["stateRoot"] && one["stateRoot"].is_string(), "{one} {two}");

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
