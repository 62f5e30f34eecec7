//! A local network: sets up, builds, starts the processes, waits until they do their work, and says what to try.
//!
//! Everything it writes lies in `.devnet/` of the repository: the chain spec, the data of each process, logs, and the ids of
//! the processes, by which `status` and `stop` find them again, from another terminal as well.

mod charge;
mod processes;
mod rpc;
mod stop;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{set_up, workspace};
use charge::Charge;
use processes::Processes;
use rpc::Rpc;
use stop::{Stop, wait};

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
    /// Stop it, wherever it was started. Its data stays; the next start continues from it.
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
        // before a build too: it takes long
        drop(self.charge()?);
        let (rpc, port, worker) = (arguments.rpc_port, arguments.port, arguments.worker_port);
        for (port, option) in [(rpc, "--rpc-port"), (port, "--port"), (worker, "--worker-port")] {
            check_free(port, option)?;
        }
        if !arguments.no_build {
            let tools = set_up::run(set_up::Purpose::Build)?;
            println!("building (the first time takes long: the node has about 800 dependencies)");
            tools.cargo.build()?;
        }
        let mut charge = self.charge()?;
        fs::create_dir_all(self.folder.join("logs")).with_context(|| format!("create {}", self.folder.display()))?;
        // before the first process: it is in a group of its own, and Ctrl-C while it starts must not leave it behind
        let stop = Stop::on_signal()?;
        charge.listens()?;

        let spec = self.chain_spec()?;
        let mut processes = Processes::none(&self.folder);
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
        if arguments.detach && !stop.asked() {
            println!("It runs in the background: `cargo xtask devnet stop` ends it.");
            return Ok(());
        }
        println!("Ctrl-C stops it.");
        let ended = stop.wait(&mut processes);
        processes.stop()?;
        println!("stopped");
        ended
    }

    /// The right to start it; an error if it runs, or if somebody is starting or stopping it.
    fn charge(&self) -> Result<Charge> {
        match Charge::take(&self.folder)? {
            Some(charge) if !Processes::load(&self.folder)?.any_alive() => Ok(charge),
            _ => bail!(
                "the devnet runs already: see `cargo xtask devnet status`, or stop it with `cargo xtask devnet stop`"
            ),
        }
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
        processes.start("soft-tee", tee)?;
        wait(stop, processes, "the software TEE to listen", || Ok(socket.exists()))?;

        let mut worker = phala_worker(&["run", "--operator=//Bob"])?;
        worker
            .arg(format!("--network={}", network.display()))
            .arg(format!("--node=ws://127.0.0.1:{}", arguments.rpc_port))
            .arg(format!("--data-dir={}", self.folder.join("worker").display()))
            .arg(format!("--platform=soft-tee:{}", socket.display()))
            .arg(format!("--listen=127.0.0.1:{}", arguments.worker_port));
        processes.start("worker", worker)?;

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
        processes.start("node", node)?;

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
                        processes.log("node").display()
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
        println!("{}", if self.end()? { "the devnet is stopped; its data stays" } else { "the devnet does not run" });
        Ok(())
    }

    fn reset(&self) -> Result<()> {
        self.end()?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).with_context(|| format!("remove {}", self.folder.display()))?;
        }
        println!("the data of the devnet is deleted");
        Ok(())
    }

    /// Ends what runs. Says whether something did.
    fn end(&self) -> Result<bool> {
        if !self.folder.exists() {
            return Ok(false);
        }
        // a program that has it in the foreground stops it by itself; one that was killed has left it to us
        let (_charge, was_held) = Charge::take_over(&self.folder)?;
        let mut processes = Processes::load(&self.folder)?;
        let ran = was_held || processes.any_alive();
        processes.stop()?;
        Ok(ran)
    }

    fn status(&self) -> Result<()> {
        let processes = Processes::load(&self.folder)?;
        if !processes.any_alive() {
            bail!("the devnet does not run: `cargo xtask devnet` starts it");
        }
        let mut ended = Vec::new();
        for (name, pid, alive) in processes.list() {
            let life = if alive { format!("runs as {pid}") } else { "has ended".into() };
            println!("{name:10} {life}   log {}", processes.log(name).display());
            if !alive {
                ended.push(name);
            }
        }
        if let Some(port) = processes.port() {
            let height = Rpc::new(port).finalized().with_context(|| {
                format!("the node does not answer on port {port}: see {}", processes.log("node").display())
            })?;
            println!("finalised  block {height}   ws://127.0.0.1:{port}");
        }
        if !ended.is_empty() {
            bail!(
                "not all of it runs: the log says why {} has ended, and `cargo xtask devnet stop` ends the rest",
                ended.join(" and ")
            );
        }
        Ok(())
    }
}

fn phala_worker(arguments: &[&str]) -> Result<Command> {
    let mut worker = Command::new(workspace::binary("phala-worker")?);
    worker.args(arguments);
    Ok(worker)
}

fn check_free(port: u16, option: &str) -> Result<()> {
    TcpListener::bind(("127.0.0.1", port))
        .map(drop)
        .with_context(|| format!("port {port} is taken: stop the program that uses it, or give another with {option}"))
}
