//! `phala-worker`: runs the contracts of a cluster inside a TEE. See `--help`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use phala_worker::{
    config::{
        self,
        logs::{self, LogFormat},
    },
    daemon,
};
use sha2::{Digest as _, Sha384};

/// Runs the contracts of a cluster inside a TEE: follows the chain by proofs, executes the cluster's log, answers queries.
#[derive(Parser)]
#[command(
    name = "phala-worker",
    version,
    after_help = "Examples:
  phala-worker run --network network.json --node ws://127.0.0.1:9944 --data-dir data --operator //Bob \\
      --platform soft-tee:soft-tee/socket
  phala-worker run --config worker.toml --listen 0.0.0.0:8000 --endpoint https://worker.example
  phala-worker check --config worker.toml      # whether it could start
  phala-worker measure                         # what goes into the chain's list of programs

The log goes to standard error; PHALA_LOG sets its level (error, warn, info, debug, trace, or per module)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until SIGTERM or SIGINT.
    Run(config::Options),
    /// Check the configuration and say what is wrong with it.
    #[command(visible_alias = "check-config")]
    Check(config::Options),
    /// Print the measurement of this program: the SHA-384 of its executable.
    Measure,
}

fn main() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(options) => {
            let config = options.resolve()?;
            let format = config.log_format;
            logs::start(format);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            match runtime.block_on(daemon::run(config)) {
                Ok(()) => Ok(ExitCode::SUCCESS),
                // what collects objects cannot read the lines that the runtime would print
                Err(error) if format == LogFormat::Json => {
                    tracing::error!(reason = format!("{error:#}"), "the worker has ended");
                    Ok(ExitCode::FAILURE)
                }
                Err(error) => Err(error),
            }
        }
        Command::Check(options) => {
            let config = options.resolve()?;
            println!("worker '{}' of cluster {} on {}", config.name, config.cluster, config.network.name);
            Ok(ExitCode::SUCCESS)
        }
        Command::Measure => {
            let path = std::env::current_exe().context("the path of this program")?;
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            println!("0x{}", hex::encode(Sha384::digest(bytes)));
            Ok(ExitCode::SUCCESS)
        }
    }
}
