//! `phala`: the network from a command line. See `--help`.

mod commands;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use phala_client::{Class, Failure};

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

Exit codes: 0 done; 2 the request is wrong; 3 it may work later; 4 the operator must act; 5 a bug; 6 something said is not true."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
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
        Err(error) => {
            let _shown = error.print();
            return ExitCode::from(if error.use_stderr() { Class::User.code() } else { 0 });
        }
    };
    let json = cli.common.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::failure(json, &Failure::operator(error));
            return ExitCode::from(Class::Operator.code());
        }
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Contract(command) => contract::run(&cli.common, command).await,
            Command::Worker(command) => worker::run(&cli.common, command).await,
            Command::Cluster(command) => cluster::run(&cli.common, command).await,
            Command::Account(command) => account::run(&cli.common, command).await,
            Command::Network(command) => network::run(&cli.common, command).await,
            Command::Verify(arguments) => verify::run(&cli.common, &arguments),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(json, &failure);
            ExitCode::from(failure.class.code())
        }
    }
}
