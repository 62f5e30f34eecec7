//! Runs the benchmarks of the runtime's own pallets and writes what they weigh; run by `cargo xtask weights`.
//!
//! The SDK's own tool for this brings most of a second node with it. What it does for a chain with its own validators is little:
//! call `Benchmark_dispatch_benchmark` over a state that counts reads and writes, for some values of each component, and lay a
//! line through the times.

mod evidence;
mod fit;
mod host;
mod measure;
mod render;
mod runtime;
mod wire;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use measure::Plan;
use runtime::Runtime;

/// Runs the benchmarks of the runtime's own pallets and writes what they weigh.
#[derive(Parser)]
struct Arguments {
    /// The runtime, built for Wasm with the feature `runtime-benchmarks`.
    #[arg(long)]
    wasm: PathBuf,
    /// Only this pallet, such as `pallet_phat`.
    #[arg(long)]
    pallet: Option<String>,
    /// Values of each component.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    steps: u32,
    /// Measurements at each of them.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Only show that every benchmark runs, at both ends of its range. Writes nothing.
    #[arg(long)]
    quick: bool,
    /// The day, for the header of what is written.
    #[arg(long, required_unless_present = "quick")]
    date: Option<String>,
    /// The folder with the pallets, into each of which `src/weights.rs` is written.
    #[arg(long, required_unless_present = "quick")]
    write: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // what the runtime says of errors is worth reading; the rest is noise
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    let wasm = fs::read(&arguments.wasm).with_context(|| format!("read {}", arguments.wasm.display()))?;
    let runtime = Runtime::new(wasm)?;
    let mut pallets = runtime.benchmarks()?;
    if let Some(only) = &arguments.pallet {
        pallets.retain(|list| list.pallet == only.as_bytes());
    }
    if pallets.is_empty() {
        bail!("there is no benchmark{}", arguments.pallet.map(|name| format!(" of '{name}'")).unwrap_or_default());
    }
    let plan = if arguments.quick {
        Plan { steps: 2, repeat: 0 }
    } else {
        Plan { steps: arguments.steps, repeat: arguments.repeat }
    };
    for list in &pallets {
        let pallet = wire::text(&list.pallet);
        let mut weights = Vec::new();
        for benchmark in &list.benchmarks {
            let weight = measure::measure(&runtime, list, benchmark, plan)
                .with_context(|| format!("{pallet}::{}", wire::text(&benchmark.name)))?;
            eprintln!("{pallet}::{weight}");
            weights.push(weight);
        }
        if let (Some(date), Some(folder), false) = (&arguments.date, &arguments.write, arguments.quick) {
            let folder = folder.join(pallet.strip_prefix("pallet_").unwrap_or(&pallet));
            let path = folder.join("src/weights.rs");
            fs::write(&path, render::module(&weights, date, plan))
                .with_context(|| format!("write {}", path.display()))?;
        }
    }
    Ok(())
}
