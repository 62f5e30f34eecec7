//! A saved answer, and everything that shows that it is true: from the genesis to the answer's bytes.

use std::path::Path;

use codec::{Decode, Encode};
use phala_attestation::{Evidence, authenticate};
use phala_crypto::verify_boot;
use phala_extrinsics::Network;
use phala_light_client::{FinalityProof, LightClient};
use phala_primitives::{
    CodeHash, Hash256, LogHead, Wire,
    cluster::Members,
    contract::ContractEntry,
    query::{Answer, AnswerV1, Ask, SessionId, SignedAnswer},
    report_data::BootBinding,
    storage_key,
    worker::WorkerEntry,
};
use serde::{Deserialize, Serialize};

use crate::{Failure, Result, ask::proof_keys};

const VERSION: u32 = 1;
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

/// `answer.json`, version 1. Bytes are hex.
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
    /// Finality proofs that lead from the genesis to the block whose state is read.
    finality: Vec<String>,
    /// Trie nodes of that state.
    state: Vec<String>,
    /// The worker's evidence.
    evidence: String,
}

/// A check, and what it has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it has shown.
    pub shown: String,
}

/// What a file came to.
pub struct Verified {
    /// The checks that passed, in their order.
    pub checks: Vec<Check>,
    /// The answer.
    pub answer: AnswerV1,
    /// What was asked.
    pub question: Question,
}

impl AnswerFile {
    pub(crate) fn new(
        network: &Network,
        question: &Question,
        answer: &SignedAnswer,
        finality: &[Vec<u8>],
        state: &[Vec<u8>],
        evidence: &[u8],
    ) -> Self {
        Self {
            version: VERSION,
            network: network.name.clone(),
            question: hex::encode(question.encode()),
            answer: hex::encode(answer.encode()),
            finality: finality.iter().map(hex::encode).collect(),
            state: state.iter().map(hex::encode).collect(),
            evidence: hex::encode(evidence),
        }
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let length = std::fs::metadata(path).map_err(|error| Failure::user(format!("{shown}: {error}")))?.len();
        if length > MAX_BYTES {
            return Err(Failure::user(format!("{shown}: {length} bytes are no answer")));
        }
        let bytes = std::fs::read(path).map_err(|error| Failure::user(format!("{shown}: {error}")))?;
        let file: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::user(format!("{shown} is no saved answer: {error}")))?;
        if file.version == VERSION {
            return Ok(file);
        }
        Err(Failure::user(format!("{shown} has version {}, which this program does not know", file.version)))
    }

    /// Checks everything, without any network: finality → registry → evidence → code hash → answer. `passed` is told of each check.
    pub fn verify(&self, network: &Network, passed: &mut dyn FnMut(&Check)) -> Result<Verified> {
        let mut checks = Vec::new();
        let mut pass = |name: &'static str, shown: String| {
            let check = Check { name, shown };
            passed(&check);
            checks.push(check);
        };
        let question = Question::decode(&mut bytes("question", &self.question)?.as_slice())
            .map_err(|_| failed("question", "it does not decode".into()))?;
        let signed = SignedAnswer::decode(&mut bytes("answer", &self.answer)?.as_slice())
            .map_err(|_| failed("answer", "it does not decode".into()))?;
        let Answer::V1(answer) = &signed.answer;

        let mut light = LightClient::new(&network.light_client()).map_err(|e| failed("finality", e.to_string()))?;
        for proof in &self.finality {
            let proof = FinalityProof::from_wire(&bytes("finality", proof)?);
            let proof = proof.map_err(|error| failed("finality", error.to_string()))?;
            light.advance(&proof).map_err(|error| failed("finality", error.to_string()))?;
        }
        let head = *light.finalized().ok_or_else(|| failed("finality", "there is no proof".into()))?;
        pass(
            "finality",
            format!(
                "block {} (0x{}) is final, followed from the genesis over {} authority sets",
                head.number(),
                hex::encode(head.hash()),
                light.authorities().id()
            ),
        );

        let nodes = self.state.iter().map(|node| bytes("state", node)).collect::<Result<Vec<_>>>()?;
        let evidence = bytes("evidence", &self.evidence)?;
        let shown = Shown { question: &question, signed: &signed, nodes: &nodes, evidence: &evidence };
        check(&light, network, &shown, &mut pass)?;
        Ok(Verified { checks, answer: answer.clone(), question })
    }
}

/// What a worker and a node have said, to be checked against a light client.
pub(crate) struct Shown<'a> {
    pub question: &'a Question,
    pub signed: &'a SignedAnswer,
    pub nodes: &'a [Vec<u8>],
    pub evidence: &'a [u8],
}

fn failed(name: &str, why: String) -> Failure {
    Failure::untrue(format!("{name}: {why}"))
}

