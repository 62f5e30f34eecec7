//! `phala contract withdraw`.

use clap::Args;
use phala_client::{Because as _, Fault, Result};
use phala_extrinsics::Call;
use phala_primitives::ContractId;
use serde_json::json;

use super::{
    Common, entry,
    message::{Patience, Sent},
    output,
    owner::Owner,
    parse_pha, parse32, pha,
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
    let mut owner = Owner::of(common, ContractId(options.contract)).await?;
    let (contract, balance) = (owner.contract, owner.before.balance);
    if balance < options.amount {
        return Err(Fault::NotEnoughFunds.because(format!(
            "contract {contract} owns {}, less than {}",
            pha(balance),
            pha(options.amount)
        )));
    }
    let deadline = options.patience.begin();
    let call = Call::withdraw(contract, options.amount);
    let sent = Sent::by(&owner.submit(common, &call, &deadline).await?)?;
    owner.settled(&sent, &deadline).await?;
    let after = entry(&owner.node, contract).await?;
    drop(owner);
    output::result(
        common.json,
        &json!({ "contract": contract.to_string(), "message": sent.index, "balance": pha(after.balance) }),
    );
    Ok(())
}
