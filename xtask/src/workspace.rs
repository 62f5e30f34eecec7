//! Where things are, and how cargo is called.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

/// The root of the repository.
///
/// As cargo tells it at run time: in a target directory that checkouts share, this program may have been compiled in another one.
pub fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// The target directory: `CARGO_TARGET_DIR`; else, in CI, one in the user's cache that outlives the checkout; else the
/// repository's own.
pub fn target() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").filter(|path| !path.is_empty()) {
        Some(path) => Ok(root().join(path)),
        None if env::var_os("CI").is_some() => Ok(phala_toolchain::cache()?.join("target")),
        None => Ok(root().join("target")),
    }
}

/// A binary that `build` has made. There is one profile for everything: two would be two builds of 800 crates.
pub fn binary(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("release").join(name))
}

/// What every call of cargo gets: the target directory, and the environment of the runtime's Wasm build.
pub struct Cargo {
    environment: Vec<(OsString, OsString)>,
}

impl Cargo {
    /// With this environment for the Wasm build.
    pub fn new(mut environment: Vec<(OsString, OsString)>) -> Result<Self> {
        environment.push(("CARGO_TARGET_DIR".into(), target()?.into()));
        // the runtime's Wasm build looks for Cargo.lock above the target directory, which may lie elsewhere
        environment.push(("WASM_BUILD_WORKSPACE_HINT".into(), root().into()));
        Ok(Self { environment })
    }

    /// A call of the ordinary cargo, from the root of the repository.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(root()).envs(self.environment.iter().cloned()).stdin(Stdio::null());
        phala_toolchain::forget_package(&mut command);
        command
    }

    /// Builds all binaries.
    ///
    /// Always the whole workspace with its tests: cargo decides the features of shared dependencies by the packages that are
    /// asked for, and another selection would compile most of them again.
    pub fn build(&self) -> Result<()> {
        run(self.command(&["build", "--release", "--workspace", "--all-targets", "--locked"]))
    }
}

/// Runs a command to its end with its output shown.
pub fn run(mut command: Command) -> Result<()> {
    let text = format!("{command:?}");
    let status = command.status().with_context(|| format!("run {text}"))?;
    ensure!(status.success(), "{text} failed ({status})");
    Ok(())
}

/// Whether a program of this name is on the PATH and answers `--version`.
pub fn has_program(name: &str) -> bool {
    Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The output of a command that must succeed.
pub fn output(mut command: Command) -> Result<String> {
    let text = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {text}"))?;
    if !output.status.success() {
        bail!("{text} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("the output of {text}"))
}
