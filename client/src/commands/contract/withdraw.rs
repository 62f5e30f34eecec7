//! `phala contract withdraw`.

use clap::Args;
use phala_client::{Failure, Result};
use phala_extrinsics::Call;
use phala_primitives::ContractId;
use serde_json::json;

use super::{
    Common, Progress, entry,
    message::{self, Patience, Sent},
    output, owned, parse_pha, parse32, pha,
    terms::Terms,
};

/// Arguments of `phala contract withdraw`.
#[derive(Args)]
pub struct Arguments {
    /// The contract.
    #[arg(value_parser = parse32)]
    contract: [u8; 32],
    /// How much, in PHA.
    #[arg(value_parser = parse_pha)]
    amount: u128,
    #[command(flatten)]
    patience: Patience,
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let signer = common.required_signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let contract = ContractId(options.contract);
    let before = entry(&node, contract).await?;
    owned(&before, contract, signer.account())?;
    if before.balance < options.amount {
        return Err(Failure::user(format!(
            "contract {contract} owns {}, less than {}",
            pha(before.balance),
            pha(options.amount)
        )));
    }
    Terms::of(&node, before.cluster).await?;

    let chain = common.chain(&network).await?;
    progress.now("waiting for finality");
    let deadline = options.patience.begin();
    let call = Call::withdraw(contract, options.amount);
    let sent = Sent::by(&message::submit(&chain, &signer, &call, &deadline).await?)?;
    progress.now("waiting for the cluster's report");
    message::settled(&mut node, &sent, &deadline).await?;
    let after = entry(&node, contract).await?;
    drop(progress);
    output::result(
        common.json,
        &json!({ "contract": contract.to_string(), "message": sent.index, "balance": pha(after.balance) }),
    );
    Ok(())
}
