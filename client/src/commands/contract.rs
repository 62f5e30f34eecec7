//! `phala contract`.

mod call;
mod deploy;
mod query;

use std::path::PathBuf;

use clap::Subcommand;
use phala_client::{Failure, Node, Result};
use phala_contract_build::{Schema, schema_of};
use phala_primitives::{
    CodeHash, ContractId,
    contract::{CodeEntry, ContractEntry, ContractEntryV1},
    storage_key,
};
use serde_json::{Value, json};

use super::{Common, parse_pha, parse32, pha};
use crate::output::{self, Progress};

/// Commands about contracts.
#[derive(Subcommand)]
pub enum Command {
    /// Make a new project: a price oracle to begin with.
    New {
        /// Its name, and that of its folder.
        name: String,
    },
    /// Build a project to a component, target/<name>.wasm, and print its code hash.
    Build {
        /// The project's folder.
        #[arg(default_value = ".")]
        project: PathBuf,
    },
    /// Upload a component unless it is there, and make a contract of it.
    Deploy(deploy::Arguments),
    /// Ask a contract. The answer is checked against the chain.
    Query(query::Arguments),
    /// Send a contract a command: sealed, ordered by the chain, executed by the cluster. Waits for its receipt.
    Call(call::Arguments),
    /// Show the lines that a contract has written. For its owner.
    Logs {
        /// The contract.
        #[arg(value_parser = parse32)]
        contract: [u8; 32],
        /// The first line wanted.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Show a contract, read by proof.
    Show {
        /// The contract.
        #[arg(value_parser = parse32)]
        contract: [u8; 32],
    },
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    match command {
        Command::New { name } => {
            let folder = PathBuf::from(&name);
            phala_contract_build::new_project(&folder, &name).map_err(|error| Failure::user(format!("{error:#}")))?;
            if !common.json {
                println!(
                    "made {name}/. Next:\n  cd {name}\n  cargo test              # its unit tests, natively\n  phala contract build"
                );
            }
            Ok(())
        }
        Command::Build { project } => {
            let progress = Progress::new("building");
            let work = move || phala_contract_build::build(&project, &mut |line| progress.now(line));
            let built = tokio::task::spawn_blocking(work).await.map_err(Failure::retry)?;
            let built = built.map_err(|error| Failure::user(format!("{error:#}")))?;
            output::result(
                common.json,
                &json!({
                    "code": CodeHash(built.code_hash).to_string(), "file": built.path.display().to_string(), "bytes": built.bytes,
                    "methods": built.schema.methods.iter().map(|method| method.name.clone()).collect::<Vec<_>>(),
                }),
            );
            Ok(())
        }
        Command::Deploy(arguments) => deploy::run(common, arguments).await,
        Command::Query(arguments) => query::run(common, arguments).await,
        Command::Call(arguments) => call::run(common, arguments).await,
        Command::Logs { contract, from } => query::logs(common, ContractId(contract), from).await,
        Command::Show { contract } => {
            let network = common.network()?;
            let node = common.node(&network).await?;
            let id = ContractId(contract);
            let entry = entry(&node, id).await?;
            let schema = schema(&node, &entry).await?;
            let methods = schema.map(|schema| {
                schema
                    .methods
                    .into_iter()
                    .map(|m| json!({ "name": m.name, "mode": m.mode, "args": m.args }))
                    .collect::<Vec<_>>()
            });
            output::result(
                common.json,
                &json!({
                    "contract": id.to_string(), "cluster": entry.cluster.0, "owner": entry.owner.to_string(), "code": entry.code.to_string(),
                    "status": entry.status, "deposit": pha(entry.deposit), "balance": pha(entry.balance), "methods": methods,
                }),
            );
            Ok(())
        }
    }
}

/// A contract's entry, by proof.
async fn entry(node: &Node, contract: ContractId) -> Result<ContractEntryV1> {
    let entry: Option<ContractEntry> = node.get(storage_key::contract(contract)).await?;
    let entry = entry.ok_or_else(|| Failure::user(format!("there is no contract {contract} on this chain")))?;
    Ok(entry.latest().clone())
}

/// The schema of a contract's code, fetched from the node and checked by its hash; none if the code has none.
async fn schema(node: &Node, entry: &ContractEntryV1) -> Result<Option<Schema>> {
    let code: Option<CodeEntry> = node.get(storage_key::code(entry.cluster, entry.code)).await?;
    let Some(code) = code else { return Ok(None) };
    let code = code.latest();
    let mut packed = Vec::new();
    for chunk in &code.chunks {
        packed.extend(node.code_chunk(entry.cluster, entry.code, chunk).await?);
    }
    let size = usize::try_from(code.size).map_err(Failure::user)?;
    let component =
        zstd::bulk::decompress(&packed, size).map_err(|_| Failure::untrue("the code on the chain is damaged"))?;
    if sp_crypto_hashing::blake2_256(&component) != entry.code.0 {
        return Err(Failure::untrue("the code on the chain is not what its hash says"));
    }
    Ok(schema_of(&component)?)
}

/// JSON arguments from the command line.
fn arguments(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Failure::user(format!("the arguments are no JSON ({error}): '{text}'")))
}

/// Bytes that a contract has returned, as JSON if they are.
pub fn shown(output: &[u8]) -> Value {
    serde_json::from_slice(output).unwrap_or_else(|_| match std::str::from_utf8(output) {
        Ok(text) => text.into(),
        Err(_) => format!("0x{}", hex::encode(output)).into(),
    })
}

/// PHA, for clap.
fn amount(text: &str) -> std::result::Result<u128, String> {
    parse_pha(text)
}
