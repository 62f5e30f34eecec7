//! The network as users start it: real processes, on loopback.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::report::{Row, Sample, Target};

const ROUNDS: usize = 3;

/// A devnet with its example, in a folder that is deleted after it.
struct Devnet {
    folder: tempfile::TempDir,
    binaries: PathBuf,
    rpc: u16,
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Devnet {
    fn new() -> Result<Self> {
        let program = std::env::current_exe()?;
        let binaries = program.parent().context("a folder of binaries")?.to_owned();
        Ok(Self { folder: tempfile::tempdir()?, binaries, rpc: free_port()? })
    }

    fn network(&self) -> PathBuf {
        self.folder.path().join("net")
    }

    fn start(&self) -> Result<()> {
        let (p2p, worker) = (free_port()?, free_port()?);
        let mut command = Command::new(self.binaries.join("xtask"));
        command.args(["devnet", "--detach", "--no-build"]).arg("--folder").arg(self.network());
        command.arg(format!("--rpc-port={}", self.rpc));
        command.args([format!("--port={p2p}"), format!("--worker-port={worker}")]);
        run(command.env("CARGO_TARGET_DIR", self.target()?)).map(drop)
    }

    fn target(&self) -> Result<&Path> {
        self.binaries.parent().context("a target directory")
    }

    fn ask(&self, contract: &str) -> Result<Value> {
        let mut command = Command::new(self.binaries.join("phala"));
        command
            .args(["contract", "query", contract, "prices", "{}", "--json", "--suri=//Alice"])
            .env("PHALA_NETWORK", self.network().join("network.json"))
            .env("PHALA_NODE", format!("ws://127.0.0.1:{}", self.rpc));
        Ok(serde_json::from_str(&run(&mut command)?)?)
    }

    /// Megabytes of memory that a process of the devnet has.
    fn resident(&self, name: &str) -> Result<f64> {
        let list: Value = serde_json::from_str(&fs::read_to_string(self.network().join("processes.json"))?)?;
        let all = list["processes"].as_array().context("a list of processes")?;
        let process =
            all.iter().find(|process| process["name"] == name).with_context(|| format!("a process {name}"))?;
        let status = fs::read_to_string(format!("/proc/{}/status", process["pid"]))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let mut command = Command::new(self.binaries.join("xtask"));
        command.args(["devnet", "stop"]).arg("--folder").arg(self.network());
        let _stopped = run(&mut command);
    }
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let (mut starts, mut node, mut worker) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let devnet = Devnet::new()?;
        let start = Instant::now();
        devnet.start()?;
        let example: Value = serde_json::from_str(&fs::read_to_string(devnet.network().join("example.json"))?)?;
        let answer = devnet.ask(example["contract"].as_str().context("the example's id")?)?;
        starts.push(start.elapsed().as_secs_f64());
        ensure!(answer["assurance"] == "software", "{answer}");
        node.push(devnet.resident("node")?);
        worker.push(devnet.resident("worker")?);
    }
    let sample = |mut values: Vec<f64>| Sample::of(values.len(), || values.pop().unwrap_or(f64::NAN));
    let row = |what, unit, values, target| Row { what, unit, measured: sample(values), baseline: None, target };
    Ok(vec![
        row(
            "`devnet` with built binaries, a fresh chain, the example's build and deployment, to the first verified answer",
            "s",
            starts,
            Target::AtMost(20.0),
        ),
        row("resident memory of the worker after its first answer", "MiB", worker, Target::AtMost(150.0)),
        row("resident memory of the node then", "MiB", node, Target::AtMost(250.0)),
    ])
}
