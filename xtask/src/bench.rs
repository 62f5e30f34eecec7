//! Measures, with what was built by the same profile as everything else.

use std::process::Command;

use anyhow::Result;

use crate::{set_up, workspace};

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only rows of this group: engine, chain, worker, trees, runtime, serving, network. Writes nothing.
    #[arg(long, value_name = "GROUP")]
    only: Option<String>,
}

/// Builds everything and measures.
pub fn run(arguments: Arguments) -> Result<()> {
    set_up::run(set_up::Purpose::WithNode)?.cargo.build()?;
    if arguments.only.as_ref().is_none_or(|group| group == "serving")
        && let Err(error) = set_up::peers()
    {
        println!("set-up: the bench goes without workerd: {error:#}");
    }
    let mut bench = Command::new(workspace::binary("phala-bench")?);
    match arguments.only {
        Some(group) => bench.args(["--only", &group]),
        None => bench.arg("--write").arg(workspace::root().join("bench/RESULTS.md")),
    };
    workspace::run(bench)
}
