//! `phala contract receipt`.

use clap::Args;
use phala_client::{Asker, Because as _, Fault, Node, Result};
use phala_primitives::{ClusterId, ContractId, LogHead, storage_key};

use super::{Common, Progress, entry, message, output, parse32};

/// Arguments of `phala contract receipt`.
#[derive(Args)]
pub struct Arguments {
    /// The cluster's number, or the id of a contract in it.
    #[arg(value_name = "CLUSTER|CONTRACT", value_parser = place)]
    place: Place,
    /// The message's index.
    index: u64,
}

/// In whose log a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Cluster(ClusterId),
    OfContract(ContractId),
}

fn place(text: &str) -> std::result::Result<Place, String> {
    let cluster = text.parse().map(|number| Place::Cluster(ClusterId(number)));
    let place = cluster.or_else(|_| parse32(text).map(|id| Place::OfContract(ContractId(id))));
    place.map_err(|_| "expected the number of a cluster, or the id of a contract: 0x and 64 hex digits".to_owned())
}

impl Place {
    async fn cluster(self, node: &Node) -> Result<ClusterId> {
        match self {
            Self::Cluster(cluster) => Ok(cluster),
            Self::OfContract(contract) => Ok(entry(node, contract).await?.cluster),
        }
    }
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let signer = common.signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let (cluster, index) = (options.place.cluster(&node).await?, options.index);
    let log: Option<LogHead> = node.get(storage_key::log_head(cluster)).await?;
    let messages =
        log.ok_or_else(|| Fault::NoSuchCluster.because(format!("there is no cluster {cluster}")))?.next_index;
    if index >= messages {
        return Err(Fault::NoSuchMessage.because(format!(
            "cluster {cluster} has {messages} messages, counted from 0, and none with index {index}"
        )));
    }
    let reported = message::reported(&node, cluster).await?;
    if reported <= index {
        return Err(Fault::NoReceipt.because(format!(
            "message {index} of cluster {cluster} has no receipt yet: the cluster has reported {reported} of {messages} messages. \
             `phala cluster show {cluster}` tells whether it has workers"
        )));
    }
    progress.now("fetching the receipt");
    let mut asker = Asker::open(&mut node, cluster, None, signer.as_ref()).await?;
    let view = message::receipt(&mut asker, &mut node, &network, index).await?;
    drop(progress);
    output::result(common.json, &message::described(&view));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_named_by_its_cluster_or_by_a_contract_in_it() {
        let id = "07".repeat(32);
        assert_eq!(place("0"), Ok(Place::Cluster(ClusterId(0))));
        assert_eq!(place(&format!("0x{id}")), Ok(Place::OfContract(ContractId([7; 32]))));
        // 64 digits are no number of a cluster, although all are digits
        assert_eq!(place(&id), Ok(Place::OfContract(ContractId([7; 32]))));
        for wrong in ["", "-1", "0x07", "oracle"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
