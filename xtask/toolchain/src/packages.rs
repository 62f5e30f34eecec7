//! System packages: which are missing, why they are wanted, and their installation where that is allowed.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A package of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// Debian's name of it.
    pub name: &'static str,
    /// What it is for.
    pub reason: &'static str,
}

/// Packages that are not installed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Packages(Vec<Package>);

impl Packages {
    /// Those of `wanted` that dpkg does not list as installed.
    pub fn missing(wanted: &[Package]) -> Result<Self> {
        let mut missing = Vec::new();
        for package in wanted {
            if !installed(package.name)? {
                missing.push(*package);
            }
        }
        Ok(Self(missing))
    }

    /// Installs them as root; without root, an error with the one command to run.
    pub fn install(&self, say: &mut dyn FnMut(&str)) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        for package in &self.0 {
            say(&format!("installing {}: {}", package.name, package.reason));
        }
        if !is_root() {
            bail!(
                "some system packages are missing. Run this once, then the same command again:\n\n    {}\n",
                self.command()
            );
        }
        apt(&["update", "-qq"])?;
        let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
        arguments.extend(self.0.iter().map(|package| package.name));
        apt(&arguments)
    }

    /// The command that a person with sudo runs.
    fn command(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|package| package.name).collect();
        format!("sudo apt-get update && sudo apt-get install -y {}", names.join(" "))
    }
}

fn installed(name: &str) -> Result<bool> {
    let output =
        Command::new("dpkg-query").args(["-W", "-f=${Status}", name]).stdin(Stdio::null()).output().with_context(
            || format!("ask dpkg for {name}: on a system without dpkg, install the equivalent by hand"),
        )?;
    Ok(output.stdout.ends_with(b"ok installed"))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("run apt-get")?;
    if !status.success() {
        bail!("apt-get {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_is_told_is_one_command() {
        let packages =
            Packages(vec![Package { name: "protobuf-compiler", reason: "" }, Package { name: "lld-19", reason: "" }]);
        assert_eq!(packages.command(), "sudo apt-get update && sudo apt-get install -y protobuf-compiler lld-19");
    }

    #[test]
    fn nothing_missing_installs_nothing() {
        Packages::default().install(&mut |line| panic!("{line}")).unwrap();
    }
}
