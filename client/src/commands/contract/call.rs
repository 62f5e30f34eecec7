//! `phala contract call`.

use clap::Args;
use phala_client::{Asker, Result};
use phala_contract_build::Mode;
use phala_extrinsics::Call;
use phala_primitives::{ContractId, message::Balance};
use serde_json::json;

use super::{
    Common, Progress, amount, arguments, live,
    message::{self, Patience, Sent},
    output, parse32, payload, schema,
    terms::{Terms, affordable},
};

/// Arguments of `phala contract call`.
#[derive(Args)]
pub struct Arguments {
    /// The contract.
    #[arg(value_parser = parse32)]
    contract: [u8; 32],
    /// The method.
    method: String,
    /// Its arguments: a JSON object.
    #[arg(default_value = "{}")]
    args: String,
    /// What the contract gets if the command succeeds, in PHA.
    #[arg(long, default_value = "0", value_parser = amount)]
    value: Balance,
    /// Gas that is paid for. Default: the cluster's limit; what is not used comes back.
    #[arg(long)]
    gas: Option<u64>,
    /// Do not seal it: everybody can read it.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let args = arguments(&options.args)?;
    let signer = common.required_signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let contract = ContractId(options.contract);
    let entry = live(&node, contract).await?;
    if let Some(schema) = schema(&node, &entry).await? {
        schema.check(Mode::Command, &options.method, &args)?;
    }
    let terms = Terms::of(&node, entry.cluster).await?;
    let gas = terms.gas(options.gas)?;
    let input = json!({ "method": options.method, "args": args }).to_string().into_bytes();
    let payload = if options.plain {
        payload::plain(&terms, input)?
    } else {
        payload::sealed(&node, &network, &terms, (contract, signer.account()), &input).await?
    };
    affordable(&node, signer.account(), &[("gas", terms.gas_price(gas)), ("value", options.value)]).await?;

    let chain = common.chain(&network).await?;
    progress.now("waiting for finality");
    let deadline = options.patience.begin();
    let call = Call::command(contract, payload, gas, options.value);
    let sent = Sent::by(&message::submit(&chain, &signer, &call, &deadline).await?)?;
    progress.now("waiting for the cluster's report");
    message::settled(&mut node, &sent, &deadline).await?;
    progress.now("fetching the receipt");
    let mut asker = Asker::open(&mut node, entry.cluster, None, Some(&signer)).await?;
    let view = message::receipt(&mut asker, &mut node, &network, sent.index).await?;
    drop(progress);
    if !view.receipt.status.is_success() {
        let text = format!("the command had no effect: {} (message {})", message::reason(&view), sent.index);
        return Err(message::no_effect(&view, text));
    }
    output::result(common.json, &message::described(&view));
    Ok(())
}
