//! `phala`: the network from a command line. See `--help`.

mod commands;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use phala_client::{Because as _, Failure, Fault, RequestId};

use commands::{Common, account, cluster, contract, network, verify, worker};

/// Deploys and asks confidential contracts, and checks every answer against the chain.
#[derive(Parser)]
#[command(
    name = "phala",
    version,
    after_help = "Examples:
  phala contract new my-oracle && cd my-oracle && phala contract build
  phala contract deploy target/my_oracle.wasm --cluster 0 --init '{\"owner\":\"//Alice\",\"source\":\"https://feed.example/{pair}\"}'
  phala contract query 0x… price '{\"pair\":\"BTC/USD\"}' --save answer.json
  phala verify answer.json
  phala worker list

Exit codes: 0 done; 2 the request is wrong; 3 it may work later; 4 the operator must act; 5 a bug; 6 something said is not true.
An error has a code as well, PHALA-nnnn: docs/errors.md lists them, and --json gives `code`, `class` and `message`."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    /// Say under which id workers hear of the command: it is in their logs.
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Contracts: make, build, deploy, ask, call, upgrade, end.
    #[command(subcommand)]
    Contract(contract::Command),
    /// Workers.
    #[command(subcommand)]
    Worker(worker::Command),
    /// Clusters.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Accounts.
    #[command(subcommand)]
    Account(account::Command),
    /// Network files: what this program believes of a chain before it asks a node.
    #[command(subcommand)]
    Network(network::Command),
    /// Check a saved answer, without any network: finality, state, registry, evidence, code hash, answer.
    #[command(after_help = "Examples:
  phala verify answer.json
  phala verify answer.json --network network.json --json")]
    Verify(verify::Arguments),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let json = cli.common.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(json, &Failure::operator(error)),
    };
    let id = RequestId::random();
    if cli.verbose {
        output::request(id);
    }
    let result = runtime.block_on(id.carry(async {
        match cli.command {
            Command::Contract(command) => contract::run(&cli.common, command).await,
            Command::Worker(command) => worker::run(&cli.common, command).await,
            Command::Cluster(command) => cluster::run(&cli.common, command).await,
            Command::Account(command) => account::run(&cli.common, command).await,
            Command::Network(command) => network::run(&cli.common, command).await,
            Command::Verify(arguments) => verify::run(&cli.common, &arguments),
        }
    }));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(json, &failure),
    }
}

fn failed(json: bool, failure: &Failure) -> ExitCode {
    output::failure(json, failure);
    ExitCode::from(failure.class.exit_code())
}

/// A command line that is none, or one that only asks for help or the version.
fn unparsed(error: &clap::Error) -> ExitCode {
    let wrong = error.use_stderr();
    // what was not understood cannot say whether a program reads this
    if wrong && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let text = text.trim();
        return failed(true, &Fault::CommandLine.because(text.strip_prefix("error: ").unwrap_or(text)));
    }
    let _shown = error.print();
    if !wrong {
        return ExitCode::SUCCESS;
    }
    eprintln!("({})", Fault::CommandLine.code());
    ExitCode::from(Fault::CommandLine.class().exit_code())
}
