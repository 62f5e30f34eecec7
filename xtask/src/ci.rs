//! Everything that CI runs, step by step, with the minutes of each.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{
    check_deps,
    set_up::{self, Purpose, Tools},
    workspace::{self, run as call},
};

/// Which steps to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// Run only the step of this name.
    #[arg(long, value_name = "STEP")]
    only: Option<String>,
    /// List the steps.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Tools) -> Result<()>,
}

/// Cheap steps first: a wrong format should not cost a build.
const STEPS: &[Step] = &[
    Step { name: "format", what: "sources are formatted", run: format },
    Step { name: "deps", what: "dependencies and licences are as allowed", run: |_| check_deps::run() },
    Step { name: "build", what: "all binaries and tests", run: |tools| tools.cargo.build() },
    Step { name: "lint", what: "clippy, warnings are errors", run: lint },
    Step { name: "no-std", what: "core crates build for wasm32v1-none", run: no_std },
    Step { name: "unit", what: "unit, property and vector tests", run: unit },
    Step { name: "contracts", what: "examples and the SDK's documentation, natively", run: contracts },
    Step { name: "e2e", what: "scenarios with real processes", run: e2e },
];

/// All of `core/*`.
const NO_STD: &[&str] = &["phala-primitives", "phala-attestation", "phala-crypto", "phala-light-client"];

/// Runs the steps; stops at the first that fails.
pub fn run(arguments: Arguments) -> Result<()> {
    if arguments.list {
        for step in STEPS {
            println!("{:8} {}", step.name, step.what);
        }
        return Ok(());
    }
    let chosen: Vec<&Step> = match &arguments.only {
        None => STEPS.iter().collect(),
        Some(name) => {
            vec![STEPS.iter().find(|step| step.name == name).with_context(|| format!("no step '{name}': see --list"))?]
        }
    };

    let start = Instant::now();
    let node = chosen.iter().any(|step| step.name == "e2e");
    let tools = set_up::run(if node { Purpose::WithNode } else { Purpose::Build })?;
    let mut times = vec![("set-up", start.elapsed())];
    let mut failure = None;
    for step in chosen {
        println!("\n=== {}: {}", step.name, step.what);
        let start = Instant::now();
        let result = (step.run)(&tools);
        times.push((step.name, start.elapsed()));
        if let Err(error) = result {
            failure = Some((step.name, error));
            break;
        }
    }
    print_times(&times);
    match failure {
        None => Ok(()),
        Some((name, error)) => bail!("step '{name}' failed: {error:#}"),
    }
}

fn print_times(times: &[(&str, Duration)]) {
    println!("\nminutes per step");
    for (name, time) in times {
        println!("{:>7.1}  {name}", time.as_secs_f64() / 60.0);
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:>7.1}  in all", total.as_secs_f64() / 60.0);
}

fn format(tools: &Tools) -> Result<()> {
    call(tools.cargo.command(&["fmt", "--all", "--check"]))
}

fn lint(tools: &Tools) -> Result<()> {
    let mut clippy = tools.cargo.command(&["clippy", "--release", "--workspace", "--all-targets", "--locked"]);
    clippy.args(["--", "--deny", "warnings"]);
    // cargo runs build scripts anew for clippy; the runtime's would compile the Wasm once more, with clippy as its compiler
    clippy.env("SKIP_WASM_BUILD", "1");
    call(clippy)
}

fn no_std(tools: &Tools) -> Result<()> {
    let mut cargo = tools.wasm.cargo();
    cargo.args(["build", "--release", "--locked", "--target", phala_toolchain::TARGET, "--no-default-features"]);
    for name in NO_STD {
        cargo.args(["--package", name]);
    }
    cargo.envs(tools.wrapper.environment()).env("CARGO_TARGET_DIR", workspace::target()?.join("no-std"));
    // as a runtime is built: without it the SDK's types bring a C library along
    cargo.env("RUSTFLAGS", "--cfg substrate_runtime");
    cargo.current_dir(workspace::root());
    call(cargo)
}

fn unit(tools: &Tools) -> Result<()> {
    test(tools, "not package(phala-e2e)", &["--workspace", "--exclude", "phala-e2e"])
}

/// The examples are projects of their own, as users' contracts are; documentation's examples are the SDK's first pages.
fn contracts(tools: &Tools) -> Result<()> {
    let target = workspace::target()?.join("contracts");
    for project in ["contract/examples/counter", "contract/examples/price-oracle"] {
        let manifest = format!("{project}/Cargo.toml");
        let mut cargo = tools.cargo.command(&["test", "--locked", "--manifest-path", &manifest]);
        cargo.env("CARGO_TARGET_DIR", &target);
        call(cargo)?;
    }
    let mut documentation = tools.cargo.command(&["test", "--locked", "--doc", "--package", "phat-sdk"]);
    documentation.env("CARGO_TARGET_DIR", &target);
    call(documentation)
}

fn e2e(tools: &Tools) -> Result<()> {
    set_up::javascript()?;
    test(tools, "package(phala-e2e)", &["--package", "phala-e2e"])
}

/// Runs tests by nextest where it is installed, else by cargo. With nextest, the selection is a filter over the whole
/// workspace, so that nothing is compiled in another combination of features.
fn test(tools: &Tools, filter: &str, packages: &[&str]) -> Result<()> {
    if workspace::has_program("cargo-nextest") {
        let base =
            ["nextest", "run", "--release", "--workspace", "--all-targets", "--locked", "--no-fail-fast", "-E", filter];
        return call(tools.cargo.command(&base));
    }
    let mut arguments = vec!["test", "--release", "--all-targets", "--locked", "--no-fail-fast"];
    arguments.extend(packages);
    // scenarios share the machine's two cores with the nodes that they start
    arguments.extend(["--", "--test-threads=2"]);
    call(tools.cargo.command(&arguments))
}
