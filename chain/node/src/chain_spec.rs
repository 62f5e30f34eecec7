//! The chains that this binary knows. All of them start from the same runtime; the runtime's presets make the difference.

use phala_runtime::{WASM_BINARY, opaque::Block, presets};
use sc_service::{ChainType, Properties};
use serde::{Deserialize, Serialize};

/// What a chain spec file carries besides the genesis.
#[derive(Clone, Debug, Default, Serialize, Deserialize, sc_chain_spec::ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
    /// Heights, and the hash that the block there has to have: how operators leave a branch together.
    pub fork_blocks: sc_client_api::ForkBlocks<Block>,
    /// Blocks that are not imported, whatever is said of them.
    pub bad_blocks: sc_client_api::BadBlocks<Block>,
    /// A finalised state that light clients may start from.
    pub light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// A chain spec of this network.
pub type ChainSpec = sc_service::GenericChainSpec<Extensions>;

/// The spec of this name, or the one in the file of this path.
pub fn load(id: &str) -> Result<ChainSpec, String> {
    match id {
        "" | "dev" => built_in("Phala Development", "phala_dev", ChainType::Development, presets::DEV),
        "local" => built_in("Phala Local", "phala_local", ChainType::Local, presets::LOCAL),
        "testnet" => built_in("Phala Testnet", "phala_testnet", ChainType::Live, presets::TESTNET),
        "mainnet" => built_in("Phala", "phala", ChainType::Live, presets::MAINNET),
        path if std::path::Path::new(path).is_file() => {
            ChainSpec::from_json_file(path.into()).map_err(|error| format!("chain spec {path}: {error}"))
        }
        unknown => Err(format!(
            "no chain spec '{unknown}': give dev, local, testnet, mainnet, or the path of a file made with \
             `phala-node export-chain-spec`"
        )),
    }
}

fn built_in(name: &str, id: &str, kind: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let wasm = WASM_BINARY.ok_or(
        "this binary was built with SKIP_WASM_BUILD and has no runtime: build it without, or give --chain a raw chain spec",
    )?;
    // as this binary has it: to ask the Wasm for its preset would compile the runtime, which takes seconds
    let preset = presets::get(&preset.into()).ok_or_else(|| format!("the runtime has no preset '{preset}'"))?;
    let patch = serde_json::from_slice(&preset).map_err(|error| format!("the runtime's preset: {error}"))?;
    Ok(ChainSpec::builder(wasm, Extensions::default())
        .with_name(name)
        .with_id(id)
        .with_chain_type(kind)
        .with_properties(properties())
        .with_genesis_config_patch(patch)
        .build())
}

/// What wallets show.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "PHA".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties.insert("ss58Format".into(), 30.into());
    properties
}
