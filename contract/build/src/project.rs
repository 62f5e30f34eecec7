//! New projects, outside of this repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use phala_toolchain::cache;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What a new project begins with: the price oracle.
const TEMPLATE: &str = include_str!("../../examples/price-oracle/src/lib.rs");

const MANIFEST: &str = r#"[package]
name = "NAME"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
phat = { package = "phat-sdk", path = "SDK" }

[profile.release]
opt-level = "s"
lto = true
panic = "abort"

[workspace]
"#;

/// Makes a project. Its SDK is unpacked to a folder of the user's cache that names version and content.
pub fn new_project(folder: &Path, name: &str) -> Result<()> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_lowercase());
    let rest = characters.all(|other| other.is_ascii_lowercase() || other.is_ascii_digit() || "-_".contains(other));
    ensure!(first && rest && name.len() <= 64, "'{name}' is no name for a package: take letters a-z, digits, - and _");
    if folder.exists() {
        bail!("{} exists already", folder.display());
    }
    let sdk = unpack_sdk()?.join("sdk");
    fs::create_dir_all(folder.join("src")).with_context(|| format!("create {}", folder.display()))?;
    let manifest = MANIFEST.replace("NAME", name).replace("SDK", &sdk.display().to_string());
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), TEMPLATE)?;
    fs::write(folder.join(".gitignore"), "/target\n")?;
    Ok(())
}

/// The SDK and the interface, unpacked.
fn unpack_sdk() -> Result<PathBuf> {
    let mut all = Vec::new();
    for (name, text) in SDK {
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(&sp_crypto_hashing::blake2_256(text.as_bytes()));
    }
    let hash = hex::encode(sp_crypto_hashing::blake2_64(&all));
    let folder = cache()?.join(format!("sdk-{}-{hash}", env!("CARGO_PKG_VERSION")));
    if folder.is_dir() {
        return Ok(folder);
    }
    // renamed into place when it is complete: another program may be doing the same
    let parent = folder.parent().context("the cache has a parent")?;
    fs::create_dir_all(parent)?;
    let fresh = tempfile::tempdir_in(parent)?;
    for (name, text) in SDK {
        let path = fresh.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    let fresh = fresh.keep();
    if let Err(error) = fs::rename(&fresh, &folder) {
        fs::remove_dir_all(&fresh)?;
        ensure!(folder.is_dir(), "cannot create {}: {error}", folder.display());
    }
    Ok(folder)
}
