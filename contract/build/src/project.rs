//! New projects, outside of this repository. They are complete, with the SDK in them and the versions of all else: so
//! whoever has a project builds the code that its author has built.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What a new project begins with: the price oracle.
const TEMPLATE: &str = include_str!("../../examples/price-oracle/src/lib.rs");
/// The versions of everything that the SDK is tested with.
const LOCK: &str = include_str!("../../examples/price-oracle/Cargo.lock");
const TEMPLATE_NAME: &str = "price-oracle";

/// The folder of a project that has the SDK and the interface. It is inside of the project also because cargo hashes
/// the paths of packages into symbols: of those inside as they lie there, of others as they lie on this machine.
const FOLDER: &str = "phat";

const MANIFEST: &str = r#"[package]
name = "NAME"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
phat = { package = "phat-sdk", path = "phat/sdk" }

[profile.release]
opt-level = "s"
lto = true
panic = "abort"

[workspace]
"#;

const README: &str = "# The SDK of this contract

Version VERSION of the SDK and of the interface between contracts and workers, as `phala contract new` has put it here.
It is part of the project: commit it, and `Cargo.lock` too. The same files, built by the same version of `phala` with
the same Rust compiler on the same kind of machine, are the same code hash, in whatever folder they lie.

To move on to the SDK of a newer `phala`: delete this folder, copy (do not move) that of a project that the newer
`phala contract new` has made, and run `cargo test`, which brings `Cargo.lock` up to date. Cargo goes by the times of
files, and what is moved may be older than what was compiled.
";

/// Makes a project.
pub fn new_project(folder: &Path, name: &str) -> Result<()> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_lowercase());
    let rest = characters.all(|other| other.is_ascii_lowercase() || other.is_ascii_digit() || "-_".contains(other));
    ensure!(first && rest && name.len() <= 64, "'{name}' is no name for a package: take letters a-z, digits, - and _");
    let lock = lock(name)?;
    if folder.exists() {
        bail!("{} exists already", folder.display());
    }
    let manifest = MANIFEST.replace("NAME", name);
    for (path, text) in
        [("Cargo.toml", &*manifest), ("Cargo.lock", &*lock), ("src/lib.rs", TEMPLATE), (".gitignore", "/target\n")]
    {
        write(&folder.join(path), text)?;
    }
    let sdk = folder.join(FOLDER);
    for (path, text) in SDK {
        write(&sdk.join(path), text)?;
    }
    write(&sdk.join("README.md"), &README.replace("VERSION", env!("CARGO_PKG_VERSION")))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// The Cargo.lock of a project of this name: the template's, in which nothing but its own name is another.
fn lock(name: &str) -> Result<String> {
    let mut parts = LOCK.split(SEPARATOR);
    let head = parts.next().unwrap_or_default();
    let (own, mut packages): (Vec<&str>, Vec<&str>) =
        parts.map(str::trim_end).partition(|package| is_named(package, TEMPLATE_NAME));
    if packages.iter().any(|package| is_named(package, name)) {
        bail!("'{name}' is the name of a package that contracts are made of: take another");
    }
    let own = own.concat().replacen(TEMPLATE_NAME, name, 1);
    packages.push(&own);
    // in cargo's order, else it would write the file anew; those of the same name stay as they are
    packages.sort_by(|one, other| one.lines().next().cmp(&other.lines().next()));
    let packages: Vec<String> = packages.iter().map(|package| format!("{SEPARATOR}{package}\n")).collect();
    Ok(format!("{head}{}", packages.join("\n")))
}

/// What is before each package of a lock.
const SEPARATOR: &str = "[[package]]\n";

fn is_named(package: &str, name: &str) -> bool {
    package.lines().next().is_some_and(|line| line == format!("name = \"{name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(lock: &str) -> Vec<String> {
        let lock: toml::Table = lock.parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        packages.iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_lock_differs_from_the_tested_one_in_the_name_alone() {
        assert_eq!(lock(TEMPLATE_NAME).unwrap(), LOCK);
        for name in ["a", "my-oracle", "zz_top"] {
            let lock = lock(name).unwrap();
            let mut expected = names(LOCK);
            expected.retain(|old| old != TEMPLATE_NAME);
            expected.push(name.to_owned());
            expected.sort();
            assert_eq!(names(&lock), expected);
            assert_eq!(lock.len() + TEMPLATE_NAME.len(), LOCK.len() + name.len());
        }
    }

    #[test]
    fn names_that_a_lock_has_already_are_refused() {
        for name in ["serde", "phat-sdk", "wit-bindgen"] {
            let said = lock(name).unwrap_err().to_string();
            assert!(said.contains("take another"), "{said}");
        }
    }

    #[test]
    fn a_project_is_complete_and_names_no_folder_outside_of_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("my-oracle");
        new_project(&folder, "my-oracle").unwrap();
        let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
        let sdk = Path::new(manifest["dependencies"]["phat"]["path"].as_str().unwrap());
        assert!(sdk.is_relative() && folder.join(sdk).join("macro/src/lib.rs").is_file());
        // where the SDK's sources look for the interface
        assert!(folder.join(sdk).join("../wit/world.wit").is_file());
        for (path, text) in SDK {
            assert_eq!(fs::read_to_string(folder.join(FOLDER).join(path)).unwrap(), *text);
        }
        assert_eq!(fs::read_to_string(folder.join("Cargo.lock")).unwrap(), lock("my-oracle").unwrap());
        let said = new_project(&folder, "my-oracle").unwrap_err().to_string();
        assert!(said.ends_with("exists already"), "{said}");
        assert!(new_project(&place.path().join("other"), "My Oracle").is_err());
        assert!(!place.path().join("other").exists());
    }
}
