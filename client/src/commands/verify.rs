//! `phala verify`.

use std::path::PathBuf;

use clap::Args;
use phala_client::{AnswerFile, Result};
use phala_primitives::query::{AnswerOutcome, Ask};
use serde_json::json;

use super::{Common, contract::shown};

/// Arguments of `phala verify`.
#[derive(Args)]
pub struct Arguments {
    /// A file that `phala contract query --save` has written.
    file: PathBuf,
}

/// Runs it.
pub fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let network = common.network()?;
    let file = AnswerFile::read(&arguments.file)?;
    let verified = file.verify(&network, &mut |check| {
        if !common.json {
            println!("ok  {:9} {}", check.name, check.shown);
        }
    })?;
    let asked = match &verified.question.ask {
        Ask::Contract { contract, input } => format!("{contract} {}", String::from_utf8_lossy(input)),
        other => format!("{other:?}"),
    };
    let outcome = match &verified.answer.outcome {
        AnswerOutcome::Output(output) => shown(output),
        other => json!(format!("{other:?}")),
    };
    if common.json {
        println!("{:#}", json!({ "checks": verified.checks, "question": asked, "answer": outcome }));
    } else {
        println!("\nasked:    {asked}\nanswered: {outcome}");
    }
    Ok(())
}
