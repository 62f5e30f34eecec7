//! Finds what the build needs and installs what is missing, saying what and why.

use anyhow::Result;
use phala_toolchain::{Package, Packages, RustcWrapper, WasmToolchain};

use crate::workspace::{self, Cargo};

const BUILD: &[Package] = &[
    Package { name: "protobuf-compiler", reason: "protoc, for the messages of the node's network" },
    Package { name: "g++", reason: "a C++ compiler, for the optimiser of WebAssembly" },
    Package { name: "git", reason: "the version of the binaries names the commit" },
];

const NODE: &[Package] = &[
    Package { name: "nodejs", reason: "runs npm, and the tests with the JavaScript clients" },
    Package { name: "npm", reason: "fetches those clients, and what the bench compares with" },
];

/// What a build needs.
pub struct Tools {
    /// How to call cargo.
    pub cargo: Cargo,
    /// The toolchain of WebAssembly.
    pub wasm: WasmToolchain,
    /// The environment of a direct call of that toolchain.
    pub wrapper: RustcWrapper,
}

/// What something is set up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To build.
    Build,
    /// To run what comes from npm too.
    WithNode,
}

/// Sets up what is needed. All that is missing of the system is found before any of it is asked for: whoever is not root is told
/// one command, once.
pub fn run(purpose: Purpose) -> Result<Tools> {
    let say = &mut |line: &str| println!("set-up: {line}");
    let found = WasmToolchain::find(say)?;
    let programs = if purpose == Purpose::WithNode { [BUILD, NODE].concat() } else { BUILD.to_vec() };
    let mut wanted: Vec<Package> = programs.into_iter().filter(|package| !present(package.name)).collect();
    if found.is_none() {
        wanted.extend(WasmToolchain::PACKAGES);
    }
    Packages::missing(&wanted)?.install(say)?;
    let wasm = match found {
        Some(found) => found,
        None => WasmToolchain::make(say)?,
    };
    let wrapper = RustcWrapper::set_up(&phala_toolchain::cache()?)?;
    let mut environment = wasm.runtime_environment()?;
    environment.extend(wrapper.environment());
    Ok(Tools { cargo: Cargo::new(environment)?, wasm, wrapper })
}

/// Whether the program that a package is wanted for is there already, from wherever.
fn present(package: &str) -> bool {
    match package {
        "protobuf-compiler" => workspace::has_program("protoc"),
        "nodejs" => workspace::has_program("node"),
        name => workspace::has_program(name),
    }
}

/// Sets up what the tests need besides: Node.js and the packages of the JavaScript clients.
pub fn javascript() -> Result<()> {
    npm("tests/clients", "the JavaScript clients")
}

/// Fetches the programs that the bench compares with.
pub fn peers() -> Result<()> {
    npm("bench/peers", "what the bench compares with")
}

/// Installs the packages of a folder as its lock file says.
fn npm(folder: &str, what: &str) -> Result<()> {
    let folder = workspace::root().join(folder);
    // npm writes this file last: it is as old as what was installed
    let newer = |a: &str, b: &str| {
        let modified = |path: &str| folder.join(path).metadata().and_then(|meta| meta.modified());
        matches!((modified(a), modified(b)), (Ok(a), Ok(b)) if a >= b)
    };
    if !newer("node_modules/.package-lock.json", "package-lock.json") {
        println!("set-up: fetching {what}");
        let mut npm = std::process::Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
        workspace::run(npm)?;
    }
    Ok(())
}
