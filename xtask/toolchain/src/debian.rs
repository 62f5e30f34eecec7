//! A second toolchain out of Debian's packages, for machines where rustup cannot fetch a target.
//!
//! Debian's `rustc-web` carries the compiler, `rust-web-src` the standard library's sources. From them `core`, `alloc` and
//! `compiler_builtins` are built once for [`TARGET`], with the bitcode that link-time optimisation wants, into a sysroot of
//! symlinks in the user's cache. `/usr` is left as it is.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{Package, Packages, TARGET, WasmToolchain, has_core};

/// Debian's compiler.
const RUSTC: &str = "/usr/bin/rustc";
/// Debian's cargo.
const CARGO: &str = "/usr/bin/cargo";
/// Its part of the standard library for the host.
const HOST_LIBRARY: &str = "/usr/lib/rustlib/x86_64-unknown-linux-gnu";
/// The linker: `lld` decides by its name, or by `-flavor`, what it links.
const LLD: &str = "/usr/lib/llvm-19/bin/lld";

/// What the toolchain is made of.
pub const PACKAGES: &[Package] = &[
    Package { name: "rustc-web", reason: "a Rust compiler whose standard library's sources Debian has as well" },
    Package { name: "cargo-web", reason: "the cargo of that compiler" },
    Package { name: "rust-web-src", reason: "the sources, from which wasm32v1-none is built" },
    Package { name: "lld-19", reason: "the linker of WebAssembly modules" },
];

/// The toolchain that an earlier run made, if Debian's compiler is still the one that it was made with.
pub fn existing(cache: &Path) -> Result<Option<WasmToolchain>> {
    let Some(version) = version() else { return Ok(None) };
    let directory = directory(cache, &version);
    if !has_core(&library(&directory)) {
        return Ok(None);
    }
    Ok(Some(WasmToolchain::Own { name: link(&directory, &version)?, directory }))
}

/// Installs what is missing and makes the toolchain.
pub fn set_up(cache: &Path, say: &mut dyn FnMut(&str)) -> Result<WasmToolchain> {
    Packages::missing(PACKAGES)?.install(say)?;
    let version = version().with_context(|| format!("{RUSTC} is installed but does not run"))?;
    let directory = directory(cache, &version);
    say(&format!("building core and alloc of Rust {version} for {TARGET} (once, about a minute)"));

    // made beside its place and moved there when it is whole, so that an interrupted run leaves nothing half done
    let fresh = cache.join(format!("toolchain-{version}.{}", std::process::id()));
    lay_out(&fresh)?;
    let built = build_library(&fresh).and_then(|()| {
        remove(&directory)?;
        // the scripts name the directory, so they are written for its final place
        write_scripts(&fresh, &directory)?;
        fs::rename(&fresh, &directory).context("move the new toolchain into place")
    });
    if built.is_err() {
        remove(&fresh)?;
    }
    built?;
    ensure!(has_core(&library(&directory)), "the new toolchain in {} has no core", directory.display());
    Ok(WasmToolchain::Own { name: link(&directory, &version)?, directory })
}

