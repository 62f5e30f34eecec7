//! Finds what the build needs and installs what is missing, saying what and why.

use anyhow::Result;
use phala_toolchain::{Package, Packages, RustcWrapper, WasmToolchain};

use crate::workspace::{self, Cargo};

const BUILD: &[Package] = &[
    Package { name: "protobuf-compiler", reason: "protoc, for the messages of the node's network" },
    Package { name: "g++", reason: "a C++ compiler, for the optimiser of WebAssembly" },
    Package { name: "git", reason: "the version of the binaries names the commit" },
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

/// Sets up what the build needs.
pub fn run() -> Result<Tools> {
    let say = &mut |line: &str| println!("set-up: {line}");
    Packages::missing(&BUILD.iter().copied().filter(|package| !present(package.name)).collect::<Vec<_>>())?
        .install(say)?;
    let wasm = WasmToolchain::set_up(say)?;
    let wrapper = RustcWrapper::set_up(&phala_toolchain::cache()?)?;
    let mut environment = wasm.runtime_environment()?;
    environment.extend(wrapper.environment());
    Ok(Tools { cargo: Cargo::new(environment)?, wasm, wrapper })
}

/// Whether the program that a package is wanted for is there already, from wherever.
fn present(package: &str) -> bool {
    match package {
        "protobuf-compiler" => workspace::has_program("protoc"),
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
    const NODE: &[Package] = &[
        Package { name: "nodejs", reason: "runs npm, and the tests with the JavaScript clients" },
        Package { name: "npm", reason: "fetches those clients, and what the bench compares with" },
    ];
    if !(workspace::has_program("node") && workspace::has_program("npm")) {
        Packages::missing(NODE)?.install(&mut |line| println!("set-up: {line}"))?;
    }
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
