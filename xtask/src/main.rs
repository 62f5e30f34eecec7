//! The repository's own commands. `cargo xtask --help` lists them.

mod bench;
mod check_deps;
mod ci;
mod devnet;
mod set_up;
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
  cargo xtask bench             measure, and write bench/RESULTS.md";

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
    /// Check that crates depend on one another only as ARCHITECTURE.md allows.
    CheckDeps,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Setup => set_up::run().map(drop),
        Command::Devnet(arguments) => devnet::run(arguments),
        Command::Test(arguments) => ci::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::CheckDeps => check_deps::run(),
    }
}
