//! `phala worker`.

use clap::Subcommand;
use codec::Decode as _;
use phala_client::{Failure, Result, answer::word};
use phala_primitives::{WorkerId, storage_key, worker::WorkerEntry};
use serde_json::json;

use super::Common;
use crate::output;

/// Entries that are listed at most.
const MOST: u32 = 1_000;

/// Commands about workers.
#[derive(Subcommand)]
pub enum Command {
    /// List registered workers, each read by proof.
    List,
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    let Command::List = command;
    let network = common.network()?;
    let node = common.node(&network).await?;
    let any = storage_key::worker(WorkerId([0; 32]));
    // pallet, item; then 16 bytes of hash and the id
    let prefix = any.get(..32).unwrap_or_default();
    let mut rows = Vec::new();
    for key in node.unproven_keys(prefix, MOST).await? {
        let Some(Ok(id)) = key.get(48..).map(|mut id| WorkerId::decode(&mut id)) else { continue };
        let Some(WorkerEntry::V1(entry)) = node.get(storage_key::worker(id)).await? else {
            return Err(Failure::untrue(format!("the node lists worker {id}, which is not registered")));
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
