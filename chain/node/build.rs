//! Gives the binary its version: crate version and, in a git checkout, the commit.

use std::{env, path::Path, process::Command};

fn main() {
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let commit = Command::new("git")
        .args(["rev-parse", "--short=11", "HEAD"])
        .output()
        .ok()
        .filter(|out| out.status.success())
        .map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let full = match commit {
        Some(commit) => format!("{version}-{commit}"),
        None => version,
    };
    println!("cargo:rustc-env=PHALA_NODE_VERSION={full}");
    // the log of HEAD grows with every commit and checkout; HEAD itself names a branch and does not
    let head = Path::new("../../.git/logs/HEAD");
    if head.exists() {
        println!("cargo:rerun-if-changed={}", head.display());
    }
    println!("cargo:rerun-if-changed=build.rs");
}
