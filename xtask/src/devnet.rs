//! A local network: sets up, builds, starts the processes, waits until they do their work, and says what to try.
//!
//! Everything it writes lies in `.devnet/` of the repository: the chain spec, the data of each process, logs, and the ids of
//! the processes, by which `stop` finds them again.

mod processes;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{set_up, workspace};
use processes::Processes;

/// How long a chain may take from its start to its first finalised block after genesis.
const FINALITY_DEADLINE: Duration = Duration::from_secs(60);

/// How to run the network.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommand>,
    /// Leave it running in the background.
    #[arg(long)]
    detach: bool,
    /// The port of the node's JSON-RPC on loopback.
    #[arg(long, default_value_t = 9944)]
    rpc_port: u16,
    /// The port of the node's network on loopback.
    #[arg(long, default_value_t = 30333)]
    port: u16,
    /// Use the binaries as they are.
    #[arg(long)]
    no_build: bool,
}

#[derive(clap::Subcommand)]
enum Subcommand {
    /// Stop a network that runs in the background. Its data stays; the next start continues from it.
    Stop,
    /// Stop it and delete its data.
    Reset,
    /// Say whether it runs, and how far it is.
    Status,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<()> {
    let devnet = Devnet { folder: workspace::root().join(".devnet") };
    match arguments.command {
        Some(Subcommand::Stop) => devnet.stop(),
        Some(Subcommand::Reset) => devnet.reset(),
        Some(Subcommand::Status) => devnet.status(),
        None => devnet.start(&arguments),
    }
}

struct Devnet {
    folder: PathBuf,
}

impl Devnet {
    fn start(&self, arguments: &Arguments) -> Result<()> {
        if Processes::load(&self.folder)?.any_alive() {
            bail!(
                "the devnet runs already: see `cargo xtask devnet status`, or stop it with `cargo xtask devnet stop`"
            );
        }
        for port in [arguments.rpc_port, arguments.port] {
            check_free(port)?;
        }
        if !arguments.no_build {
            let tools = set_up::run()?;
            println!("building (the first time takes long: the node has about 800 dependencies)");
            tools.cargo.build()?;
        }
        fs::create_dir_all(self.folder.join("logs")).with_context(|| format!("create {}", self.folder.display()))?;

        let spec = self.chain_spec()?;
        let mut processes = Processes::default();
        // before the first process: it is in a group of its own, and Ctrl-C while it starts must not leave it behind
        let stop = Stop::on_signal()?;
        let started = self.start_node(&mut processes, &spec, arguments, &stop);
        if let Err(error) = started {
            processes.stop()?;
            return Err(error);
        }
        self.say_what_to_try(arguments);
        if arguments.detach {
            processes.save(&self.folder)?;
            println!("It runs in the background: `cargo xtask devnet stop` ends it.");
            return Ok(());
        }
        println!("Ctrl-C stops it.");
        let ended = stop.wait(&mut processes);
        processes.stop()?;
        println!("stopped");
        ended
    }

    /// The chain spec of the devnet: made once, so that a restart continues the same chain.
    fn chain_spec(&self) -> Result<PathBuf> {
        let path = self.folder.join("chain.json");
        if !path.is_file() {
            let mut export = Command::new(workspace::binary("phala-node")?);
            export.args(["export-chain-spec", "--chain", "dev", "--raw"]);
            let text = workspace::output(export)?;
            let fresh = path.with_extension("json.new");
            fs::write(&fresh, text).with_context(|| format!("write {}", fresh.display()))?;
            fs::rename(&fresh, &path)?;
        }
        Ok(path)
    }

