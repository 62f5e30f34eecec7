//! Measures what the calls of our pallets weigh.
//!
//! The runtime is built once more, for Wasm alone and with its benchmarks, into a target directory of its own: no other build
//! shares its features. The program that runs it is part of the ordinary build.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::{
    set_up::{self, Tools},
    workspace,
};

/// What to measure, and how often.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this pallet: workers or phat.
    #[arg(long, value_name = "PALLET", value_parser = ["workers", "phat"])]
    pallet: Option<String>,
    /// Values of each component.
    #[arg(long, default_value_t = 20)]
    steps: u32,
    /// Measurements at each of them.
    #[arg(long, default_value_t = 20)]
    repeat: u32,
    /// Only show that every benchmark runs. Writes nothing.
    #[arg(long)]
    quick: bool,
}

/// As `substrate-wasm-builder` sets them for a runtime.
const FLAGS: &str =
    "-C link-arg=--export-table -C link-arg=--export=__heap_base -C link-arg=--import-memory --cfg substrate_runtime";

/// Measures, and writes `src/weights.rs` of each pallet.
pub fn run(arguments: Arguments) -> Result<()> {
    let tools = set_up::run(set_up::Purpose::Build)?;
    let wasm = build_runtime(&tools)?;
    tools.cargo.build()?;

    let pallets = workspace::root().join("chain/pallets");
    let mut weights = Command::new(workspace::binary("phala-weights")?);
    weights.arg("--wasm").arg(wasm);
    if let Some(pallet) = &arguments.pallet {
        weights.args(["--pallet", &format!("pallet_{pallet}")]);
    }
    if arguments.quick {
        weights.arg("--quick");
        return workspace::run(weights);
    }
    let mut date = Command::new("date");
    date.args(["-u", "+%F"]);
    weights.args(["--date", workspace::output(date)?.trim()]);
    weights.args(["--steps", &arguments.steps.to_string(), "--repeat", &arguments.repeat.to_string()]);
    weights.arg("--write").arg(&pallets);
    workspace::run(weights)?;
    workspace::run(tools.cargo.command(&["fmt", "--package", "pallet-phat", "--package", "pallet-workers"]))
}

/// Builds the runtime with its benchmarks, with the profile that it ships with.
fn build_runtime(tools: &Tools) -> Result<PathBuf> {
    let target = workspace::target()?.join("weights");
    let mut cargo = tools.wasm.cargo();
    cargo.args(["rustc", "--release", "--locked", "--target", phala_toolchain::TARGET, "--package", "phala-runtime"]);
    cargo.args(["--no-default-features", "--features", "runtime-benchmarks", "--crate-type", "cdylib"]);
    cargo.args(["--config", "profile.release.panic='abort'", "--config", "profile.release.lto='thin'"]);
    cargo.envs(tools.wrapper.environment()).env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target);
    cargo.current_dir(workspace::root()).stdin(Stdio::null());
    workspace::run(cargo)?;
    Ok(target.join(phala_toolchain::TARGET).join("release/phala_runtime.wasm"))
}
