//! `phala contract terminate` and `refund`.

use clap::Args;
use phala_client::{Because as _, Failure, Fault, Result};
use phala_extrinsics::Call;
use phala_primitives::{
    ClusterId, ContractId,
    contract::{ContractEntry, ContractStatus},
    storage_key,
};
use serde_json::json;

use super::{
    Common, Progress,
    message::{self, Patience, Sent},
    output,
    owner::Owner,
    parse32, pha,
};

/// Arguments of `phala contract terminate`.
#[derive(Args)]
pub struct Terminate {
    /// The contract.
    #[arg(value_parser = parse32)]
    contract: [u8; 32],
    #[command(flatten)]
    patience: Patience,
}

/// Arguments of `phala contract refund`.
#[derive(Args)]
pub struct Refund {
    /// The cluster's number.
    cluster: u32,
    /// The message's index.
    index: u64,
    #[command(flatten)]
    patience: Patience,
}

/// Ends a contract.
pub async fn terminate(common: &Common, options: Terminate) -> Result<()> {
    let mut owner = Owner::of(common, ContractId(options.contract)).await?;
    let contract = owner.contract;
    if owner.before.status == ContractStatus::Terminating {
        return Err(Fault::NotYet
            .because(format!("contract {contract} is ending already: it is gone with the cluster's next report")));
    }
    let deadline = options.patience.begin();
    let included = owner.submit(common, &Call::terminate_contract(contract), &deadline).await?;
    // one whose constructor has failed goes at once, without a message
    if included.find::<ContractId>("Phat", "ContractClosed").is_none() {
        let sent = Sent::by(&included)?;
        owner.settled(&sent, &deadline).await?;
        let after: Option<ContractEntry> = owner.node.get(storage_key::contract(contract)).await?;
        if after.is_some() {
            return Err(Fault::NodeUntrue
                .because(format!("the chain has settled message {} and not ended the contract", sent.index)));
        }
    }
    drop(owner.progress);
    let (deposit, balance) = (pha(owner.before.deposit), pha(owner.before.balance));
    output::result(
        common.json,
        &json!({ "contract": contract.to_string(), "ended": true, "deposit": deposit, "balance": balance }),
    );
    Ok(())
}

/// Gives back the gas of a message that no worker has executed in time.
pub async fn refund(common: &Common, options: Refund) -> Result<()> {
    let signer = common.required_signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let node = common.node(&network).await?;
    let (cluster, index) = (ClusterId(options.cluster), options.index);
    if message::reported(&node, cluster).await? > index {
        return Err(Failure::user(format!(
            "message {index} of cluster {cluster} has its receipt, and with it its gas is settled: `phala contract receipt {cluster} {index}`"
        )));
    }
    let chain = common.chain(&network).await?;
    progress.now("waiting for finality");
    let call = Call::refund_expired(cluster, index);
    message::submit(&chain, &signer, &call, &options.patience.begin()).await?;
    drop(progress);
    output::result(common.json, &json!({ "cluster": options.cluster, "message": index, "gas": "returned" }));
    Ok(())
}
