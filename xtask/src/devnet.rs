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
    /// Where it keeps its data and logs. Default: .devnet in the repository.
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    /// Leave it running in the background.
    #[arg(long)]
    detach: bool,
    /// The port of the node's JSON-RPC on loopback.
    #[arg(long, default_value_t = 9944)]
    rpc_port: u16,
    /// The port of the node's network on loopback.
    #[arg(long, default_value_t = 30333)]
    port: u16,
    /// The port of the worker's HTTP API on loopback.
    #[arg(long, default_value_t = 8300)]
    worker_port: u16,
    /// Use the binaries as they are.
    #[arg(long)]
    no_build: bool,
    /// Do not build and deploy the example.
    #[arg(long)]
    no_example: bool,
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
    let folder = match &arguments.folder {
        Some(folder) => std::path::absolute(folder)?,
        None => workspace::root().join(".devnet"),
    };
    let devnet = Devnet { folder };
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
        for port in [arguments.rpc_port, arguments.port, arguments.worker_port] {
            check_free(port)?;
        }
        if !arguments.no_build {
            let tools = set_up::run(set_up::Purpose::Build)?;
            println!("building (the first time takes long: the node has about 800 dependencies)");
            tools.cargo.build()?;
        }
        fs::create_dir_all(self.folder.join("logs")).with_context(|| format!("create {}", self.folder.display()))?;

        let spec = self.chain_spec()?;
        let mut processes = Processes::default();
        // before the first process: it is in a group of its own, and Ctrl-C while it starts must not leave it behind
        let stop = Stop::on_signal()?;
        let started = self
            .start_node(&mut processes, &spec, arguments, &stop)
            .and_then(|()| self.start_worker(&mut processes, arguments, &stop))
            .and_then(|()| if arguments.no_example { Ok(None) } else { self.example(arguments).map(Some) });
        let example = match started {
            Ok(example) => example,
            Err(error) => {
                processes.stop()?;
                return Err(error);
            }
        };
        self.say_what_to_try(arguments, example.as_deref())?;
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

    /// The chain spec of the devnet: made once, so that a restart continues the same chain. Its genesis admits the worker that
    /// was built, by its measurement, and no other program.
    fn chain_spec(&self) -> Result<PathBuf> {
        let path = self.folder.join("chain.json");
        let measurement = workspace::output(phala_worker(&["measure"])?)?.trim().to_owned();
        let noted = self.folder.join("measurement");
        if path.is_file() {
            let admitted = fs::read_to_string(&noted).unwrap_or_default();
            if admitted.trim() != measurement {
                bail!(
                    "the worker was built anew since this chain began, and the chain admits only the program that its genesis \
                     lists ({admitted}): `cargo xtask devnet reset` begins a new one"
                );
            }
            return Ok(path);
        }
        let node = workspace::binary("phala-node")?;
        let mut export = Command::new(&node);
        export.args(["export-chain-spec", "--chain", "dev"]);
        let mut spec: Value = serde_json::from_str(&workspace::output(export)?).context("the chain spec")?;
        let list = spec
            .pointer_mut("/genesis/runtimeGenesis/patch/workers/policy/attestation/measurements")
            .context("a chain spec without a list of programs")?;
        *list = json!([{
            "hardware": "tdx", "measurement": measurement, "registers": null, "name": "phala-worker",
            "version": env!("CARGO_PKG_VERSION"),
        }]);
        let plain = self.folder.join("chain-plain.json");
        fs::write(&plain, spec.to_string()).with_context(|| format!("write {}", plain.display()))?;
        let mut raw = Command::new(&node);
        raw.arg("export-chain-spec").arg(format!("--chain={}", plain.display())).arg("--raw");
        let text = workspace::output(raw)?;
        fs::write(&noted, measurement)?;
        let fresh = path.with_extension("json.new");
        fs::write(&fresh, text).with_context(|| format!("write {}", fresh.display()))?;
        fs::rename(&fresh, &path)?;
        Ok(path)
    }

    /// The software TEE and the worker, until the worker follows its cluster.
    fn start_worker(&self, processes: &mut Processes, arguments: &Arguments, stop: &Stop) -> Result<()> {
        let network = self.folder.join("network.json");
        // what was trusted when the chain began is trusted from then on
        if !network.is_file() {
            let root = self.folder.join("tee-root.json");
            let mut tee = Command::new(workspace::binary("phala-soft-tee")?);
            fs::write(
                &root,
                workspace::output({
                    tee.arg("root");
                    tee
                })?,
            )?;
            let mut phala = Command::new(workspace::binary("phala")?);
            phala.args(["network", "trust-node", "--name=devnet"]);
            phala.arg(format!("--url=ws://127.0.0.1:{}", arguments.rpc_port));
            phala.arg(format!("--root={}", root.display())).arg(format!("--out={}", network.display()));
            workspace::output(phala)?;
        }

        println!("starting the software TEE and the worker");
        let socket = self.folder.join("tee").join("socket");
        let mut tee = Command::new(workspace::binary("phala-soft-tee")?);
        tee.arg("serve").arg("--socket").arg(&socket).arg("--sealing");
        processes.start("soft-tee", tee, &self.folder)?;
        wait(stop, processes, "the software TEE to listen", || Ok(socket.exists()))?;

        let mut worker = phala_worker(&["run", "--operator=//Bob"])?;
        worker
            .arg(format!("--network={}", network.display()))
            .arg(format!("--node=ws://127.0.0.1:{}", arguments.rpc_port))
            .arg(format!("--data-dir={}", self.folder.join("worker").display()))
            .arg(format!("--platform=soft-tee:{}", socket.display()))
            .arg(format!("--listen=127.0.0.1:{}", arguments.worker_port));
        processes.start("worker", worker, &self.folder)?;

        let mut id = None;
        wait(stop, processes, "the worker to register", || {
            let list: Value = self.phala(arguments, &["worker", "list", "--json"])?;
            id = list.pointer("/0/worker").and_then(Value::as_str).map(str::to_owned);
            Ok(id.is_some())
        })?;
        let id = id.context("a registered worker")?;
        let cluster: Value = self.phala(arguments, &["cluster", "show", "0", "--json"])?;
        let member =
            cluster.get("members").and_then(Value::as_array).is_some_and(|members| members.contains(&json!(id)));
        if !member {
            self.phala(arguments, &["cluster", "add-member", "0", &id, "--json"])?;
        }
        let health = format!("http://127.0.0.1:{}/v1/health", arguments.worker_port);
        wait(stop, processes, "the worker to follow its cluster", || Ok(ureq::get(&health).call().is_ok()))?;
        println!("the worker answers");
        Ok(())
    }

    /// Builds and deploys the example, once for each chain. Gives its id.
    fn example(&self, arguments: &Arguments) -> Result<String> {
        let noted = self.folder.join("example.json");
        if let Ok(text) = fs::read_to_string(&noted) {
            let known: Value = serde_json::from_str(&text)?;
            return Ok(known.get("contract").and_then(Value::as_str).context("the example's id")?.to_owned());
        }
        println!("building and deploying the example, a price oracle");
        let project = workspace::root().join("contract/examples/price-oracle");
        let built: Value = self.phala(arguments, &["contract", "build", &project.display().to_string(), "--json"])?;
        let file = built.get("file").and_then(Value::as_str).context("the component")?.to_owned();
        let init = json!({ "owner": "//Alice", "source": "https://api.exchange.coinbase.com/products/{pair}/ticker" });
        let deployed = self.phala(arguments, &["contract", "deploy", &file, "--init", &init.to_string(), "--json"])?;
        fs::write(&noted, deployed.to_string())?;
        Ok(deployed.get("contract").and_then(Value::as_str).context("the example's id")?.to_owned())
    }

    /// What `phala` answers, as Alice.
    fn phala(&self, arguments: &Arguments, command: &[&str]) -> Result<Value> {
        let mut phala = Command::new(workspace::binary("phala")?);
        phala.args(command).args(["--suri=//Alice", &format!("--url=ws://127.0.0.1:{}", arguments.rpc_port)]);
        phala.arg(format!("--network={}", self.folder.join("network.json").display()));
        serde_json::from_str(&workspace::output(phala)?).context("the output of phala")
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

    fn say_what_to_try(&self, arguments: &Arguments, example: Option<&str>) -> Result<()> {
        let (port, worker) = (arguments.rpc_port, arguments.worker_port);
        let binaries = workspace::target()?.join("release");
        let network = self.folder.join("network.json");
        println!(
            "
The devnet runs. Its secrets are public and its TEE is software: it is for development only.

  node       ws://127.0.0.1:{port}   (polkadot.js, PAPI, subxt; smoldot takes chain.json beside the logs)
  worker     http://127.0.0.1:{worker}/v1/health, /metrics
  logs       {}

Put `phala` on the PATH, with this network and Alice's account:

  export PATH=\"{}:$PATH\" PHALA_NETWORK=\"{}\" PHALA_NODE=ws://127.0.0.1:{port} PHALA_SURI=//Alice

Try:
  phala worker list; phala cluster show 0",
            self.folder.join("logs").display(),
            binaries.display(),
            network.display()
        );
        if let Some(id) = example {
            println!(
                "  phala contract query {id} fetch '{{\"pair\":\"BTC/USD\"}}'
  phala contract call  {id} set '{{\"pair\":\"BTC/USD\",\"price\":{{\"units\":6700012,\"decimals\":2}}}}'
  phala contract query {id} price '{{\"pair\":\"BTC/USD\"}}' --save answer.json && phala verify answer.json"
            );
        }
        println!("  phala contract new my-oracle && cd my-oracle && phala contract build\n");
        Ok(())
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

/// Waits for a condition, for a minute at most, while all processes live. An error of the condition counts as "not yet".
fn wait(stop: &Stop, processes: &mut Processes, what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    loop {
        processes.check_alive()?;
        if stop.asked() {
            bail!("stopped while waiting for {what}");
        }
        match condition() {
            Ok(true) => return Ok(()),
            Ok(false) if start.elapsed() > FINALITY_DEADLINE => bail!("waited in vain for {what}: see .devnet/logs"),
            Err(error) if start.elapsed() > FINALITY_DEADLINE => {
                return Err(error.context(format!("waited in vain for {what}: see .devnet/logs")));
            }
            _ => std::thread::park_timeout(Duration::from_millis(200)),
        }
    }
}

fn phala_worker(arguments: &[&str]) -> Result<Command> {
    let mut worker = Command::new(workspace::binary("phala-worker")?);
    worker.args(arguments);
    Ok(worker)
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
