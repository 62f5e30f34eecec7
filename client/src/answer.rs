//! A saved answer, and everything that shows that it is true: from the genesis to the answer's bytes.

mod check;
#[cfg(test)]
mod tests;

use std::path::Path;

use codec::{Decode, DecodeAll as _, Encode};
use phala_extrinsics::Network;
use phala_light_client::{FinalityProof, Header, LightClient};
use phala_primitives::{
    Hash256, Wire,
    query::{Answer, AnswerV1, Ask, SessionId, SignedAnswer},
};
use serde::{Deserialize, Serialize};

pub use check::Check;
pub(crate) use check::{Shown, block_of, check, head_keys, known_block, state_keys};

use crate::{Because as _, Failure, Fault, Result};
use check::failed;

/// The version of the file that this program reads and writes.
const VERSION: u32 = 2;
/// Longer files are none of ours, in bytes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What was asked, as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Question {
    /// What.
    pub ask: Ask,
    /// In which session.
    pub session: SessionId,
    /// Its number there.
    pub sequence: u64,
}

impl Question {
    /// What an answer names as its request.
    pub fn digest(&self, genesis: &Hash256) -> Hash256 {
        self.ask.digest(genesis, &self.session, self.sequence)
    }
}

/// `answer.json`, version 2. Bytes are hex.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerFile {
    version: u32,
    /// What the network was called. For people.
    network: String,
    /// SCALE of [`Question`].
    question: String,
    /// SCALE of the signed answer.
    answer: String,
    /// Finality proofs that lead from the genesis to the block that was the newest one.
    finality: Vec<String>,
    /// Trie nodes of the state of that block: which chain it is of, and that the answer's block is one of it.
    head: Vec<String>,
    /// SCALE of the header of the answer's block.
    header: String,
    /// Trie nodes of the state at the answer's block.
    state: Vec<String>,
    /// The worker's evidence.
    evidence: String,
}

/// What a file came to.
#[derive(Debug)]
pub struct Verified {
    /// The checks that passed, in their order.
    pub checks: Vec<Check>,
    /// The answer.
    pub answer: AnswerV1,
    /// What was asked.
    pub question: Question,
}

impl AnswerFile {
    pub(crate) fn new(network: &Network, finality: &[Vec<u8>], shown: &Shown<'_>) -> Self {
        let list = |all: &[Vec<u8>]| -> Vec<String> { all.iter().map(hex::encode).collect() };
        Self {
            version: VERSION,
            network: network.name.clone(),
            question: hex::encode(shown.question.encode()),
            answer: hex::encode(shown.signed.encode()),
            finality: list(finality),
            head: list(shown.head),
            header: hex::encode(shown.header.encode()),
            state: list(shown.state),
            evidence: hex::encode(shown.evidence),
        }
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let length = std::fs::metadata(path).map_err(|error| Fault::File.because(format!("{shown}: {error}")))?.len();
        if length > MAX_BYTES {
            return Err(Fault::File.because(format!("{shown}: {length} bytes are no answer")));
        }
        let bytes = std::fs::read(path).map_err(|error| Fault::File.because(format!("{shown}: {error}")))?;
        Self::parse(&bytes).map_err(|failure| Failure { message: format!("{shown}: {failure}"), ..failure })
    }

    /// From a file's content.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        // before anything else: the fields of another version are others
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let no_answer = |error: serde_json::Error| Fault::File.because(format!("no saved answer: {error}"));
        let Versioned { version } = serde_json::from_slice(bytes).map_err(no_answer)?;
        if version != VERSION {
            return Err(Fault::File.because(format!(
                "an answer of version {version}, and this program reads version {VERSION}: ask again, or use the program that saved it"
            )));
        }
        serde_json::from_slice(bytes).map_err(no_answer)
    }

    /// Checks everything, without any network: finality → state → registry → evidence → code → answer. `passed` is told of each check.
    pub fn verify(&self, network: &Network, passed: &mut dyn FnMut(&Check)) -> Result<Verified> {
        let mut checks = Vec::new();
        let mut pass = |name: &'static str, shown: String| {
            let check = Check { name, shown };
            passed(&check);
            checks.push(check);
        };
        let question: Question = decoded("question", &self.question)?;
        let signed: SignedAnswer = decoded("answer", &self.answer)?;
        let header: Header = decoded("header", &self.header)?;
        let (head, state) = (list("head", &self.head)?, list("state", &self.state)?);
        let evidence = bytes("evidence", &self.evidence)?;

        let mut light = LightClient::new(&network.light_client()).map_err(|error| failed("finality", error))?;
        for proof in list("finality", &self.finality)? {
            let proof = FinalityProof::from_wire(&proof).map_err(|error| failed("finality", error))?;
            light.advance(&proof).map_err(|error| failed("finality", error))?;
        }
        let shown = Shown {
            question: &question,
            signed: &signed,
            header: &header,
            head: &head,
            state: &state,
            evidence: &evidence,
        };
        check(&light, network, &shown, &mut pass)?;
        let Answer::V1(answer) = signed.answer;
        Ok(Verified { checks, answer, question })
    }
}

/// An assurance as people read it.
pub fn word(assurance: phala_primitives::Assurance) -> &'static str {
    match assurance {
        phala_primitives::Assurance::Software => "SOFTWARE (no protection against the operator: for development)",
        phala_primitives::Assurance::Hardware => "hardware",
    }
}

fn bytes(what: &str, text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|_| failed(what, "it is no hex"))
}

fn list(what: &str, texts: &[String]) -> Result<Vec<Vec<u8>>> {
    texts.iter().map(|text| bytes(what, text)).collect()
}

fn decoded<T: Decode>(what: &str, text: &str) -> Result<T> {
    T::decode_all(&mut bytes(what, text)?.as_slice()).map_err(|_| failed(what, "it does not decode"))
}
