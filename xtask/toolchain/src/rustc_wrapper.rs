//! A wrapper of the compiler for one crate that asks for too much.
//!
//! `dcap-qvl` declares the crate types `cdylib` and `staticlib` beside `lib`. For `wasm32v1-none` these cannot be linked: a
//! linked artefact needs a panic handler, which a library must not bring. Cargo builds every declared type of a dependency, so
//! the two are dropped from the compiler's arguments, for this crate and this target alone. See ADR 4.

use std::{env, ffi::OsString, fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};

/// The environment variable by which the script knows the wrapper that it stands in front of.
const INNER: &str = "PHALA_INNER_RUSTC_WRAPPER";

const SCRIPT: &str = r#"#!/usr/bin/env bash
# bash, not sh: dash drops variables such as CARGO_BIN_EXE_phala-soft-tee, whose names are no identifiers of the shell.
# Drops the crate types cdylib and staticlib of dcap_qvl for wasm32v1-none, where they cannot be linked.
# Everything else passes through unchanged, to the wrapper in PHALA_INNER_RUSTC_WRAPPER if there is one.
case " $* " in
*" --crate-name dcap_qvl "*wasm32v1-none*)
    previous=
    for argument in "$@"; do
        shift
        case "$previous $argument" in
        "--crate-type cdylib" | "--crate-type staticlib") previous=; continue ;;
        esac
        [ "$previous" = --crate-type ] && set -- "$@" --crate-type
        previous=$argument
        [ "$argument" = --crate-type ] && continue
        previous=
        case "$argument" in
        --crate-type=cdylib | --crate-type=staticlib) continue ;;
        esac
        set -- "$@" "$argument"
    done
    ;;
esac
# The wrapper behind must not find the variable: it may be another copy of this script, which would then hand on to itself.
inner=${PHALA_INNER_RUSTC_WRAPPER:-}
unset PHALA_INNER_RUSTC_WRAPPER
exec ${inner:+"$inner"} "$@"
"#;

/// The script in the user's cache.
pub struct RustcWrapper {
    path: OsString,
}

impl RustcWrapper {
    /// Writes the script into a directory of the cache, if it is not there.
    pub fn set_up(cache: &Path) -> Result<Self> {
        let path = cache.join("rustc-wrapper");
        if fs::read(&path).ok().as_deref() != Some(SCRIPT.as_bytes()) {
            fs::create_dir_all(cache).with_context(|| format!("create {}", cache.display()))?;
            // renamed into place: another build may be running the old one
            let fresh = cache.join(format!("rustc-wrapper.{}", std::process::id()));
            fs::write(&fresh, SCRIPT).with_context(|| format!("write {}", fresh.display()))?;
            fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))?;
            fs::rename(&fresh, &path)?;
        }
        Ok(Self { path: path.into() })
    }

    /// The environment that puts it in front of the compiler, and behind it the user's own wrapper (such as sccache).
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut environment = vec![("RUSTC_WRAPPER".into(), self.path.clone())];
        if let Some(inner) = env::var_os("RUSTC_WRAPPER").filter(|inner| !inner.is_empty() && *inner != self.path) {
            environment.push((INNER.into(), inner));
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What the script hands to the compiler, for which `echo` stands.
    fn handed_on(arguments: &[&str]) -> String {
        let cache = tempfile::tempdir().unwrap();
        let wrapper = RustcWrapper::set_up(cache.path()).unwrap();
        let output = Command::new(&wrapper.path).arg("echo").args(arguments).env_remove(INNER).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    #[test]
    fn only_the_two_types_of_the_one_crate_are_dropped() {
        let asked =
            ["--crate-name", "dcap_qvl", "--crate-type", "cdylib", "--crate-type", "staticlib", "--crate-type", "lib"];
        let with_target =
            [&asked[..], &["--emit=link", "--target", "wasm32v1-none", "--cfg", "feature=\"a b\""]].concat();
        assert_eq!(
            handed_on(&with_target),
            "--crate-name dcap_qvl --crate-type lib --emit=link --target wasm32v1-none --cfg feature=\"a b\""
        );
    }

    #[test]
    fn other_crates_and_targets_pass_through() {
        for arguments in [
            &["--crate-name", "dcap_qvl", "--crate-type", "cdylib"][..],
            &["--crate-name", "other", "--crate-type", "cdylib", "--target", "wasm32v1-none"],
            &["-vV"],
        ] {
            assert_eq!(handed_on(arguments), arguments.join(" "));
        }
    }

    /// Cargo tells integration tests of the package's binaries by variables such as this one.
    #[test]
    fn variables_with_hyphens_reach_the_compiler() {
        let cache = tempfile::tempdir().unwrap();
        let wrapper = RustcWrapper::set_up(cache.path()).unwrap();
        let output = Command::new(&wrapper.path).arg("env").env("CARGO_BIN_EXE_a-program", "here").output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().lines().any(|line| line == "CARGO_BIN_EXE_a-program=here"));
    }

    /// A build inside of a build: the test of a toolchain under `cargo xtask test`.
    #[test]
    fn a_copy_behind_the_script_hands_on_to_the_compiler() {
        let (outer, inner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (outer, inner) = (RustcWrapper::set_up(outer.path()).unwrap(), RustcWrapper::set_up(inner.path()).unwrap());
        // `timeout`: two that hand on to each other would never end
        let mut command = Command::new("timeout");
        let output = command.arg("20").arg(&outer.path).args(["echo", "-vV"]).env(INNER, inner.path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "-vV");
    }

    #[test]
    fn a_second_set_up_keeps_the_script() {
        let cache = tempfile::tempdir().unwrap();
        let first = RustcWrapper::set_up(cache.path()).unwrap();
        let second = RustcWrapper::set_up(cache.path()).unwrap();
        assert_eq!(first.path, second.path);
        assert_eq!(cache.path().read_dir().unwrap().count(), 1);
    }
}
