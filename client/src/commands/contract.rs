//! `phala contract`.

mod call;
mod component;
mod deploy;
mod message;
mod owner;
mod payload;
mod query;
mod receipt;
mod terminate;
mod terms;
mod upgrade;
mod upload;
mod withdraw;

use std::path::PathBuf;

use clap::Subcommand;
use phala_client::{Because as _, Failure, Fault, Node, Result};
use phala_contract_build::{Schema, schema_of};
use phala_primitives::{
    AccountId, ClusterId, CodeHash, ContractId,
    contract::{CodeEntry, ContractEntry, ContractEntryV1, ContractStatus},
    storage_key,
};
use serde_json::{Value, json};

use super::{Common, parse_pha, parse32, pha};
use crate::output::{self, Progress};

/// Commands about contracts.
#[derive(Subcommand)]
pub enum Command {
    /// Make a new project: a price oracle to begin with.
    #[command(after_help = "Examples:
  phala contract new my-oracle && cd my-oracle && cargo test")]
    New {
        /// Its name, and that of its folder.
        name: String,
    },
    /// Build a project to a component, target/<name>.wasm, and print its code hash.
    #[command(after_help = "Examples:
  phala contract build
  phala contract build ../my-oracle --json")]
    Build {
        /// The project's folder.
        #[arg(default_value = ".")]
        project: PathBuf,
    },
    /// Upload a component unless it is there, and make a contract of it. What would fail is refused before anything is paid.
    #[command(after_help = "Examples:
  phala contract deploy target/my_oracle.wasm --init '{\"owner\":\"//Alice\",\"source\":\"https://feed.example/{pair}\"}'
  phala contract deploy target/my_oracle.wasm --cluster 3 --deposit 5 --gas 200000000 --timeout 300")]
    Deploy(deploy::Arguments),
    /// Ask a contract. The answer is checked against the chain.
    #[command(after_help = "Examples:
  phala contract query 0x… price '{\"pair\":\"BTC/USD\"}' --save answer.json
  phala contract query 0x… price '{\"pair\":\"BTC/USD\"}' --assurance hardware --max-age 5
  phala contract query 0x… prices --anonymous --worker 0x…")]
    Query(query::Arguments),
    /// Send a contract a command: sealed, ordered by the chain, executed by the cluster. Waits for its receipt.
    #[command(after_help = "Examples:
  phala contract call 0x… set '{\"pair\":\"BTC/USD\",\"price\":{\"units\":6700012,\"decimals\":2}}'
  phala contract call 0x… deposit --value 2.5 --plain --timeout 300")]
    Call(call::Arguments),
    /// Give a contract of yours new code, which takes over what the contract has stored. Waits for the receipt.
    #[command(after_help = "Examples:
  phala contract upgrade 0x… target/my_oracle.wasm
  phala contract upgrade 0x… target/my_oracle.wasm --args '{\"source\":\"https://feed.example/v2/{pair}\"}'")]
    Upgrade(upgrade::Arguments),
    /// End a contract of yours: what it has stored is erased, its deposit and what it owns return to you.
    #[command(after_help = "Examples:
  phala contract terminate 0x…")]
    Terminate(terminate::Terminate),
    /// Move something of what a contract of yours owns to you.
    #[command(after_help = "Examples:
  phala contract withdraw 0x… 2.5")]
    Withdraw(withdraw::Arguments),
    /// Show the receipt of a message: for the account that has sent it, or for everybody if it was not sealed.
    #[command(after_help = "Examples:
  phala contract receipt 0 17
  phala contract receipt 0x… 17 --json")]
    Receipt(receipt::Arguments),
    /// Get back the gas of a message that has no receipt within its cluster's time-out. Anybody may ask; it returns to the sender.
    #[command(after_help = "Examples:
  phala contract refund 0 17")]
    Refund(terminate::Refund),
    /// Show the lines that a contract has written. For its owner.
    #[command(after_help = "Examples:
  phala contract logs 0x…
  phala contract logs 0x… --from 100")]
    Logs {
        /// The contract.
        #[arg(value_parser = parse32)]
        contract: [u8; 32],
        /// The first line wanted.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Show a contract, read by proof.
    #[command(after_help = "Examples:
  phala contract show 0x… --json")]
    Show {
        /// The contract.
        #[arg(value_parser = parse32)]
        contract: [u8; 32],
    },
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    match command {
        Command::New { name } => new(common, &name),
        Command::Build { project } => build(common, project).await,
        Command::Deploy(arguments) => deploy::run(common, arguments).await,
        Command::Query(arguments) => query::run(common, arguments).await,
        Command::Call(arguments) => call::run(common, arguments).await,
        Command::Upgrade(arguments) => upgrade::run(common, arguments).await,
        Command::Withdraw(arguments) => withdraw::run(common, arguments).await,
        Command::Terminate(arguments) => terminate::terminate(common, arguments).await,
        Command::Receipt(arguments) => receipt::run(common, arguments).await,
        Command::Refund(arguments) => terminate::refund(common, arguments).await,
        Command::Logs { contract, from } => query::logs(common, ContractId(contract), from).await,
        Command::Show { contract } => show(common, ContractId(contract)).await,
    }
}

fn new(common: &Common, name: &str) -> Result<()> {
    let folder = PathBuf::from(name);
    phala_contract_build::new_project(&folder, name).map_err(|error| Failure::user(format!("{error:#}")))?;
    if common.json {
        output::result(true, &json!({ "name": name, "folder": folder.display().to_string() }));
    } else {
        println!(
            "made {name}/. Next:\n  cd {name}\n  cargo test              # its unit tests, natively\n  phala contract build"
        );
    }
    Ok(())
}

async fn build(common: &Common, project: PathBuf) -> Result<()> {
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

async fn show(common: &Common, id: ContractId) -> Result<()> {
    let network = common.network()?;
    let node = common.node(&network).await?;
    let entry = entry(&node, id).await?;
    let schema = schema(&node, &entry).await?;
    let methods = schema.map(|schema| {
        schema
            .methods
            .into_iter()
            .map(|m| json!({ "name": m.name, "mode": m.mode, "args": m.args }))
            .collect::<Vec<_>>()
    });
    let upgrades =
        entry.upgrades.iter().map(|waiting| json!({ "message": waiting.index, "code": waiting.code.to_string() }));
    let upgrades: Vec<_> = upgrades.collect();
    output::result(
        common.json,
        &json!({
            "contract": id.to_string(), "cluster": entry.cluster.0, "owner": entry.owner.to_string(), "code": entry.code.to_string(),
            "upgrades": upgrades, "status": entry.status, "deposit": pha(entry.deposit), "balance": pha(entry.balance),
            "methods": methods,
        }),
    );
    Ok(())
}

/// A contract's entry, by proof.
async fn entry(node: &Node, contract: ContractId) -> Result<ContractEntryV1> {
    let entry: Option<ContractEntry> = node.get(storage_key::contract(contract)).await?;
    let entry =
        entry.ok_or_else(|| Fault::NoSuchContract.because(format!("there is no contract {contract} on this chain")))?;
    Ok(entry.latest().clone())
}

/// The same of a contract that takes commands.
async fn live(node: &Node, contract: ContractId) -> Result<ContractEntryV1> {
    let entry = entry(node, contract).await?;
    match entry.status {
        ContractStatus::Live => Ok(entry),
        ContractStatus::Pending => {
            Err(Fault::NotYet.because(format!("contract {contract} is not ready: its constructor has not been reported yet")))
        }
        ContractStatus::Failed => Err(Fault::Ended.because(format!(
            "the constructor of contract {contract} has failed: it takes no commands. `phala contract terminate {contract}` returns its deposit"
        ))),
        ContractStatus::Terminating => {
            Err(Fault::Ended.because(format!("contract {contract} is ending: it takes no more commands")))
        }
    }
}

/// Refuses what only a contract's owner may do.
fn owned(entry: &ContractEntryV1, contract: ContractId, account: AccountId) -> Result<()> {
    if entry.owner == account {
        return Ok(());
    }
    Err(Fault::NotPermitted.because(format!(
        "contract {contract} is owned by {}, not by {account}: sign with its owner's account",
        entry.owner
    )))
}

/// The schema of a contract's code; none if the code has none.
async fn schema(node: &Node, entry: &ContractEntryV1) -> Result<Option<Schema>> {
    match uploaded(node, entry.cluster, entry.code).await? {
        Some(component) => Ok(schema_of(&component)?),
        None => Ok(None),
    }
}

/// Code that was uploaded, fetched from the node and checked by its hash; none if it was not.
async fn uploaded(node: &Node, cluster: ClusterId, code: CodeHash) -> Result<Option<Vec<u8>>> {
    let known: Option<CodeEntry> = node.get(storage_key::code(cluster, code)).await?;
    let Some(known) = known else { return Ok(None) };
    let known = known.latest();
    let mut packed = Vec::new();
    for chunk in &known.chunks {
        packed.extend(node.code_chunk(cluster, code, chunk).await?);
    }
    let size = usize::try_from(known.size).map_err(Failure::user)?;
    let component = zstd::bulk::decompress(&packed, size).ok();
    let component = component.filter(|component| sp_crypto_hashing::blake2_256(component) == code.0);
    component.map(Some).ok_or_else(|| {
        Failure::untrue(format!(
            "what was uploaded to cluster {cluster} as the code {code} is something else: no worker runs it"
        ))
    })
}

/// JSON arguments from the command line.
fn arguments(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Arguments.because(format!("the arguments are no JSON ({error}): '{text}'")))
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
