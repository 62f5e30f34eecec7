//! Measures the targets of speed and memory.
//!
//! Where a target is a ratio, both sides run in turns in the same process, so that what else the machine does hits both. Figures
//! are medians, with the least and the greatest beside them. Nothing here fails because something is slow.

mod chain;
mod engine;
mod network;
mod report;
mod worker;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use report::{Row, Table};

/// Measures the targets of speed and memory; run by `cargo xtask bench`.
#[derive(Parser)]
struct Arguments {
    /// Only rows of this group: engine, chain, worker, network.
    #[arg(long)]
    only: Option<String>,
    /// Where to write the table.
    #[arg(long)]
    write: Option<PathBuf>,
}

type Group = (&'static str, fn() -> Result<Vec<Row>>);

const GROUPS: &[Group] =
    &[("engine", engine::rows), ("chain", chain::rows), ("worker", worker::rows), ("network", network::rows)];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut table = Table::default();
    for (name, rows) in GROUPS {
        if arguments.only.as_ref().is_none_or(|only| only == name) {
            eprintln!("measuring: {name}");
            table.extend(rows()?);
        }
    }
    let text = table.to_markdown();
    println!("{text}");
    if let Some(path) = arguments.write {
        std::fs::write(path, text)?;
    }
    Ok(())
}
