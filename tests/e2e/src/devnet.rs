//! A devnet as the README starts it, and `phala` against it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{binary, process::Process};

/// A devnet in a folder of its own, on ports that the system has chosen; stopped when dropped.
pub struct Devnet {
    folder: tempfile::TempDir,
    rpc: u16,
    p2p: u16,
    worker: u16,
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Devnet {
    /// Runs a scenario on a devnet without its example. If it fails, the logs are kept.
    pub fn with<T>(scenario: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let mut devnet = Self::new()?;
        devnet.up()?;
        let result = scenario(&devnet);
        if result.is_err() {
            devnet.folder.disable_cleanup(true);
            eprintln!("logs are kept in {}", devnet.folder.path().join("net/logs").display());
        }
        result
    }

    /// A devnet that does not run yet.
    pub fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, rpc: free_port()?, p2p: free_port()?, worker: free_port()? })
    }

    /// Starts it, without its example; again on the same data, if there are some.
    pub fn up(&self) -> Result<()> {
        self.start(&["--no-example"])
    }

    /// Starts it with these arguments beside its ports.
    pub fn start(&self, arguments: &[&str]) -> Result<()> {
        let ports = [
            format!("--rpc-port={}", self.rpc),
            format!("--port={}", self.p2p),
            format!("--worker-port={}", self.worker),
        ];
        let output = self.xtask(&[&["--detach", "--no-build"], arguments].concat(), &ports)?;
        ensure!(output.status.success(), "devnet: {}{}", text(&output.stdout), text(&output.stderr));
        ensure!(text(&output.stdout).contains("export PATH="), "devnet does not say how to go on");
        Ok(())
    }

    /// `cargo xtask devnet` with these.
    pub fn xtask(&self, arguments: &[&str], ports: &[String]) -> Result<Output> {
        let profile = binary("xtask")?;
        let target = profile.parent().and_then(Path::parent).context("a target directory")?;
        let mut command = Command::new(&profile);
        command.arg("devnet").args(arguments).args(ports).arg("--folder").arg(self.folder.path().join("net"));
        Ok(command.env("CARGO_TARGET_DIR", target).stdin(Stdio::null()).output()?)
    }

    /// `phala` as the line that the devnet prints sets it up, in a folder.
    pub fn phala(&self, folder: &Path, account: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary("phala")?);
        command
            .args(arguments)
            .current_dir(folder)
            .env("PHALA_NETWORK", self.folder.path().join("net/network.json"))
            .env("PHALA_NODE", format!("ws://127.0.0.1:{}", self.rpc))
            .env("PHALA_SURI", account)
            .stdin(Stdio::null());
        Ok(command.output()?)
    }

    /// What `phala` prints, as Alice.
    pub fn ok(&self, folder: &Path, arguments: &[&str]) -> Result<String> {
        let output = self.phala(folder, "//Alice", arguments)?;
        ensure!(output.status.success(), "phala {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        Ok(text(&output.stdout))
    }

    /// The same as JSON.
    pub fn json(&self, folder: &Path, arguments: &[&str]) -> Result<Value> {
        let output = self.ok(folder, &[arguments, &["--json"]].concat())?;
        serde_json::from_str(&output).with_context(|| output)
    }

    /// A process that the devnet has started: its id and its arguments.
    pub fn process(&self, name: &str) -> Result<Value> {
        let file = self.folder.path().join("net/processes.json");
        let list: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let all = list["processes"].as_array().context("processes")?;
        Ok(all.iter().find(|process| process["name"] == name).with_context(|| format!("a process {name}"))?.clone())
    }

    /// Ends one of its processes as a power cut would.
    pub fn kill(&self, name: &str) -> Result<()> {
        let id = self.process(name)?["pid"].as_i64().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(id.context("a process id")?, Signal::KILL)?;
        Ok(())
    }

    /// Starts a process of the devnet again with its own arguments.
    pub fn revive(&self, name: &str) -> Result<Process> {
        let found = self.process(name)?;
        let arguments = found["arguments"].as_array().context("arguments")?;
        let arguments: Vec<_> = arguments.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Process::start(
            &format!("phala-{name}"),
            &arguments,
            &self.folder.path().join(format!("net/logs/{name}-again.log")),
        )
    }

    /// The port of the node.
    pub fn node_port(&self) -> u16 {
        self.rpc
    }

    /// The port of the worker's HTTP API.
    pub fn worker_port(&self) -> u16 {
        self.worker
    }

    /// The URL of the node.
    pub fn node_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.rpc)
    }

    /// The folder with its data and logs.
    pub fn net(&self) -> PathBuf {
        self.folder.path().join("net")
    }

    /// Starts another worker, on the same platform, that asks these nodes; with its log in a file of this name.
    pub fn another_worker(&self, operator: &str, nodes: &[String], log: &str) -> Result<(Process, u16)> {
        let (net, port) = (self.net(), free_port()?);
        let mut arguments = vec![
            "run".to_owned(),
            format!("--operator={operator}"),
            format!("--network={}", net.join("network.json").display()),
            format!("--data-dir={}", net.join("another").display()),
            format!("--platform=soft-tee:{}", net.join("tee/socket").display()),
            format!("--listen=127.0.0.1:{port}"),
            "--stall-after=10".to_owned(),
        ];
        arguments.extend(nodes.iter().map(|node| format!("--node={node}")));
        Ok((Process::start("phala-worker", &arguments, &net.join(format!("logs/{log}.log")))?, port))
    }

    /// The exit code, and what was said on standard error.
    pub fn refused(&self, folder: &Path, account: &str, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let output = self.phala(folder, account, arguments)?;
        ensure!(!output.status.success(), "phala {arguments:?} should fail: {}", text(&output.stdout));
        Ok((output.status.code(), text(&output.stderr)))
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let _stopped = self.xtask(&["stop"], &[]);
    }
}

/// Bytes that a program has printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
