//! The network file of a chain that was just made: its own node may be believed.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// What worker and client trust of the devnet: `extrinsics/src/network.rs` reads it.
pub fn describe(call: impl Fn(&str, Value) -> Result<Value>, root: Value) -> Result<String> {
    let genesis = call("chain_getBlockHash", json!([0]))?;
    let authorities = call("state_call", json!(["GrandpaApi_grandpa_authorities", "0x", genesis]))?;
    let bytes = hex(authorities.as_str().context("authorities")?)?;
    // SCALE: a compact count below 64, then keys of 32 bytes with weights of 8
    let (count, entries) = bytes.split_first().context("no authorities")?;
    if count % 4 != 0 || entries.len() != usize::from(count / 4) * 40 {
        bail!("the node's authorities cannot be read");
    }
    let authorities: Vec<Value> = entries
        .chunks_exact(40)
        .filter_map(|entry| {
            let (key, weight) = entry.split_first_chunk::<32>()?;
            let weight = u64::from_le_bytes(weight.try_into().ok()?);
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(json!({ "key": format!("0x{key}"), "weight": weight }))
        })
        .collect();
    let file = json!({
        "version": 1, "name": "devnet", "genesis": genesis, "authorities": authorities, "roots": [root],
    });
    Ok(serde_json::to_string_pretty(&file)?)
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.trim_start_matches("0x").as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect::<Option<_>>().context("the node's answer is no hex")
}
