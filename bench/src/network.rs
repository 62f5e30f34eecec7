//! The network as users start it: real processes, on loopback.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use phala_e2e::Devnet;
use serde_json::Value;

use crate::report::{Row, Target};

const ROUNDS: usize = 3;
/// Time between two looks at a process that nobody asks anything. The chain goes on making blocks, which is what an idle network does.
const PAUSE: Duration = Duration::from_secs(3);
const LOOKS: usize = 20;

/// Megabytes of memory that a process of the devnet has.
fn resident(devnet: &Devnet, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", devnet.process(name)?["pid"]))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}

/// The same once it has come to rest: once a pause changes it by less than a hundredth.
fn idle(devnet: &Devnet, name: &str) -> Result<f64> {
    let mut before = resident(devnet, name)?;
    for _ in 0..LOOKS {
        thread::sleep(PAUSE);
        let now = resident(devnet, name)?;
        if (now - before).abs() < before / 100.0 {
            return Ok(now);
        }
        before = now;
    }
    bail!("the memory of the {name} does not come to rest; it has {before} MB")
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let (mut starts, mut node, mut worker) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let devnet = Devnet::new()?;
        let start = Instant::now();
        devnet.start(&[])?;
        let example: Value = serde_json::from_slice(&fs::read(devnet.net().join("example.json"))?)?;
        let contract = example["contract"].as_str().context("the example's id")?;
        let answer = devnet.json(Path::new("/"), &["contract", "query", contract, "prices", "{}"])?;
        starts.push(start.elapsed().as_secs_f64());
        ensure!(answer["assurance"] == "software", "{answer}");
        worker.push(idle(&devnet, "worker")?);
        node.push(idle(&devnet, "node")?);
    }
    Ok(vec![
        Row::new(
            "`devnet` with built binaries, a fresh chain, the example's build and deployment, to the first verified answer",
            "s",
            starts.into(),
        )
        .target(Target::AtMost(20.0)),
        Row::new("resident memory of the worker after its first answer, idle", "MB", worker.into())
            .target(Target::AtMost(150.0)),
        Row::new("resident memory of the node then", "MB", node.into()).target(Target::AtMost(250.0)),
    ])
}