/// Checks an answer against the state of the light client's newest block.
pub(crate) fn check(
    light: &LightClient,
    network: &Network,
    shown: &Shown<'_>,
    pass: &mut dyn FnMut(&'static str, String),
) -> Result<()> {
    let Shown { question, signed, nodes, evidence } = *shown;
    let Answer::V1(answer) = &signed.answer;
    let head = *light.finalized().ok_or_else(|| failed("finality", "there is no proof".into()))?;
    let keys = proof_keys(answer.cluster, answer.worker, question.ask.contract(), answer.block);
    let read = light.open(nodes, &keys).map_err(|error| failed("state", error.to_string()))?;
    let unread = |error: phala_light_client::ReadError| failed("state", error.to_string());
    read.confirm_genesis(&network.genesis()).map_err(|error| failed("finality", error.to_string()))?;
    let time_ms = read.require::<u64>(&storage_key::timestamp_now()).map_err(unread)?.into_inner();
    let canonical = if head.number() == answer.block {
        Some(*head.hash())
    } else {
        read.get::<Hash256>(&storage_key::block_hash(answer.block)).map_err(unread)?.into_inner()
    };
    if canonical != Some(answer.block_hash) {
        return Err(failed("state", format!("block {} is not the one that the answer names", answer.block)));
    }
    pass("state", format!("the answer's block {} is one of this chain", answer.block));

    let entry = read.get::<WorkerEntry>(&storage_key::worker(answer.worker)).map_err(unread)?.into_inner();
    let Some(WorkerEntry::V1(entry)) = entry else {
        return Err(failed("registry", format!("worker {} is not registered", answer.worker)));
    };
    let members = read.get::<Members>(&storage_key::members(answer.cluster)).map_err(unread)?.into_inner();
    if !members.unwrap_or_default().contains(&answer.worker) {
        return Err(failed("registry", format!("worker {} is no member of cluster {}", answer.worker, answer.cluster)));
    }
    if entry.boot_count != answer.boot_count {
        return Err(failed("registry", "another boot of the worker is live".into()));
    }
    pass(
        "registry",
        format!("worker {} is a member of cluster {}, boot {}", answer.worker, answer.cluster, entry.boot_count),
    );

    if sp_crypto_hashing::blake2_256(evidence) != entry.evidence {
        return Err(failed("evidence", "it is not the one that the chain has admitted".into()));
    }
    let evidence = Evidence::from_wire(evidence).map_err(|error| failed("evidence", error.to_string()))?;
    let claims = authenticate(&evidence, &network.roots, time_ms / 1000)
        .map_err(|error| failed("evidence", error.to_string()))?;
    if claims.measurement != entry.claims.measurement || claims.assurance != entry.claims.assurance {
        return Err(failed("evidence", "it says something else than the registry".into()));
    }
    // the chain remembers its recent blocks only; when it admitted the worker it has checked this itself
    let named = storage_key::block_hash(entry.evidence_block);
    let bound = light.open(nodes, std::slice::from_ref(&named)).ok();
    if let Some(block_hash) = bound.and_then(|read| read.get::<Hash256>(&named).ok()?.into_inner()) {
        let binding = BootBinding {
            genesis: network.genesis(),
            boot_sign: entry.boot_sign,
            boot_kem: entry.boot_kem,
            worker: answer.worker,
            operator: entry.operator,
            block: entry.evidence_block,
            block_hash,
        };
        if binding.report_data() != claims.report_data {
            return Err(failed("evidence", "it binds another boot".into()));
        }
    }
    pass(
        "evidence",
        format!("program {} on {:?}, assurance {}", claims.measurement, claims.hardware, word(claims.assurance)),
    );
    if answer.assurance != claims.assurance {
        return Err(failed("evidence", "the answer claims another assurance".into()));
    }

    if let (Some(contract), Some(code)) = (question.ask.contract(), answer.code) {
        let entry = read.get::<ContractEntry>(&storage_key::contract(contract)).map_err(unread)?.into_inner();
        let known: Option<CodeHash> = entry.map(|entry| entry.latest().code);
        if known != Some(code) {
            return Err(failed("code", format!("the chain has other code for contract {contract}")));
        }
        pass("code", format!("contract {contract} runs {code}"));
    }

    let log = read.get::<LogHead>(&storage_key::log_head(answer.cluster)).map_err(unread)?.into_inner();
    let log = log.ok_or_else(|| failed("answer", "the cluster has no log".into()))?;
    if head.number() == answer.block && answer.log_index != log.next_index {
        return Err(failed("answer", "it is from other state than the chain's log leads to".into()));
    }
    if answer.log_index > log.next_index {
        return Err(failed("answer", "it is from messages that the chain does not have".into()));
    }
    if answer.request != question.digest(&network.genesis()) {
        return Err(failed("answer", "it is to another question".into()));
    }
    verify_boot(&entry.boot_sign, &signed.answer.digest(&network.genesis()), &signed.signature)
        .map_err(|error| failed("answer", error.to_string()))?;
    pass("answer", format!("signed by the boot {} after {} messages", entry.boot_sign, answer.log_index));
    Ok(())
}

/// An assurance as people read it.
pub fn word(assurance: phala_primitives::Assurance) -> &'static str {
    match assurance {
        phala_primitives::Assurance::Software => "SOFTWARE (no protection against the operator: for development)",
        phala_primitives::Assurance::Hardware => "hardware",
    }
}

fn bytes(what: &str, text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|_| Failure::untrue(format!("{what}: it is no hex")))
}