/// The version of Debian's compiler, as `1.96.0`.
fn version() -> Option<String> {
    let output = Command::new(RUSTC).arg("--version").stdin(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<String> {
    let version = text.strip_prefix("rustc ")?.split_whitespace().next()?;
    version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-').then(|| version.to_owned())
}

fn directory(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("toolchain-{version}"))
}

fn library(directory: &Path) -> PathBuf {
    directory.join("lib/rustlib").join(TARGET).join("lib")
}

/// A sysroot: links to Debian's libraries, and an empty place for the target's.
fn lay_out(directory: &Path) -> Result<()> {
    remove(directory)?;
    let host = directory.join("lib/rustlib/x86_64-unknown-linux-gnu");
    fs::create_dir_all(host.join("bin")).with_context(|| format!("create {}", host.display()))?;
    fs::create_dir_all(library(directory))?;
    fs::create_dir_all(directory.join("bin"))?;
    symlink(Path::new(HOST_LIBRARY).join("lib"), host.join("lib"))?;
    symlink("/usr/lib/rustlib/src", directory.join("lib/rustlib/src"))?;
    symlink("/usr/lib/rustlib/etc", directory.join("lib/rustlib/etc"))?;
    // the name under which the compiler looks the linker of this target up
    symlink(LLD, host.join("bin/rust-lld"))?;
    write_scripts(directory, directory)
}

/// `bin/rustc` and `bin/cargo` in `directory`, for a toolchain whose place is `home`. Scripts, because a compiler that is
/// reached through a link finds the sysroot of the link's target.
fn write_scripts(directory: &Path, home: &Path) -> Result<()> {
    let home = home.display();
    let rustc = format!(
        "#!/bin/sh\ncase \" $* \" in\n*\" --sysroot\"*) exec {RUSTC} \"$@\" ;;\n*) exec {RUSTC} --sysroot '{home}' \"$@\" ;;\nesac\n"
    );
    let cargo = format!("#!/bin/sh\nRUSTC=\"${{RUSTC:-{home}/bin/rustc}}\" exec {CARGO} \"$@\"\n");
    for (name, text) in [("rustc", rustc), ("cargo", cargo)] {
        let path = directory.join("bin").join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Builds the standard library's parts and puts them into the sysroot.
fn build_library(directory: &Path) -> Result<()> {
    let project = directory.join("build");
    fs::create_dir_all(project.join("src"))?;
    fs::write(
        project.join("Cargo.toml"),
        "[package]\nname = \"sysroot\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n",
    )?;
    fs::write(project.join("src/lib.rs"), "#![no_std]\n")?;
    let output = Command::new(directory.join("bin/cargo"))
        .args(["build", "--release", "-Zbuild-std=core,alloc", "--target", TARGET])
        .current_dir(&project)
        .env("RUSTC", directory.join("bin/rustc"))
        // the standard library may use unstable features; and without bitcode no link with LTO succeeds
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", project.join("target"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTUP_TOOLCHAIN")
        .stdin(Stdio::null())
        .output()
        .context("run Debian's cargo")?;
    if !output.status.success() {
        bail!("building core and alloc for {TARGET} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let built = project.join("target").join(TARGET).join("release/deps");
    for entry in built.read_dir().with_context(|| format!("read {}", built.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = ["libcore-", "liballoc-", "libcompiler_builtins-"].iter().any(|prefix| name.starts_with(prefix));
        if wanted && name.ends_with(".rlib") {
            fs::copy(&path, library(directory).join(name))?;
        }
    }
    remove(&project)
}

/// Makes the toolchain known to rustup, if there is one, and returns its name there.
fn link(directory: &Path, version: &str) -> Result<Option<String>> {
    let name = format!("phala-wasm-{version}");
    let rustup = |arguments: &[&str]| {
        Command::new("rustup").args(arguments).env_remove("RUSTUP_TOOLCHAIN").stdin(Stdio::null()).output()
    };
    match rustup(&["run", &name, "rustc", "--print", "sysroot"]) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("run rustup"),
        Ok(output) if String::from_utf8_lossy(&output.stdout).trim() == directory.to_string_lossy() => {
            return Ok(Some(name));
        }
        Ok(_) => {}
    }
    let output = rustup(&["toolchain", "link", &name, &directory.to_string_lossy()])?;
    ensure!(output.status.success(), "rustup toolchain link {name}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(name))
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_a_plain_word() {
        assert_eq!(
            parse_version("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)").as_deref(),
            Some("1.96.0")
        );
        assert_eq!(parse_version("rustc ../x"), None);
        assert_eq!(parse_version("gcc 12"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_laid_out_sysroot_has_scripts_that_name_it() {
        let cache = tempfile::tempdir().unwrap();
        let directory = directory(cache.path(), "1.0.0");
        lay_out(&directory).unwrap();
        let rustc = fs::read_to_string(directory.join("bin/rustc")).unwrap();
        assert!(rustc.contains(&format!("--sysroot '{}'", directory.display())));
        assert!(!has_core(&library(&directory)));
        lay_out(&directory).unwrap();
    }
}
