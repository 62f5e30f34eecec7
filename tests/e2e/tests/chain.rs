//! The chain alone: does it finalise, survive a power cut, and start from the genesis that it claims?

use std::{collections::HashSet, time::Duration};

use anyhow::{Result, ensure};
use phala_e2e::{Net, Spec, run, wait_for};
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);

/// twox128("Sudo") ‖ twox128("Key")
const SUDO_KEY: &str = "0x5c0d1176a568c1f92944340dbfed9e9c530ebca703c85910e7164cb7d1c9e47b";
/// The runtime's code.
const CODE: &str = "0x3a636f6465";

#[test]
fn a_dev_chain_finalises_and_survives_kill_9() -> Result<()> {
    let mut net = Net::dev().start()?;
    let genesis = net.rpc(0).genesis()?;
    let before = wait_for("ten finalised blocks", MINUTE, || {
        let height = net.rpc(0).finalized_height()?;
        Ok((height >= 10).then_some(height))
    })?;
    let best = net.rpc(0).best_height()?;
    ensure!(best <= before + 3, "finality is {} blocks behind", best - before);

    net.node(0).kill()?;
    net.node(0).restart()?;
    ensure!(net.rpc(0).genesis()? == genesis);
    wait_for("finality to go on after kill -9", MINUTE, || {
        Ok((net.rpc(0).finalized_height()? >= before + 5).then_some(()))
    })?;
    ensure!(net.node(0).stop()? == Some(0), "SIGTERM is a clean end");
    Ok(())
}

#[test]
fn four_validators_with_one_down_keep_finalising() -> Result<()> {
    let mut net = Net::local().start()?;
    wait_for("the first finalised blocks of four validators", 2 * MINUTE, || {
        Ok((net.rpc(0).finalized_height()? >= 3).then_some(()))
    })?;
    net.node(3).kill()?;
    let at = net.rpc(0).finalized_height()?;
    // across two changes of session, each of which needs the remaining three to agree
    wait_for("45 more finalised blocks with one validator down", 3 * MINUTE, || {
        Ok((net.rpc(0).finalized_height()? >= at + 45).then_some(()))
    })?;
    ensure!(net.rpc(1).call("chain_getBlockHash", json!([at]))? == net.rpc(2).call("chain_getBlockHash", json!([at]))?);

    net.node(3).restart()?;
    let target = net.rpc(0).finalized_height()?;
    wait_for("the fourth validator to catch up", MINUTE, || {
        Ok((net.rpc(3).finalized_height()? >= target).then_some(()))
    })?;
    Ok(())
}

#[test]
fn every_spec_has_the_same_runtime_and_only_development_has_sudo() -> Result<()> {
    let mut codes = HashSet::new();
    for (chain, sudo) in [("dev", true), ("local", true), ("testnet", false), ("mainnet", false)] {
        let spec = Spec::raw(chain)?;
        ensure!(spec.storage(SUDO_KEY).is_some() == sudo, "sudo on {chain}");
        codes.insert(spec.storage(CODE).map(str::to_owned).unwrap_or_default());
    }
    ensure!(codes.len() == 1 && !codes.contains(""), "one runtime wasm for all specs");
    Ok(())
}

#[test]
fn a_node_offers_what_clients_expect() -> Result<()> {
    let net = Net::dev().start()?;
    let methods = net.rpc(0).call("rpc_methods", json!([]))?.to_string();
    for method in [
        "chainHead_v1_follow",
        "chainSpec_v1_genesisHash",
        "transaction_v1_broadcast",
        "state_getReadProof",
        "state_getMetadata",
        "grandpa_proveFinality",
        "grandpa_subscribeJustifications",
        "babe_epochAuthorship",
        "system_accountNextIndex",
        "payment_queryInfo",
        "sync_state_genSyncSpec",
    ] {
        ensure!(methods.contains(method), "no {method}");
    }
    let properties = net.rpc(0).call("system_properties", json!([]))?;
    ensure!(properties == json!({ "tokenSymbol": "PHA", "tokenDecimals": 12, "ss58Format": 30 }), "{properties}");
    Ok(())
}

#[test]
fn an_unknown_chain_is_an_error_that_says_what_to_do() -> Result<()> {
    let exit = run("phala-node", &["--chain", "no-such-chain"])?;
    ensure!(exit.code != Some(0) && exit.code.is_some(), "an error is an exit code, not a signal");
    ensure!(exit.stderr.contains("give dev, local, testnet, mainnet"), "{}", exit.stderr);
    Ok(())
}
