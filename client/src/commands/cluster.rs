//! `phala cluster`.

use std::{fs, path::PathBuf};

use clap::Subcommand;
use phala_client::{Because as _, Failure, Fault, Node, Result};
use phala_extrinsics::Call;
use phala_primitives::{
    AccountId, ClusterId, LogHead, WorkerId,
    cluster::{ClusterConfig, ClusterConfigV1, ClusterEntry, ClusterEntryV1, MAX_ROOT_BYTES, Members, RootCertificate},
    report::Reported,
    storage_key,
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::json;

use super::{Common, parse32, pha};
use crate::output;

/// Commands about clusters.
#[derive(Subcommand)]
pub enum Command {
    /// Show a cluster: its configuration, members and log.
    #[command(after_help = "Examples:
  phala cluster show 0")]
    Show {
        /// Its number.
        cluster: u32,
    },
    /// Print a cluster's configuration as JSON, to be changed and given to `create` or `configure`.
    #[command(after_help = "Examples:
  phala cluster config 0 > cluster.json")]
    Config {
        /// Its number.
        cluster: u32,
    },
    /// Found a cluster of your own. Holds a deposit.
    #[command(after_help = "Examples:
  phala cluster config 0 > cluster.json && phala cluster create cluster.json")]
    Create {
        /// Its configuration. `phala cluster config 0` prints one to begin with.
        file: PathBuf,
    },
    /// Configure a cluster, from this message of its log on. Signed by its owner.
    #[command(after_help = "Examples:
  phala cluster configure 3 --file cluster.json
  phala cluster configure 3 --add-root root.pem --quorum 2")]
    Configure {
        /// Its number.
        cluster: u32,
        /// The configuration. Default: the one that it has.
        #[arg(long)]
        file: Option<PathBuf>,
        /// A root certificate (PEM or DER) that contracts trust for HTTPS beside the public ones.
        #[arg(long, value_name = "FILE")]
        add_root: Vec<PathBuf>,
        /// Members that must agree on a report.
        #[arg(long)]
        quorum: Option<u16>,
        /// Blocks after which a message without a receipt gets its gas back.
        #[arg(long, value_name = "BLOCKS")]
        timeout: Option<u32>,
    },
    /// Take a worker into a cluster. Signed by the cluster's owner; the worker's operator must have offered it, which workers do by themselves.
    #[command(after_help = "Examples:
  phala cluster add-member 3 0x…")]
    AddMember {
        /// The cluster's number.
        cluster: u32,
        /// The worker's id.
        #[arg(value_parser = parse32)]
        worker: [u8; 32],
    },
    /// Take a worker out of a cluster. Signed by the cluster's owner or the worker's operator.
    #[command(after_help = "Examples:
  phala cluster remove-member 3 0x…")]
    RemoveMember {
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
            let entry = entry(&node, id).await?;
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
                    "limits": config.limits, "http": {
                        "allowHttp": config.http.allow_http, "allowLoopback": config.http.allow_loopback,
                        "extraRoots": config.http.extra_roots.len(),
                    },
                }),
            );
        }
        Command::Config { cluster } => {
            let node = common.node(&network).await?;
            let entry = entry(&node, ClusterId(cluster)).await?;
            let text = serde_json::to_string_pretty(entry.config.latest()).map_err(Failure::operator)?;
            println!("{text}");
        }
        Command::Create { file } => {
            let config = read(&file)?;
            let included = common
                .submit(&network, &common.required_signer()?, &Call::create_cluster(ClusterConfig::V1(config)))
                .await?;
            let (cluster, _): (ClusterId, AccountId) = included.find("Phat", "ClusterCreated").ok_or_else(|| {
                Fault::NodeUntrue.because("the node does not show the cluster that the transaction has founded")
            })?;
            output::result(common.json, &json!({ "cluster": cluster.0 }));
        }
        Command::Configure { cluster, file, add_root, quorum, timeout } => {
            let id = ClusterId(cluster);
            let mut config = match file {
                Some(file) => read(&file)?,
                None => entry(&common.node(&network).await?, id).await?.config.latest().clone(),
            };
            for file in add_root {
                let added = config.http.extra_roots.try_push(root(&file)?);
                added.map_err(|_| Fault::OverLimit.because("a cluster cannot add more root certificates"))?;
            }
            config.quorum = quorum.unwrap_or(config.quorum);
            config.limits.timeout_blocks = timeout.unwrap_or(config.limits.timeout_blocks);
            common
                .submit(&network, &common.required_signer()?, &Call::configure_cluster(id, ClusterConfig::V1(config)))
                .await?;
            output::result(common.json, &json!({ "cluster": cluster, "configured": true }));
        }
        Command::AddMember { cluster, worker } => {
            let worker = WorkerId(worker);
            common.submit(&network, &common.required_signer()?, &Call::add_member(ClusterId(cluster), worker)).await?;
            output::result(common.json, &json!({ "cluster": cluster, "worker": worker.to_string(), "member": true }));
        }
        Command::RemoveMember { cluster, worker } => {
            let worker = WorkerId(worker);
            common
                .submit(&network, &common.required_signer()?, &Call::remove_member(ClusterId(cluster), worker))
                .await?;
            output::result(common.json, &json!({ "cluster": cluster, "worker": worker.to_string(), "member": false }));
        }
    }
    Ok(())
}

/// A cluster's entry, by proof.
async fn entry(node: &Node, cluster: ClusterId) -> Result<ClusterEntryV1> {
    let entry: Option<ClusterEntry> = node.get(storage_key::cluster(cluster)).await?;
    let entry = entry.ok_or_else(|| Fault::NoSuchCluster.because(format!("there is no cluster {cluster}")))?;
    Ok(entry.latest().clone())
}

fn read(file: &PathBuf) -> Result<ClusterConfigV1> {
    let text = fs::read_to_string(file).map_err(|error| Fault::File.because(format!("{}: {error}", file.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        Fault::File.because(format!(
            "{}: {error}. `phala cluster config` prints a configuration to begin with",
            file.display()
        ))
    })
}

/// A certificate, from PEM or DER.
fn root(file: &PathBuf) -> Result<RootCertificate> {
    let bytes = fs::read(file).map_err(|error| Fault::File.because(format!("{}: {error}", file.display())))?;
    let der = if bytes.starts_with(b"-----BEGIN") {
        let certificate = CertificateDer::from_pem_slice(&bytes);
        certificate.map_err(|error| Fault::File.because(format!("{}: {error}", file.display())))?.to_vec()
    } else {
        bytes
    };
    der.try_into().map_err(|der: Vec<u8>| {
        Fault::File.because(format!("{}: {} bytes, a root has at most {MAX_ROOT_BYTES}", file.display(), der.len()))
    })
}
