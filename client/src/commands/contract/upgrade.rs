//! `phala contract upgrade`.

use std::path::PathBuf;

use clap::Args;
use phala_client::{Asker, Because as _, Failure, Fault, Result};
use phala_contract_build::{Mode, schema_of};
use phala_extrinsics::Call;
use phala_primitives::ContractId;

use super::{
    Common, Progress, arguments, component, live,
    message::{self, Patience, Sent},
    output, owned, parse32, payload,
    terms::{Terms, affordable},
    upload::Upload,
};

/// Arguments of `phala contract upgrade`.
#[derive(Args)]
pub struct Arguments {
    /// The contract.
    #[arg(value_parser = parse32)]
    contract: [u8; 32],
    /// The new component, with a function that is marked `#[migrate]`.
    file: PathBuf,
    /// Arguments of that function: a JSON object.
    #[arg(long, default_value = "{}")]
    args: String,
    /// Gas for it. Default: the cluster's limit; what is not used comes back.
    #[arg(long)]
    gas: Option<u64>,
    /// Do not seal the arguments: everybody can read them.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let component = component::read(&options.file)?;
    let args = arguments(&options.args)?;
    if let Some(schema) = schema_of(&component)? {
        if !schema.methods.iter().any(|method| method.mode == Mode::Migrate) {
            return Err(Fault::Component.because(
                "the new code has no function that is marked #[migrate]: it cannot take over what the contract has stored",
            ));
        }
        schema.check(Mode::Migrate, "migrate", &args)?;
    }
    let signer = common.required_signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let contract = ContractId(options.contract);
    let entry = live(&node, contract).await?;
    owned(&entry, contract, signer.account())?;
    let terms = Terms::of(&node, entry.cluster).await?;
    terms.take_code(component.len())?;
    let gas = terms.gas(options.gas)?;
    let input = args.to_string().into_bytes();
    let payload = if options.plain {
        payload::plain(&terms, input)?
    } else {
        payload::sealed(&node, &network, &terms, (contract, signer.account()), &input).await?
    };
    progress.now("checking the component");
    component::check(&component, terms.entry.config.latest())?;
    let upload = Upload::prepare(&node, entry.cluster, &component, signer.account()).await?;
    let code = upload.code();
    if code == entry.code {
        return Err(Failure::user(format!("contract {contract} runs this very code already: {code}")));
    }
    let unpaid = upload.unpaid_bytes()?;
    if unpaid > 0 {
        // the owner of a contract need not be one who may bring code
        terms.admit(signer.account())?;
    }
    let parts = [("gas", terms.gas_price(gas)), ("deposit for code", terms.code_deposit(unpaid))];
    affordable(&node, signer.account(), &parts).await?;

    let chain = common.chain(&network).await?;
    progress.now("uploading the code");
    upload.run(&mut node, &chain, &signer, options.patience).await?;
    progress.now("waiting for finality");
    let deadline = options.patience.begin();
    let call = Call::upgrade(contract, code, payload, gas);
    let sent = Sent::by(&message::submit(&chain, &signer, &call, &deadline).await?)?;
    progress.now("waiting for the cluster's report");
    message::settled(&mut node, &sent, &deadline).await?;
    progress.now("fetching the receipt");
    let mut asker = Asker::open(&mut node, entry.cluster, None, Some(&signer)).await?;
    let view = message::receipt(&mut asker, &mut node, &network, sent.index).await?;
    drop(progress);
    if !view.receipt.status.is_success() {
        let text = format!(
            "the upgrade had no effect, the contract runs {} as before: {} (message {})",
            entry.code,
            message::reason(&view),
            sent.index
        );
        return Err(message::no_effect(&view, text));
    }
    let mut described = message::described(&view);
    described["contract"] = contract.to_string().into();
    described["code"] = code.to_string().into();
    output::result(common.json, &described);
    Ok(())
}
