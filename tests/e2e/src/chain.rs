//! Chain specs, as the node exports them.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::run;

/// A raw chain spec.
pub struct Spec(pub Value);

impl Spec {
    /// The spec of this name with its genesis state built by the runtime.
    pub fn raw(chain: &str) -> Result<Self> {
        let exit = run("phala-node", &["export-chain-spec", "--chain", chain, "--raw"])?;
        ensure!(exit.code == Some(0), "export-chain-spec --chain {chain}: {}", exit.stderr);
        Ok(Self(serde_json::from_str(&exit.stdout).context("a chain spec is JSON")?))
    }

    /// The value under a storage key of the genesis, in hex.
    pub fn storage(&self, key: &str) -> Option<&str> {
        self.0.pointer("/genesis/raw/top")?.get(key)?.as_str()
    }
}
