//! The usual JavaScript clients against a running node: `@polkadot/api` and `polkadot-api`; and by the first of them, what a
//! worker does to be admitted.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use phala_e2e::{Net, Spec, binary, wait_for};
use serde_json::json;

/// Runs a test of `tests/clients` against a chain that has finalised this many blocks.
fn run(test: &str, height: u64) -> Result<()> {
    let folder = std::path::absolute("../clients")?;
    ensure!(
        folder.join("node_modules").is_dir(),
        "tests/clients has no packages yet: run `npm ci` there (`cargo xtask test` does)"
    );
    let mut net = Net::dev().start()?;
    wait_for("the chain to be old enough", Duration::from_secs(120), || {
        Ok((net.rpc(0).finalized_height()? >= height).then_some(()))
    })?;
    let mut spec = Spec::raw("dev")?;
    spec.0["bootNodes"] = json!([net.node(0).p2p_address()?]);
    let file = tempfile::Builder::new().prefix("phala-spec-").suffix(".json").tempfile()?;
    std::fs::write(file.path(), spec.0.to_string())?;

    let output = Command::new("node")
        .args(["--test", test])
        .current_dir(&folder)
        .env("PHALA_NODE_URL", net.rpc(0).ws_url())
        .env("PHALA_CHAIN_SPEC", file.path())
        .env("PHALA_SOFT_TEE", binary("phala-soft-tee")?)
        .stdin(Stdio::null())
        .output()
        .context("run node: is Node.js installed?")?;
    ensure!(
        output.status.success(),
        "{test}:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[test]
fn polkadot_js_follows_the_chain() -> Result<()> {
    run("polkadot-js.test.mjs", 1)
}

#[test]
fn polkadot_api_follows_the_chain() -> Result<()> {
    run("polkadot-api.test.mjs", 1)
}

#[test]
fn registration_is_verified_in_the_runtime() -> Result<()> {
    run("registration.test.mjs", 1)
}

#[test]
fn smoldot_syncs_from_the_genesis_and_reads_by_proof() -> Result<()> {
    run("smoldot.test.mjs", 3)
}
