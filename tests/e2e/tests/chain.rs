//! The chain alone: does it finalise, survive a power cut, and start from the genesis that it claims?

use std::{collections::HashSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use codec::Encode as _;
use phala_e2e::{Net, Rpc, Spec, from_hex, run, to_hex, wait_for};
use phala_light_client::{AdvanceError, Config, FinalityProof, Header, JustificationError, LightClient};
use phala_primitives::{Wire as _, storage_key};
use serde_json::{Value, json};

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
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write("../../vectors/light-client/local.json", recorded(net.rpc(0))?)?;
    }
    Ok(())
}

/// What a node has shown of this network, as vectors of the light client: its way from the genesis across changes of authorities,
/// and reads at its end.
fn recorded(rpc: &Rpc) -> Result<String> {
    let genesis = rpc.genesis()?;
    let header: Header = serde_json::from_value(rpc.call("chain_getHeader", json!([genesis]))?)?;
    let authorities = proof(rpc, &genesis, &storage_key::grandpa_authorities())?;
    let config = Config { genesis: header, authorities, recovery: None };
    let mut client = LightClient::new(&config)?;

    let handoffs = wait_for("two changes of authorities", 4 * MINUTE, || {
        let proof = rpc.call("phat_handoffs", json!([0, 64]))?;
        let proof = FinalityProof::from_wire(&from_hex(proof.as_str().context("hex")?)?)?;
        Ok((proof.steps().len() >= 3).then_some(proof))
    })?;
    let advance = |name: &str, proof: &FinalityProof, expect: Value| {
        let proof = to_hex(proof.encode());
        json!({ "advance": { "name": name, "proof": proof, "expect": expect } })
    };
    let mut steps = Vec::new();

    // the same validators, but their votes are of a later set
    let gap = FinalityProof::V1(handoffs.steps().get(1..).unwrap_or_default().to_vec());
    let refused = client.advance(&gap);
    ensure!(
        matches!(refused, Err(AdvanceError::Justification { error: JustificationError::BadSignature, .. })),
        "{refused:?}"
    );
    steps.push(advance("without the first hand-off", &gap, json!({ "Err": "bad-signature" })));
    let head = *client.advance(&handoffs)?;
    let reached = json!({
        "number": head.number(), "hash": to_hex(head.hash()), "stateRoot": to_hex(head.state_root()),
        "setId": client.authorities().id(),
    });
    steps.push(advance("from the genesis to the newest block", &handoffs, json!({ "Ok": reached })));
    ensure!(client.advance(&handoffs).is_err());
    steps.push(advance("the same once more", &handoffs, json!({ "Err": "stale" })));

    for (name, key) in [("chain time", storage_key::timestamp_now()), ("genesis hash", storage_key::block_hash(0))] {
        let nodes = proof(rpc, &to_hex(head.hash()), &key)?;
        let value = head.open(&nodes, &[&key])?.bytes(&key)?.into_inner().map(to_hex);
        let nodes: Vec<String> = nodes.iter().map(to_hex).collect();
        steps.push(json!({ "read": { "name": name, "nodes": nodes, "key": to_hex(&key), "expect": { "Ok": value } } }));
    }
    let vectors = json!({
        "description": "Recorded from a network of the chain `local`: UPDATE_VECTORS=1, the scenario of four validators in tests/e2e.",
        "genesis": to_hex(config.genesis.encode()),
        "authorities": config.authorities.iter().map(to_hex).collect::<Vec<_>>(),
        "steps": steps,
    });
    Ok(serde_json::to_string_pretty(&vectors)? + "\n")
}

/// Nodes of a block's state that lead to a key.
fn proof(rpc: &Rpc, block: &str, key: &[u8]) -> Result<Vec<Vec<u8>>> {
    let proof = rpc.call("state_getReadProof", json!([[to_hex(key)], block]))?;
    let nodes = proof["proof"].as_array().context("a proof")?;
    nodes.iter().map(|node| from_hex(node.as_str().context("hex")?)).collect()
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