    fn start_node(&self, processes: &mut Processes, spec: &Path, arguments: &Arguments, stop: &Stop) -> Result<()> {
        let mut node = Command::new(workspace::binary("phala-node")?);
        node.arg("--alice")
            .arg(format!("--chain={}", spec.display()))
            .arg(format!("--base-path={}", self.folder.join("node").display()))
            .arg(format!("--rpc-port={}", arguments.rpc_port))
            .arg(format!("--listen-addr=/ip4/127.0.0.1/tcp/{}", arguments.port))
            .args(["--no-prometheus", "--no-telemetry", "--no-mdns"])
            .arg("--unsafe-force-node-key-generation")
            .args(["--state-pruning=archive-canonical", "--blocks-pruning=archive-canonical"]);
        println!("starting the node");
        processes.start("node", node, &self.folder)?;

        let rpc = Rpc::new(arguments.rpc_port);
        let start = Instant::now();
        loop {
            processes.check_alive()?;
            if stop.asked() {
                bail!("stopped before the chain finalised a block");
            }
            match rpc.finalized() {
                Ok(height) if height > 0 => {
                    println!("the chain finalises: block {height} after {:.1} s", start.elapsed().as_secs_f64());
                    return Ok(());
                }
                other if start.elapsed() > FINALITY_DEADLINE => {
                    let last = match other {
                        Ok(_) => "nothing is finalised".to_owned(),
                        Err(error) => format!("{error:#}"),
                    };
                    bail!(
                        "the node did not finalise a block in {} s ({last}); its log is {}",
                        FINALITY_DEADLINE.as_secs(),
                        processes::log(&self.folder, "node").display()
                    );
                }
                _ => std::thread::park_timeout(Duration::from_millis(200)),
            }
        }
    }

    fn say_what_to_try(&self, arguments: &Arguments) {
        let port = arguments.rpc_port;
        println!(
            "
The devnet runs. Its secrets are public and its TEE is software: it is for development only.

  JSON-RPC   ws://127.0.0.1:{port}   (polkadot.js, PAPI, subxt; smoldot takes .devnet/chain.json)
  logs       .devnet/logs

Try:
  cargo xtask devnet status
  curl -s -H 'content-type: application/json' \\
    -d '{{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"chain_getHeader\",\"params\":[]}}' http://127.0.0.1:{port}
"
        );
    }

    fn stop(&self) -> Result<()> {
        let mut processes = Processes::load(&self.folder)?;
        if !processes.any_alive() {
            println!("the devnet does not run in the background");
        }
        processes.stop()?;
        Processes::forget(&self.folder)
    }

    fn reset(&self) -> Result<()> {
        self.stop()?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).with_context(|| format!("remove {}", self.folder.display()))?;
        }
        println!("the data of the devnet is deleted");
        Ok(())
    }

    fn status(&self) -> Result<()> {
        let processes = Processes::load(&self.folder)?;
        if !processes.any_alive() {
            bail!("the devnet does not run in the background; `cargo xtask devnet --detach` starts it");
        }
        for (name, pid, alive) in processes.list() {
            println!(
                "{name:10} {}  log .devnet/logs/{name}.log",
                if alive { format!("runs as {pid}") } else { "has ended".into() }
            );
        }
        if let Some(port) = processes.port() {
            let rpc = Rpc::new(port);
            println!("finalised  block {}   ws://127.0.0.1:{port}", rpc.finalized()?);
        }
        Ok(())
    }
}

/// Whether somebody asked to stop, by Ctrl-C or SIGTERM.
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn on_signal() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self(stop))
    }

    fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Until it is asked for, which is a good end, or until a process ends, which is not.
    fn wait(&self, processes: &mut Processes) -> Result<()> {
        while !self.asked() {
            processes.check_alive()?;
            std::thread::park_timeout(Duration::from_millis(200));
        }
        Ok(())
    }
}

fn check_free(port: u16) -> Result<()> {
    TcpListener::bind(("127.0.0.1", port)).map(drop).with_context(|| {
        format!("port {port} is taken: stop the program that uses it, or give another with --rpc-port or --port")
    })
}

/// The node's JSON-RPC.
struct Rpc {
    url: String,
    agent: ureq::Agent,
}

impl Rpc {
    fn new(port: u16) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build();
        Self { url: format!("http://127.0.0.1:{port}"), agent: ureq::Agent::new_with_config(config) }
    }

    fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value = self.agent.post(&self.url).send_json(&request)?.body_mut().read_json()?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer.get("result").cloned().unwrap_or_default()),
        }
    }

    /// The height of the last finalised block.
    fn finalized(&self) -> Result<u32> {
        let hash = self.call("chain_getFinalizedHead", json!([]))?;
        let header = self.call("chain_getHeader", json!([hash]))?;
        let number = header.get("number").and_then(Value::as_str).context("a header without a number")?;
        Ok(u32::from_str_radix(number.trim_start_matches("0x"), 16)?)
    }
}
