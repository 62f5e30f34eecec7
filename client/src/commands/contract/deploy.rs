//! `phala contract deploy`.

use std::path::PathBuf;

use clap::Args;
use phala_client::{Asker, Because as _, Fault, Result};
use phala_contract_build::{Mode, schema_of};
use phala_extrinsics::Call;
use phala_primitives::{
    ClusterId,
    contract::{ContractEntry, ContractStatus},
    message::Balance,
    storage_key,
};
use serde_json::json;

use super::{
    Common, Progress, amount, arguments, component,
    message::{self, Patience, Sent},
    output, payload,
    terms::{Terms, affordable},
    upload::Upload,
};

/// Arguments of `phala contract deploy`.
#[derive(Args)]
pub struct Arguments {
    /// The component that `phala contract build` has made.
    file: PathBuf,
    /// The cluster's number.
    #[arg(long, default_value_t = 0)]
    cluster: u32,
    /// Arguments of the constructor: a JSON object. Everybody can read them.
    #[arg(long, default_value = "{}")]
    init: String,
    /// What is put down for storage, in PHA.
    #[arg(long, default_value = "1", value_parser = amount)]
    deposit: Balance,
    /// What the contract owns at first, in PHA.
    #[arg(long, default_value = "0", value_parser = amount)]
    value: Balance,
    /// Gas for the constructor. Default: the cluster's limit; what is not used comes back.
    #[arg(long)]
    gas: Option<u64>,
    #[command(flatten)]
    patience: Patience,
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    // whatever can be found out for nothing comes first: the file, the cluster, the code, the account
    let component = component::read(&options.file)?;
    let args = arguments(&options.init)?;
    if let Some(schema) = schema_of(&component)? {
        schema.check(Mode::Init, "init", &args)?;
    }
    let signer = common.required_signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let cluster = ClusterId(options.cluster);
    let terms = Terms::of(&node, cluster).await?;
    terms.admit(signer.account())?;
    terms.take_code(component.len())?;
    let gas = terms.gas(options.gas)?;
    let payload = payload::plain(&terms, args.to_string().into_bytes())?;
    progress.now("checking the component");
    component::check(&component, terms.entry.config.latest())?;
    let upload = Upload::prepare(&node, cluster, &component, signer.account()).await?;
    let parts = [
        ("gas", terms.gas_price(gas)),
        ("deposit", options.deposit),
        ("value", options.value),
        ("deposit for code", terms.code_deposit(upload.unpaid_bytes()?)),
    ];
    affordable(&node, signer.account(), &parts).await?;

    let chain = common.chain(&network).await?;
    progress.now("uploading the code");
    upload.run(&mut node, &chain, &signer, options.patience).await?;
    progress.now("waiting for finality");
    let (code, deadline) = (upload.code(), options.patience.begin());
    let call = Call::instantiate(cluster, code, payload, gas, options.value, options.deposit);
    let sent = Sent::by(&message::submit(&chain, &signer, &call, &deadline).await?)?;
    let contract = sent.contract.ok_or_else(|| Fault::NodeUntrue.because("the chain did not say which contract"))?;
    progress.now("waiting for the cluster to run its constructor");
    message::settled(&mut node, &sent, &deadline).await?;
    let entry: Option<ContractEntry> = node.get(storage_key::contract(contract)).await?;
    match entry.map(|entry| entry.latest().status) {
        Some(ContractStatus::Failed) => {
            let mut asker = Asker::open(&mut node, cluster, None, Some(&signer)).await?;
            let view = message::receipt(&mut asker, &mut node, &network, sent.index).await?;
            let text = format!(
                "the constructor failed: {} (message {}). `phala contract terminate {contract}` returns the deposit",
                message::reason(&view),
                sent.index
            );
            return Err(message::no_effect(&view, text));
        }
        Some(ContractStatus::Live | ContractStatus::Terminating) => {}
        Some(ContractStatus::Pending) | None => {
            return Err(Fault::NodeUntrue
                .because(format!("the chain has settled message {} and made no contract of it", sent.index)));
        }
    }
    drop(progress);
    output::result(
        common.json,
        &json!({
            "contract": contract.to_string(), "code": code.to_string(), "cluster": options.cluster, "message": sent.index,
        }),
    );
    Ok(())
}
