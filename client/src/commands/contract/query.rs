//! `phala contract query` and `logs`.

use std::path::PathBuf;

use clap::Args;
use phala_client::{Asker, Because as _, Demands, Failure, Fault, Result, answer::word, ask::decode, demands::MAX_AGE};
use phala_contract_build::Mode;
use phala_primitives::{
    Assurance, ContractId, WorkerId,
    query::{AnswerOutcome, Ask, LogLine},
};
use serde_json::json;

use super::{Common, Progress, arguments, entry, output, parse32, schema, shown};
use crate::commands::parse_assurance;

/// Lines that are asked for at once.
const LINES: u32 = 256;

/// Arguments of `phala contract query`.
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
    /// Ask as nobody, although an account is given.
    #[arg(long)]
    anonymous: bool,
    /// Ask this worker. Default: the first one of the cluster that answers.
    #[arg(long, value_parser = parse32)]
    worker: Option<[u8; 32]>,
    /// Blocks that the answer may lie behind the newest finalised one. Nodes that are no archives show the states of 256.
    #[arg(long, value_name = "BLOCKS", default_value_t = MAX_AGE)]
    max_age: u32,
    /// The least that must stand behind the answer: `hardware`, or `software`, which accepts any and says which.
    #[arg(long, value_name = "software|hardware", default_value = "software", value_parser = parse_assurance)]
    assurance: Assurance,
    /// Write the answer with everything that proves it, for `phala verify`.
    #[arg(long)]
    save: Option<PathBuf>,
}

/// Runs it.
pub async fn run(common: &Common, options: Arguments) -> Result<()> {
    let args = arguments(&options.args)?;
    let signer = if options.anonymous { None } else { common.signer()? };
    let network = common.network()?;
    let progress = Progress::new("following the chain");
    let mut node = common.node(&network).await?;
    let contract = ContractId(options.contract);
    let entry = entry(&node, contract).await?;
    if let Some(schema) = schema(&node, &entry).await? {
        schema.check(Mode::Query, &options.method, &args)?;
    }
    progress.now("asking");
    let worker = options.worker.map(WorkerId);
    let demands = Demands { max_age: options.max_age, assurance: options.assurance };
    let mut asker = Asker::demanding(&mut node, entry.cluster, worker, signer.as_ref(), demands).await?;
    let input = json!({ "method": options.method, "args": args }).to_string().into_bytes();
    let input = input.try_into().map_err(|_| Fault::OverLimit.because("the arguments are too long"))?;
    let checked = asker.ask(&mut node, &network, Ask::Contract { contract, input }).await?;
    drop(progress);
    let answer = checked.answer();
    if let Some(path) = &options.save {
        std::fs::write(path, checked.file.to_json())
            .map_err(|error| Fault::File.because(format!("{}: {error}", path.display())))?;
    }
    let output = match &answer.outcome {
        AnswerOutcome::Output(output) => shown(output),
        AnswerOutcome::Refused { code, message, .. } => {
            return Err(Fault::ContractRefused.because(format!("the contract refused: {message} (code {code})")));
        }
        AnswerOutcome::Stopped(why) => {
            return Err(Fault::ContractStopped.because(format!("the contract was stopped: {why}")));
        }
        AnswerOutcome::NotFound(what) => return Err(Failure::user(what)),
    };
    if common.json {
        output::result(
            true,
            &json!({
                "output": output, "block": answer.block, "logIndex": answer.log_index, "worker": answer.worker.to_string(),
                "assurance": answer.assurance, "stateRoot": format!("0x{}", hex::encode(answer.state_root)),
            }),
        );
    } else {
        println!("{output:#}");
        eprintln!(
            "verified: worker {}, block {}, after {} messages, assurance {}",
            answer.worker,
            answer.block,
            answer.log_index,
            word(answer.assurance)
        );
    }
    Ok(())
}

/// Shows a contract's lines.
pub async fn logs(common: &Common, contract: ContractId, from: u64) -> Result<()> {
    let signer = common.required_signer()?;
    let network = common.network()?;
    let mut node = common.node(&network).await?;
    let entry = entry(&node, contract).await?;
    let mut asker = Asker::open(&mut node, entry.cluster, None, Some(&signer)).await?;
    let checked = asker.ask(&mut node, &network, Ask::Logs { contract, from, limit: LINES }).await?;
    let lines: Vec<LogLine> = match &checked.answer().outcome {
        AnswerOutcome::Output(bytes) => decode(bytes)?,
        _ => {
            return Err(Fault::NotPermitted.because("these lines are for the contract's owner: sign with that account"));
        }
    };
    if common.json {
        println!("{:#}", json!(lines));
    } else {
        for line in lines {
            println!("{:6} block {:7} {:5} {}", line.number, line.block, line.level, line.text);
        }
    }
    Ok(())
}
