//! Measures the targets of speed and memory.
//!
//! Where a target is a ratio, both sides run in turns on the same machine, so that what else it does hits both. Figures are
//! medians, with the least and the greatest beside them. Nothing here fails because something is slow.

mod chain;
mod engine;
mod jellyfish;
mod load;
mod network;
mod registration;
mod report;
mod serving;
mod trees;
mod worker;
mod workerd;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};

use report::{Row, Table};

/// Measures the targets of speed and memory; run by `cargo xtask bench`.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only rows of this group: engine, chain, worker, trees, runtime, serving, network.
    #[arg(long)]
    only: Option<String>,
    /// Where to write the table.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Puts the load that standard input describes on a server. Called by the bench itself.
    #[command(hide = true)]
    Load,
}

type Group = (&'static str, fn() -> Result<Vec<Row>>);

const GROUPS: &[Group] = &[
    ("engine", engine::rows),
    ("chain", chain::rows),
    ("worker", worker::rows),
    ("trees", trees::rows),
    ("runtime", registration::rows),
    ("serving", serving::rows),
    ("network", network::rows),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Load) = arguments.command {
        return load::run();
    }
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

/// The root of the repository, as cargo tells it at run time: checkouts may share a target directory.
fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}
