//! A devnet as the README starts it, and `phala` against it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use phala_primitives::{ClusterId, LogHead, report::Reported, storage_key};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Rpc, binary, process::Process, wait_for};

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
        self.set_up(&mut command, folder, account);
        Ok(command.args(arguments).output()?)
    }

    /// What a shell prints that runs these lines as Alice, with `phala` on its PATH. It ends at the first one that fails.
    pub fn shell(&self, folder: &Path, lines: &str) -> Result<String> {
        let phala = binary("phala")?;
        let mut path = phala.parent().context("a folder of programs")?.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut bash = Command::new("bash");
        self.set_up(&mut bash, folder, "//Alice");
        let output = bash.args(["-euo", "pipefail", "-c", lines]).env("PATH", path).output().context("run bash")?;
        ensure!(output.status.success(), "{lines}\n{}{}", text(&output.stdout), text(&output.stderr));
        Ok(text(&output.stdout))
    }

    fn set_up(&self, command: &mut Command, folder: &Path, account: &str) {
        command
            .current_dir(folder)
            .env("PHALA_NETWORK", self.folder.path().join("net/network.json"))
            .env("PHALA_NODE", self.node_url())
            .env("PHALA_SURI", account)
            .stdin(Stdio::null());
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
        let id = id.context("a process id")?;
        kill_process(id, Signal::KILL)?;
        // whose parent does not look after it stays as a name, without a program
        let program = format!("/proc/{}/exe", id.as_raw_nonzero());
        wait_for("a killed process to be gone", Duration::from_secs(10), || {
            Ok(std::fs::read_link(&program).is_err().then_some(()))
        })
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

    /// The node's JSON-RPC.
    pub fn rpc(&self) -> Rpc {
        Rpc::new(self.rpc)
    }

    /// Where the log of its cluster stands, as the node says.
    pub fn log_head(&self) -> Result<LogHead> {
        self.rpc().state(&storage_key::log_head(ClusterId(0)))?.context("the cluster's log")
    }

    /// Messages of its cluster that are reported, as the node says.
    pub fn reported(&self) -> Result<u64> {
        let reported: Option<Reported> = self.rpc().state(&storage_key::reported(ClusterId(0)))?;
        Ok(reported.map_or(0, |reported| reported.latest().boundary.index))
    }

    /// Waits until its cluster has reported all messages that there are.
    pub fn settled(&self) -> Result<()> {
        wait_for("the cluster to report all of its messages", Duration::from_secs(120), || {
            let (messages, reported) = (self.log_head()?.next_index, self.reported()?);
            ensure!(reported == messages, "{reported} of {messages} are reported");
            Ok(Some(()))
        })
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
        let port = free_port()?;
        let arguments = self.worker_arguments(operator, nodes, "another", port);
        Ok((Process::start("phala-worker", &arguments, &self.net().join(format!("logs/{log}.log")))?, port))
    }

    /// How `phala-worker` is started beside the devnet's own, with its data in a folder of this name.
    pub fn worker_arguments(&self, operator: &str, nodes: &[String], data: &str, port: u16) -> Vec<String> {
        let net = self.net();
        let mut arguments = vec![
            "run".to_owned(),
            format!("--operator={operator}"),
            format!("--network={}", net.join("network.json").display()),
            format!("--data-dir={}", net.join(data).display()),
            format!("--platform=soft-tee:{}", net.join("tee/socket").display()),
            format!("--listen=127.0.0.1:{port}"),
            "--stall-after=10".to_owned(),
        ];
        arguments.extend(nodes.iter().map(|node| format!("--node={node}")));
        arguments
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
