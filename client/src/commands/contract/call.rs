//! `phala contract call`.

use std::time::Duration;

use clap::Args;
use codec::Encode as _;
use phala_client::{Asker, Failure, Node, Result, ask::decode};
use phala_contract_build::Mode;
use phala_crypto::{CommandContext, Purpose, commit, seal_command};
use phala_extrinsics::{Call, Network};
use phala_primitives::{
    ContractId, Payload,
    cluster::ClusterEntry,
    message::Balance,
    query::{AnswerOutcome, Ask, ReceiptView},
    report::{CommandKey, Reported},
    storage_key,
};
use rand_core::OsRng;
use serde_json::json;

use super::{Common, Progress, amount, arguments, deploy, entry, output, parse32, schema, shown};

const PAUSE: Duration = Duration::from_millis(400);

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
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let args = arguments(&options.args)?;
    let signer = common.required_signer()?;
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let contract = ContractId(options.contract);
    let entry = entry(&node, contract).await?;
    if let Some(schema) = schema(&node, &entry).await? {
        schema.check(Mode::Command, &options.method, &args)?;
    }
    let cluster: ClusterEntry = node
        .get(storage_key::cluster(entry.cluster))
        .await?
        .ok_or_else(|| Failure::untrue("a contract without a cluster"))?;
    let limits = cluster.latest().config.latest().limits;
    let input = json!({ "method": options.method, "args": args }).to_string().into_bytes();
    let payload = if options.plain {
        Payload::Plain(input.try_into().map_err(|_| Failure::user("the arguments are too long"))?)
    } else {
        let key: Option<CommandKey> = node.get(storage_key::command_key(contract)).await?;
        let key = key.ok_or_else(|| {
            Failure::retry("the contract has no key to seal to yet: its constructor has not been reported")
        })?;
        let context = CommandContext {
            genesis: network.genesis(),
            cluster: entry.cluster,
            contract,
            sender: signer.account(),
            epoch: key.epoch,
        };
        Payload::Sealed(seal_command(&key.kem, &context, &input, &mut OsRng).map_err(Failure::user)?)
    };
    if payload.len() > usize::try_from(limits.payload_bytes).unwrap_or(usize::MAX) {
        return Err(Failure::user(format!(
            "the command has {} bytes, the cluster takes {}",
            payload.len(),
            limits.payload_bytes
        )));
    }
    let chain = common.chain(&network).await?;
    progress.now("waiting for finality");
    let gas = options.gas.unwrap_or(limits.gas_per_message);
    let included =
        chain.submit(&signer, &Call::command(contract, payload, gas, options.value)).await?.finalized().await?;
    let (index, _) = deploy::message(&included)?;
    progress.now("waiting for the cluster's report");
    loop {
        node.sync().await?;
        let reported: Option<Reported> = node.get(storage_key::reported(entry.cluster)).await?;
        if reported.is_some_and(|reported| reported.latest().boundary.index > index) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    progress.now("fetching the receipt");
    let mut asker = Asker::open(&mut node, entry.cluster, None, Some(&signer)).await?;
    let view = receipt(&mut asker, &mut node, &network, index).await?;
    drop(progress);
    if !view.receipt.status.is_success() {
        return Err(Failure::user(format!("the command had no effect: {} (message {index})", reason(&view))));
    }
    let result = match &view.outcome {
        AnswerOutcome::Output(output) => shown(output),
        _ => serde_json::Value::Null,
    };
    output::result(
        common.json,
        &json!({
            "output": result, "message": index, "status": view.receipt.status, "gasUsed": view.receipt.gas_used,
        }),
    );
    Ok(())
}

/// The receipt of a message, as its sender may see it, with its output checked against its commitment.
pub async fn receipt(asker: &mut Asker, node: &mut Node, network: &Network, index: u64) -> Result<ReceiptView> {
    let checked = asker.ask(node, network, Ask::Receipt { index }).await?;
    let view: ReceiptView = match &checked.answer().outcome {
        AnswerOutcome::Output(bytes) => decode(bytes)?,
        _ => return Err(Failure::retry(format!("the worker has no receipt of message {index} for you"))),
    };
    let opened = commit(&network.genesis(), &view.output_blinding, Purpose::Output, &view.outcome.encode());
    if view.receipt.index != index || view.receipt.output != opened {
        return Err(Failure::untrue("the worker's output is not the one that the receipt commits to"));
    }
    Ok(view)
}

/// Why a message had no effect.
pub fn reason(view: &ReceiptView) -> String {
    match &view.outcome {
        AnswerOutcome::Refused { code, message, .. } => format!("the contract refused: {message} (code {code})"),
        AnswerOutcome::Stopped(why) | AnswerOutcome::NotFound(why) => format!("{:?}: {why}", view.receipt.status),
        AnswerOutcome::Output(_) => format!("{:?}", view.receipt.status),
    }
}
