//! A network of nodes.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::json;

use crate::{Rpc, process::Process, wait_for};

/// How long a node may take to answer for the first time.
const START: Duration = Duration::from_secs(60);

/// Describes a network before it starts.
pub struct NetBuilder {
    chain: String,
    validators: Vec<&'static str>,
}

/// A running network. Dropping it stops its processes; its directory stays if the thread panics.
pub struct Net {
    nodes: Vec<Node>,
    directory: Option<tempfile::TempDir>,
}

/// A running node.
pub struct Node {
    name: &'static str,
    arguments: Vec<String>,
    log: PathBuf,
    process: Option<Process>,
    rpc: Rpc,
}

impl Net {
    /// A network of the chain `dev` with one validator.
    pub fn dev() -> NetBuilder {
        NetBuilder { chain: "dev".into(), validators: vec!["alice"] }
    }

    /// A network of the chain `local` with its four validators.
    pub fn local() -> NetBuilder {
        NetBuilder { chain: "local".into(), validators: vec!["alice", "bob", "charlie", "dave"] }
    }

    /// The node of this position.
    pub fn node(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    /// The JSON-RPC of the node of this position.
    pub fn rpc(&self, index: usize) -> &Rpc {
        &self.nodes[index].rpc
    }
}

impl NetBuilder {
    /// Starts the nodes and waits until each answers.
    pub fn start(self) -> Result<Net> {
        let directory = tempfile::Builder::new().prefix("phala-e2e-").tempdir()?;
        let mut net = Net { nodes: Vec::new(), directory: Some(directory) };
        let mut boot_node = None;
        for name in self.validators {
            let base = net.directory.as_ref().context("the directory of a running network")?.path().to_owned();
            let node = Node::start(name, &self.chain, &base, boot_node.as_deref())?;
            if boot_node.is_none() {
                boot_node = Some(node.p2p_address()?);
            }
            net.nodes.push(node);
        }
        Ok(net)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.nodes.clear();
        if let (true, Some(directory)) = (std::thread::panicking(), self.directory.take()) {
            eprintln!("logs are kept in {}", directory.keep().display());
        }
    }
}

impl Node {
    fn start(name: &'static str, chain: &str, base: &Path, boot_node: Option<&str>) -> Result<Self> {
        let mut arguments: Vec<String> = [
            format!("--{name}"),
            format!("--chain={chain}"),
            format!("--base-path={}", base.join(name).display()),
            "--rpc-port=0".into(),
            "--listen-addr=/ip4/127.0.0.1/tcp/0".into(),
            "--no-prometheus".into(),
            "--no-telemetry".into(),
            "--no-mdns".into(),
            "--allow-private-ip".into(),
        ]
        .into();
        // A validator wants a network key that lasts; each node makes one in its own directory.
        arguments.push("--unsafe-force-node-key-generation".into());
        arguments.extend(boot_node.map(|address| format!("--bootnodes={address}")));
        let log = base.join(format!("{name}.log"));
        let (process, rpc) = Self::launch(name, &arguments, &log)?;
        Ok(Self { name, arguments, log, process: Some(process), rpc })
    }

    fn launch(name: &str, arguments: &[String], log: &Path) -> Result<(Process, Rpc)> {
        // a restarted node appends to its log: only what this launch writes tells its port
        let before = std::fs::metadata(log).map_or(0, |meta| meta.len() as usize);
        let mut process = Process::start("phala-node", arguments, log)?;
        let port = wait_for(&format!("{name} to open its JSON-RPC"), START, || {
            // a process that has ended will not open anything: no need to wait for the deadline
            let ended = process.check_alive().err().map(Err);
            Ok(ended.or(process.log()?.get(before..).and_then(rpc_port).map(Ok)))
        })??;
        let rpc = Rpc::new(port);
        wait_for(&format!("{name} to answer"), START, || match process.check_alive() {
            Err(ended) => Ok(Some(Err(ended))),
            Ok(()) => rpc.genesis().map(|_| Some(Ok(()))),
        })??;
        Ok((process, rpc))
    }

    /// The JSON-RPC of this node.
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Its address for other nodes.
    pub fn p2p_address(&self) -> Result<String> {
        wait_for("a listening address", START, || {
            let addresses = self.rpc.call("system_localListenAddresses", json!([]))?;
            Ok(addresses.as_array().and_then(|list| list.iter().find_map(|a| a.as_str()).map(str::to_owned)))
        })
    }

    /// Ends the process at once, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Asks the process to stop, and returns its exit code.
    pub fn stop(&mut self) -> Result<Option<i32>> {
        match self.process.take() {
            Some(mut process) => Ok(process.stop()?.code()),
            None => Ok(None),
        }
    }

    /// Starts it again on the same data.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let (process, rpc) = Self::launch(self.name, &self.arguments, &self.log)?;
        self.process = Some(process);
        self.rpc = rpc;
        Ok(())
    }
}

/// The port in the line by which a node says where its JSON-RPC listens.
fn rpc_port(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("Running JSON-RPC server"))?;
    let address = line.split("127.0.0.1:").nth(1)?;
    address.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::rpc_port;

    #[test]
    fn the_port_is_read_from_the_log() {
        let log = "x\n2026-01-01 Running JSON-RPC server: addr=127.0.0.1:40123,[::1]:40123\n";
        assert_eq!(rpc_port(log), Some(40123));
        assert_eq!(rpc_port("nothing yet"), None);
    }
}
