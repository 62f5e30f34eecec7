//! Finds, or sets up, a Rust toolchain that builds for `wasm32v1-none`: for the runtime, for the `no_std` checks of the core
//! crates, and for contracts.
//!
//! Three ways, tried in this order without asking:
//!
//! 1. the ordinary toolchain already has the target;
//! 2. `rustup target add` gets it (a few seconds where rustup reaches its servers);
//! 3. Debian's packages bring a second toolchain with the sources of the standard library, from which the target is built
//!    once, into a sysroot in the user's cache.
//!
//! Nothing outside the user's cache changes, but for packages that [`Packages`] installs and names.

mod debian;
mod packages;
mod rustc_wrapper;

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

pub use packages::{Package, Packages};
pub use rustc_wrapper::RustcWrapper;

/// The target of runtimes and contracts: WebAssembly 1.0 without an operating system.
pub const TARGET: &str = "wasm32v1-none";

/// Where this project keeps what it makes for a user: `$XDG_CACHE_HOME/phala`, or `~/.cache/phala`.
pub fn cache() -> Result<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME names a directory for the cache")?;
    Ok(base.join("phala"))
}

/// A toolchain that builds for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The ordinary one.
    Ordinary,
    /// One of its own, in a directory of the cache, known to rustup by a name if there is a rustup.
    Own {
        /// Its directory, with `bin/cargo` and `bin/rustc`.
        directory: PathBuf,
        /// Its name with rustup.
        name: Option<String>,
    },
}

impl WasmToolchain {
    /// What [`make`](Self::make) needs of the system.
    pub const PACKAGES: &[Package] = debian::PACKAGES;

    /// Finds or sets up the toolchain. `say` is told of everything that takes time or changes something.
    pub fn set_up(say: &mut dyn FnMut(&str)) -> Result<Self> {
        match Self::find(say)? {
            Some(found) => Ok(found),
            None => Self::make(say),
        }
    }

    /// The toolchain, if there is one or rustup can get it.
    pub fn find(say: &mut dyn FnMut(&str)) -> Result<Option<Self>> {
        if has_target("rustc")? {
            return Ok(Some(Self::Ordinary));
        }
        // a second toolchain that an earlier run made answers without asking rustup's servers again
        if let Some(found) = debian::existing(&cache()?)? {
            return Ok(Some(found));
        }
        say(&format!("adding the target {TARGET} to the Rust toolchain (for the runtime and for contracts)"));
        if add_target() && has_target("rustc")? {
            return Ok(Some(Self::Ordinary));
        }
        say("rustup cannot get the target here: making it from the sources in Debian's packages");
        Ok(None)
    }

    /// Makes one out of Debian's packages.
    pub fn make(say: &mut dyn FnMut(&str)) -> Result<Self> {
        debian::set_up(&cache()?, say)
    }

    /// A cargo of this toolchain, free of what the calling cargo has put into the environment for its own children.
    pub fn cargo(&self) -> Command {
        let mut command = match self {
            Self::Ordinary => Command::new("cargo"),
            Self::Own { directory, .. } => {
                let mut command = Command::new(directory.join("bin/cargo"));
                command.env("RUSTC", directory.join("bin/rustc"));
                command
            }
        };
        for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        forget_package(&mut command);
        command
    }

    /// The environment by which `substrate-wasm-builder` builds the runtime with this toolchain while the node stays with the
    /// ordinary one.
    pub fn runtime_environment(&self) -> Result<Vec<(OsString, OsString)>> {
        match self {
            Self::Ordinary => Ok(Vec::new()),
            Self::Own { name: Some(name), .. } => Ok(vec![("WASM_BUILD_TOOLCHAIN".into(), name.into())]),
            Self::Own { directory, name: None } => bail!(
                "the toolchain in {} cannot be selected for the runtime without rustup: install rustup and run the command again",
                directory.display()
            ),
        }
    }
}

/// Whether the sysroot of this compiler has the standard library's core for [`TARGET`].
fn has_target(rustc: impl AsRef<OsStr>) -> Result<bool> {
    let output = Command::new(rustc.as_ref())
        .args(["--print", "target-libdir", "--target", TARGET])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {}: is Rust installed?", rustc.as_ref().to_string_lossy()))?;
    if !output.status.success() {
        return Ok(false);
    }
    let directory = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(has_core(&directory))
}

/// Whether a library directory of a sysroot holds `libcore`.
fn has_core(directory: &Path) -> bool {
    directory.read_dir().into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

/// Asks rustup for the target. Its failure is an answer: without its servers it has none to give.
fn add_target() -> bool {
    Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Takes out of a command's environment what `cargo run` and `cargo test` have told this program about its own package.
///
/// Build scripts that watch these variables, such as ring's, would otherwise run again for each path of a checkout and for each
/// program that calls cargo, and with them everything compiled that depends on them.
pub fn forget_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let told =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if told {
            command.env_remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_directory_without_core_has_no_target() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!has_core(directory.path()));
        std::fs::write(directory.path().join("libcore-0123.rlib"), b"").unwrap();
        assert!(has_core(directory.path()));
        assert!(!has_core(&directory.path().join("missing")));
    }

    #[test]
    fn a_called_cargo_is_not_told_about_this_package() {
        let mut command = Command::new("env");
        forget_package(&mut command);
        let output = command.output().unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert!(!output.contains("CARGO_MANIFEST_") && !output.contains("CARGO_PKG_"), "{output}");
    }

    #[test]
    fn the_ordinary_toolchain_needs_no_environment() {
        assert_eq!(WasmToolchain::Ordinary.runtime_environment().unwrap(), Vec::new());
    }

    #[test]
    fn an_own_toolchain_is_selected_by_name_and_never_silently_left_out() {
        let own = |name: Option<&str>| WasmToolchain::Own { directory: "/x".into(), name: name.map(str::to_owned) };
        assert_eq!(own(Some("n")).runtime_environment().unwrap(), vec![("WASM_BUILD_TOOLCHAIN".into(), "n".into())]);
        assert!(own(None).runtime_environment().unwrap_err().to_string().contains("install rustup"));
    }
}
