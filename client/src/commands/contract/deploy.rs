//! `phala contract deploy`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use phala_client::{Asker, Failure, Node, Result};
use phala_contract_build::{Mode, schema_of};
use phala_extrinsics::{Call, Included};
use phala_primitives::{
    ClusterId, CodeHash, ContractId, Hash256, Payload,
    cluster::ClusterEntry,
    contract::{CODE_CHUNK_BYTES, CodeEntry, ContractEntry, ContractStatus},
    message::Balance,
    storage_key,
};
use serde_json::json;

use super::{Common, Progress, amount, arguments, call, output};

/// The compression of uploads: they are paid by the byte.
const ZSTD_LEVEL: i32 = 19;
const PAUSE: Duration = Duration::from_millis(400);

/// Arguments of `phala contract deploy`.
#[derive(Args)]
pub struct Arguments {
    /// The component that `phala contract build` has made.
    file: PathBuf,
    /// The cluster's number.
    #[arg(long, default_value_t = 0)]
    cluster: u32,
    /// Arguments of the constructor: a JSON object.
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
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let component =
        std::fs::read(&options.file).map_err(|error| Failure::user(format!("{}: {error}", options.file.display())))?;
    let args = arguments(&options.init)?;
    if let Some(schema) = schema_of(&component)? {
        schema.check(Mode::Init, "init", &args)?;
    }
    let signer = common.required_signer()?;
    let network = common.network()?;
    let mut node = common.node(&network).await?;
    let cluster = ClusterId(options.cluster);
    let entry: ClusterEntry = node
        .get(storage_key::cluster(cluster))
        .await?
        .ok_or_else(|| Failure::user(format!("there is no cluster {cluster}")))?;
    let limits = entry.latest().config.latest().limits;
    if component.len() > usize::try_from(limits.code_bytes).unwrap_or(usize::MAX) {
        return Err(Failure::user(format!(
            "the component has {} bytes, the cluster takes {}",
            component.len(),
            limits.code_bytes
        )));
    }
    let gas = options.gas.unwrap_or(limits.gas_per_message);
    let payload = args.to_string().into_bytes().try_into().map_err(|_| Failure::user("the arguments are too long"))?;
    let code = CodeHash(sp_crypto_hashing::blake2_256(&component));
    let chain = common.chain(&network).await?;

    let progress = Progress::new("uploading the code");
    upload(&node, &chain, &signer, cluster, code, &component).await?;
    progress.now("waiting for finality");
    let call = Call::instantiate(cluster, code, Payload::Plain(payload), gas, options.value, options.deposit);
    let included = chain.submit(&signer, &call).await?.finalized().await?;
    let (index, contract) = message(&included)?;
    let contract = contract.ok_or_else(|| Failure::untrue("the chain did not say which contract"))?;
    progress.now("waiting for the cluster to run its constructor");
    let status = loop {
        node.sync().await?;
        let entry: Option<ContractEntry> = node.get(storage_key::contract(contract)).await?;
        match entry.map(|entry| entry.latest().status) {
            Some(ContractStatus::Pending) => tokio::time::sleep(PAUSE).await,
            Some(status) => break status,
            None => return Err(Failure::retry("the block that made the contract was replaced: deploy again")),
        }
    };
    drop(progress);
    if status == ContractStatus::Failed {
        let mut asker = Asker::open(&mut node, cluster, None, Some(&signer)).await?;
        let receipt = call::receipt(&mut asker, &mut node, &network, index).await?;
        return Err(Failure::user(format!("the constructor failed: {}", call::reason(&receipt))));
    }
    output::result(
        common.json,
        &json!({
            "contract": contract.to_string(), "code": code.to_string(), "cluster": options.cluster, "message": index,
        }),
    );
    Ok(())
}

/// Puts code on the chain, unless it is there. An upload that broke off is continued.
async fn upload(
    node: &Node,
    chain: &phala_extrinsics::Chain,
    signer: &phala_extrinsics::Signer,
    cluster: ClusterId,
    code: CodeHash,
    component: &[u8],
) -> Result<()> {
    let packed = zstd::bulk::compress(component, ZSTD_LEVEL).map_err(Failure::operator)?;
    let chunk_bytes = usize::try_from(CODE_CHUNK_BYTES).unwrap_or(usize::MAX);
    let chunks: Vec<&[u8]> = packed.chunks(chunk_bytes).collect();
    let hashes: Vec<Hash256> = chunks.iter().map(|chunk| sp_crypto_hashing::blake2_256(chunk)).collect();
    let known: Option<CodeEntry> = node.get(storage_key::code(cluster, code)).await?;
    let mut arrived = 0;
    match &known {
        Some(entry) if entry.latest().is_complete() => return Ok(()),
        Some(entry) if entry.latest().chunks.as_slice() == hashes => arrived = entry.latest().arrived,
        Some(_) => {
            return Err(Failure::user(
                "somebody else is uploading this code in another form: wait for them, or change the code",
            ));
        }
        None => {
            let length = |bytes: usize| u32::try_from(bytes).map_err(|_| Failure::user("the component is too long"));
            let call = Call::declare_code(cluster, code, length(component.len())?, length(packed.len())?, hashes);
            chain.submit(signer, &call).await?.in_block().await?;
        }
    }
    for (number, chunk) in (0u32..).zip(chunks) {
        if arrived & 1u32.checked_shl(number).unwrap_or(0) == 0 {
            chain.submit(signer, &Call::upload_chunk(cluster, code, number, chunk.to_vec())).await?.in_block().await?;
        }
    }
    Ok(())
}

/// Index and contract of the message that a transaction has appended.
pub fn message(included: &Included) -> Result<(u64, Option<ContractId>)> {
    type Fields = (ClusterId, u64, Hash256, Option<ContractId>);
    let (_, index, _, contract) = included
        .find::<Fields>("Phat", "Message")
        .ok_or_else(|| Failure::untrue("the node does not show the message that the transaction has appended"))?;
    Ok((index, contract))
}
