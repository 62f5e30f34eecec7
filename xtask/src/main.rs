//! The repository's own commands. `cargo xtask --help` lists them.

mod bench;
mod check_deps;
mod ci;
mod devnet;
mod set_up;
mod weights;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The repository's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask devnet            build and run a local network; Ctrl-C stops it
  cargo xtask devnet --detach   the same in the background; `cargo xtask devnet stop` ends it
  cargo xtask test              everything that CI runs
  cargo xtask test --only unit  one step of it
  cargo xtask bench             measure, and write bench/RESULTS.md
  cargo xtask weights           measure what calls weigh, on reference hardware
  cargo xtask weights --quick   only show that all of that runs";

#[derive(Subcommand)]
enum Command {
    /// Find what the build needs, and install what is missing. The other commands do this by themselves.
    Setup,
    /// Run a local network.
    Devnet(devnet::Arguments),
    /// Run everything that CI runs.
    Test(ci::Arguments),
    /// Measure the targets of speed and memory, and write them to bench/RESULTS.md.
    Bench(bench::Arguments),
    /// Measure what the calls of our pallets weigh, and write it into them.
    Weights(weights::Arguments),
    /// Check that crates depend on one another only as ARCHITECTURE.md allows, under licences that deny.toml allows.
    CheckDeps,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Setup => set_up::run(set_up::Purpose::WithNode).map(drop),
        Command::Devnet(arguments) => devnet::run(arguments),
        Command::Test(arguments) => ci::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Weights(arguments) => weights::run(arguments),
        Command::CheckDeps => check_deps::run(),
    }
}
