//! `phala worker`.

use clap::Subcommand;
use codec::Decode as _;
use phala_client::{Because as _, Failure, Fault, Node, Result, answer::word};
use phala_extrinsics::Call;
use phala_primitives::{
    AccountId, WorkerId, storage_key,
    worker::{Endpoint, MAX_ENDPOINT, WorkerEntry, WorkerEntryV1},
};
use serde_json::json;

use super::{Common, parse32};
use crate::output;

/// Entries that are listed at most.
const MOST: u32 = 1_000;

/// Commands about workers.
#[derive(Subcommand)]
pub enum Command {
    /// List registered workers, each read by proof.
    #[command(after_help = "Examples:
  phala worker list
  phala worker list --json")]
    List,
    /// Say where a worker is reached. Signed by its operator.
    #[command(after_help = "Examples:
  phala worker set-endpoint 0x… https://worker.example:8300
  phala worker set-endpoint 0x… --none")]
    SetEndpoint {
        /// The worker's id.
        #[arg(value_parser = parse32)]
        worker: [u8; 32],
        /// The URL of its HTTP API.
        #[arg(value_name = "URL", required_unless_present = "none", conflicts_with = "none")]
        endpoint: Option<String>,
        /// Nowhere: clients are not to ask it.
        #[arg(long)]
        none: bool,
    },
    /// End a worker's registration; its deposit returns. Signed by its operator. A member of a cluster leaves it first: `phala cluster
    /// remove-member`.
    #[command(after_help = "Examples:
  phala worker deregister 0x…")]
    Deregister {
        /// The worker's id.
        #[arg(value_parser = parse32)]
        worker: [u8; 32],
    },
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    match command {
        Command::List => list(common).await,
        Command::SetEndpoint { worker, endpoint, none } => {
            let (worker, endpoint) = (WorkerId(worker), endpoint.filter(|_| !none));
            let call = Call::set_endpoint(worker, endpoint.as_deref().map(taken).transpose()?);
            change(common, worker, &call).await?;
            output::result(common.json, &json!({ "worker": worker.to_string(), "endpoint": endpoint }));
            Ok(())
        }
        Command::Deregister { worker } => {
            let worker = WorkerId(worker);
            change(common, worker, &Call::deregister(worker)).await?;
            output::result(common.json, &json!({ "worker": worker.to_string(), "registered": false }));
            Ok(())
        }
    }
}

async fn list(common: &Common) -> Result<()> {
    let network = common.network()?;
    let node = common.node(&network).await?;
    let any = storage_key::worker(WorkerId([0; 32]));
    // pallet, item; then 16 bytes of hash and the id
    let prefix = any.get(..32).unwrap_or_default();
    let mut rows = Vec::new();
    for key in node.unproven_keys(prefix, MOST).await? {
        let Some(Ok(id)) = key.get(48..).map(|mut id| WorkerId::decode(&mut id)) else { continue };
        let Some(WorkerEntry::V1(entry)) = node.get(storage_key::worker(id)).await? else {
            return Err(Fault::NodeUntrue.because(format!("the node lists worker {id}, which is not registered")));
        };
        let endpoint = entry.endpoint.map(|url| String::from_utf8_lossy(&url).into_owned());
        rows.push(json!({
            "worker": id.to_string(), "boot": entry.boot_count, "assurance": word(entry.claims.assurance),
            "tcb": entry.claims.tcb, "endpoint": endpoint, "operator": entry.operator.to_string(),
            "registeredAt": entry.registered_at,
        }));
    }
    output::table(common.json, &["worker", "boot", "assurance", "tcb", "endpoint"], &rows);
    Ok(())
}

/// Submits what a worker's operator alone may do, if the account is that operator.
async fn change(common: &Common, worker: WorkerId, call: &Call) -> Result<()> {
    let signer = common.required_signer()?;
    let network = common.network()?;
    operated(&common.node(&network).await?, worker, signer.account()).await?;
    common.submit(&network, &signer, call).await?;
    Ok(())
}

async fn operated(node: &Node, worker: WorkerId, account: AccountId) -> Result<()> {
    let entry: Option<WorkerEntry> = node.get(storage_key::worker(worker)).await?;
    let entry = entry.ok_or_else(|| {
        Fault::NoSuchWorker
            .because(format!("worker {worker} is not registered: `phala worker list` lists those that are"))
    })?;
    let WorkerEntryV1 { operator, .. } = entry.latest();
    if *operator == account {
        return Ok(());
    }
    Err(Fault::NotPermitted
        .because(format!("worker {worker} is run by {operator}, not by {account}: sign with its operator's account")))
}

/// An endpoint as the chain takes it.
fn taken(url: &str) -> Result<Endpoint> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if !host.is_some_and(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Failure::user(format!("'{url}' is no URL of a worker: expected https:// or http://, and a host")));
    }
    Endpoint::try_from(url.as_bytes().to_vec())
        .map_err(|_| Failure::user(format!("'{url}' is longer than the {MAX_ENDPOINT} bytes that an endpoint has")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_those_that_the_chain_takes() {
        for url in ["https://worker.example:8300", "http://127.0.0.1:8300/api"] {
            assert_eq!(taken(url).unwrap().to_vec(), url.as_bytes());
        }
        let long = format!("https://{}", "x".repeat(256));
        for wrong in ["", "https://", "worker.example", "ftp://worker.example", "http://two words", long.as_str()] {
            assert!(taken(wrong).is_err(), "{wrong}");
        }
    }
}
