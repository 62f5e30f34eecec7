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

use crate::{Rpc, Turn, binary, process::Process, wait_for};

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

/// Where cargo says that xtask's package is, by which xtask finds the repository: what it tells this program is another one.
fn package_of_xtask() -> Option<PathBuf> {
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    own.ancestors().map(|folder| folder.join("xtask")).find(|package| package.join("Cargo.toml").is_file())
}

impl Devnet {
    /// Runs a scenario on a devnet without its example. If it fails, the logs are kept.
    pub fn with<T>(scenario: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        Self::unstarted(|devnet| {
            devnet.up()?;
            scenario(devnet)
        })
    }

    /// The same on a devnet that does not run yet.
    pub fn unstarted<T>(scenario: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let mut devnet = Self::new()?;
        let result = scenario(&devnet);
        if result.is_err() {
            devnet.folder.disable_cleanup(true);
            eprintln!("logs are kept in {}", devnet.folder.path().display());
        }
        result
    }

    /// A devnet that does not run yet.
    pub fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, rpc: free_port()?, p2p: free_port()?, worker: free_port()? })
    }

    /// Starts it, without its example; again on the same data, if there are some.
    pub fn up(&self) -> Result<()> {
        self.start(&["--no-example"]).map(drop)
    }

    /// Starts it in the background with these arguments beside its ports. Gives what that has printed.
    pub fn start(&self, arguments: &[&str]) -> Result<String> {
        let output = self.xtask(&[&["--detach", "--no-build"], arguments].concat(), &self.ports())?;
        ensure!(output.status.success(), "devnet: {}{}", text(&output.stdout), text(&output.stderr));
        let said = text(&output.stdout);
        ensure!(said.contains("export PATH="), "devnet does not say how to go on");
        Ok(said)
    }

    /// Starts it in the foreground with these arguments beside its ports. What it prints is in a log of this name.
    pub fn foreground(&self, arguments: &[&str], log: &str) -> Result<Process> {
        let command = self.command(&[&["--no-build"], arguments].concat(), &self.ports())?;
        // beside its own folder, which `reset` deletes
        Process::start_command(command, &self.folder.path().join(format!("{log}.log")))
    }

    /// The arguments that name its ports.
    pub fn ports(&self) -> Vec<String> {
        let ports = [("--rpc-port", self.rpc), ("--port", self.p2p), ("--worker-port", self.worker)];
        ports.map(|(option, port)| format!("{option}={port}")).into()
    }

    /// `cargo xtask devnet` with these, to its end.
    pub fn xtask(&self, arguments: &[&str], ports: &[String]) -> Result<Output> {
        Ok(self.command(arguments, ports)?.stdin(Stdio::null()).output()?)
    }

    fn command(&self, arguments: &[&str], ports: &[String]) -> Result<Command> {
        let profile = binary("xtask")?;
        let target = profile.parent().and_then(Path::parent).context("a target directory")?;
        let mut command = Command::new(&profile);
        command.arg("devnet").args(arguments).args(ports).arg("--folder").arg(self.net());
        command.env("CARGO_TARGET_DIR", target);
        if let Some(package) = package_of_xtask() {
            command.env("CARGO_MANIFEST_DIR", package);
        }
        Ok(command)
    }

    /// Builds a project of this repository, by its path from here. Gives the component's copy in a folder: what is built is
    /// built again by other scenarios.
    pub fn build(&self, project: &str, folder: &Path) -> Result<String> {
        let _turn = Turn::to_build()?;
        let project = std::path::absolute(project)?.display().to_string();
        let built = self.json(folder, &["contract", "build", &project])?;
        let file = Path::new(built["file"].as_str().context("a component")?);
        let own = folder.join(file.file_name().context("a file")?);
        std::fs::copy(file, &own).with_context(|| format!("copy {}", file.display()))?;
        Ok(own.display().to_string())
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
        self.ok_as("//Alice", folder, arguments)
    }

    /// The same as JSON.
    pub fn json(&self, folder: &Path, arguments: &[&str]) -> Result<Value> {
        self.json_as("//Alice", folder, arguments)
    }

    /// What `phala` prints as JSON, as any account.
    pub fn json_as(&self, account: &str, folder: &Path, arguments: &[&str]) -> Result<Value> {
        let output = self.ok_as(account, folder, &[arguments, &["--json"]].concat())?;
        serde_json::from_str(&output).with_context(|| output)
    }

    fn ok_as(&self, account: &str, folder: &Path, arguments: &[&str]) -> Result<String> {
        let output = self.phala(folder, account, arguments)?;
        ensure!(output.status.success(), "phala {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        Ok(text(&output.stdout))
    }

    /// A process that the devnet has started: its id and its arguments.
    pub fn process(&self, name: &str) -> Result<Value> {
        let file = self.net().join("processes.json");
        let list: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let all = list["processes"].as_array().context("processes")?;
        Ok(all.iter().find(|process| process["name"] == name).with_context(|| format!("a process {name}"))?.clone())
    }

    /// The id of such a process.
    pub fn id(&self, name: &str) -> Result<i32> {
        let id = self.process(name)?["pid"].as_i64().context("a process id")?;
        Ok(i32::try_from(id)?)
    }

    /// Ends one of its processes as a power cut would.
    pub fn kill(&self, name: &str) -> Result<()> {
        let id = self.id(name)?;
        kill_process(Pid::from_raw(id).context("a process id")?, Signal::KILL)?;
        wait_for("a killed process to be gone", Duration::from_secs(10), || Ok(is_gone(id).then_some(())))
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

/// Whether no process has this id. One whose parent does not look after it stays as a name, without a program.
pub fn is_gone(id: i32) -> bool {
    std::fs::read_link(format!("/proc/{id}/exe")).is_err()
}

/// Bytes that a program has printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
