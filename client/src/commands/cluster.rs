//! `phala cluster`.

use clap::Subcommand;
use phala_client::{Failure, Result};
use phala_extrinsics::Call;
use phala_primitives::{
    ClusterId, LogHead, WorkerId,
    cluster::{ClusterEntry, Members},
    report::Reported,
    storage_key,
};
use serde_json::json;

use super::{Common, parse32, pha};
use crate::output::{self, Progress};

/// Commands about clusters.
#[derive(Subcommand)]
pub enum Command {
    /// Show a cluster: its configuration, members and log.
    Show {
        /// Its number.
        cluster: u32,
    },
    /// Take a worker into a cluster. Signed by the cluster's owner; the worker's operator must have offered it, which workers do by themselves.
    AddMember {
        /// The cluster's number.
        cluster: u32,
        /// The worker's id.
        #[arg(value_parser = parse32)]
        worker: [u8; 32],
    },
}

/// Runs them.
pub async fn run(common: &Common, command: Command) -> Result<()> {
    let network = common.network()?;
    match command {
        Command::Show { cluster } => {
            let id = ClusterId(cluster);
            let node = common.node(&network).await?;
            let entry: ClusterEntry = node
                .get(storage_key::cluster(id))
                .await?
                .ok_or_else(|| Failure::user(format!("there is no cluster {cluster}")))?;
            let entry = entry.latest().clone();
            let members: Members = node.get(storage_key::members(id)).await?.unwrap_or_default();
            let head: Option<LogHead> = node.get(storage_key::log_head(id)).await?;
            let reported: Option<Reported> = node.get(storage_key::reported(id)).await?;
            let config = entry.config.latest();
            output::result(
                common.json,
                &json!({
                    "cluster": cluster, "owner": entry.owner.to_string(), "status": entry.status, "epoch": entry.epoch,
                    "keys": if entry.keys.is_some() { "drawn" } else { "none yet" },
                    "members": members.iter().map(ToString::to_string).collect::<Vec<_>>(), "quorum": config.quorum,
                    "gasPrice": format!("{} for a million gas", pha(config.gas_price)), "engineRevision": config.engine_revision,
                    "sealing": config.sealing, "messages": head.map(|head| head.next_index),
                    "reported": reported.map(|reported| reported.latest().boundary.index), "permission": config.permission,
                    "limits": config.limits,
                }),
            );
        }
        Command::AddMember { cluster, worker } => {
            let signer = common.required_signer()?;
            let chain = common.chain(&network).await?;
            let progress = Progress::new("waiting for finality");
            let call = Call::add_member(ClusterId(cluster), WorkerId(worker));
            chain.submit(&signer, &call).await?.finalized().await?;
            drop(progress);
            output::result(
                common.json,
                &json!({ "cluster": cluster, "worker": WorkerId(worker).to_string(), "member": true }),
            );
        }
    }
    Ok(())
}
