//! The checks of an answer. All but the first two are made in the state of the block that the answer is about: whether a boot was live, a
//! member, and had executed the whole log, is a question about that block, and not about the one at which somebody happens to look.
//!
//! ```text
//! newest finalised block ── System::BlockHash ──▶ the answer's block ── its state ──▶ boot, members, log, code
//! ```

use std::fmt::Display;

use phala_attestation::{AuthenticClaims, Evidence, authenticate};
use phala_crypto::verify_boot;
use phala_extrinsics::Network;
use phala_light_client::{FinalizedHeader, Header, LightClient, ReadError, VerifiedRead, header_hash};
use phala_primitives::{
    ClusterId, CodeHash, ContractId, Hash256, LogHead, Wire, WorkerId,
    cluster::Members,
    contract::ContractEntry,
    query::{Answer, AnswerV1, SignedAnswer},
    report_data::BootBinding,
    storage_key,
    worker::{WorkerEntry, WorkerEntryV1},
};
use serde::Serialize;

use super::{Question, word};
use crate::{Because as _, Failure, Fault, Result};

/// A check, and what it has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it has shown.
    pub shown: String,
}

/// What a worker and a node have said, to be checked against a light client.
pub(crate) struct Shown<'a> {
    pub question: &'a Question,
    pub signed: &'a SignedAnswer,
    /// Of the answer's block.
    pub header: &'a Header,
    /// Trie nodes of the newest finalised state: [`head_keys`].
    pub head: &'a [Vec<u8>],
    /// Trie nodes of the state at the answer's block: [`state_keys`], and the hash of the block that the evidence names.
    pub state: &'a [Vec<u8>],
    pub evidence: &'a [u8],
}

/// What is read of the newest finalised state: which chain it is of, and that the answer's block is one of it.
pub(crate) fn head_keys(block: u32) -> Vec<Vec<u8>> {
    vec![storage_key::block_hash(0), storage_key::block_hash(block)]
}

/// What is read of the state at the answer's block.
pub(crate) fn state_keys(cluster: ClusterId, worker: WorkerId, contract: Option<ContractId>) -> Vec<Vec<u8>> {
    let mut keys = vec![
        storage_key::timestamp_now(),
        storage_key::worker(worker),
        storage_key::members(cluster),
        storage_key::log_head(cluster),
    ];
    keys.extend(contract.map(storage_key::contract));
    keys
}

pub(super) fn failed(name: &str, why: impl Display) -> Failure {
    Fault::AnswerUntrue.because(format!("{name}: {why}"))
}

/// Refuses an answer about a block that is none of the chain's.
pub(crate) fn known_block(head: &VerifiedRead, answer: &AnswerV1) -> Result<()> {
    let newest = head.at();
    let hash = if newest.number() == answer.block {
        Some(*newest.hash())
    } else {
        let hash = head.get::<Hash256>(&storage_key::block_hash(answer.block));
        hash.map_err(|error| failed("state", error))?.into_inner()
    };
    if hash == Some(answer.block_hash) {
        return Ok(());
    }
    Err(failed("state", format!("block {} is not the one that the answer names", answer.block)))
}

/// The block that an answer is about, if it is one of the chain's.
pub(crate) fn block_of(head: &VerifiedRead, answer: &AnswerV1, header: &Header) -> Result<FinalizedHeader> {
    known_block(head, answer)?;
    if header_hash(header) != answer.block_hash {
        return Err(failed("state", format!("the header is not that of block {}", answer.block)));
    }
    if head.at().number() == answer.block {
        return Ok(*head.at());
    }
    head.ancestor(header).map_err(|error| failed("state", error))
}

/// Checks an answer against the chain that the light client follows: finality → state → registry → evidence → code → answer. `pass` is
/// told of each check that has passed.
pub(crate) fn check(
    light: &LightClient,
    network: &Network,
    shown: &Shown<'_>,
    pass: &mut dyn FnMut(&'static str, String),
) -> Result<()> {
    let Answer::V1(answer) = &shown.signed.answer;
    let head = light.open(shown.head, &head_keys(answer.block)).map_err(|error| failed("finality", error))?;
    // votes do not name their chain
    head.confirm_genesis(&network.genesis()).map_err(|error| failed("finality", error))?;
    pass(
        "finality",
        format!(
            "block {} (0x{}) is final, followed from the genesis over {} authority sets",
            head.at().number(),
            hex::encode(head.at().hash()),
            light.authorities().id()
        ),
    );

    let block = block_of(&head, answer, shown.header)?;
    let asked = shown.question.ask.contract();
    let state = block.open(shown.state, &state_keys(answer.cluster, answer.worker, asked)).map_err(unread)?;
    pass("state", format!("the answer's block {} is one of this chain", answer.block));

    let entry = registered(&state, answer)?;
    pass(
        "registry",
        format!("worker {} is a member of cluster {}, boot {}", answer.worker, answer.cluster, entry.boot_count),
    );

    let named = storage_key::block_hash(entry.evidence_block);
    let read = block.open(shown.state, std::slice::from_ref(&named)).map_err(unread)?;
    let bound = read.get::<Hash256>(&named).map_err(unread)?.into_inner();
    let time_ms = state.time_ms().map_err(unread)?.into_inner();
    let claims = admitted(network, shown.evidence, &entry, answer, (time_ms, bound))?;
    pass(
        "evidence",
        format!("program {} on {:?}, assurance {}", claims.measurement, claims.hardware, word(claims.assurance)),
    );

    if let (Some(contract), Some(code)) = (asked, answer.code) {
        let entry = state.get::<ContractEntry>(&storage_key::contract(contract)).map_err(unread)?.into_inner();
        pass("code", runs(entry.as_ref(), contract, code, answer)?);
    }

    whole(&state, answer)?;
    if answer.request != shown.question.digest(&network.genesis()) {
        return Err(failed("answer", "it is to another question"));
    }
    verify_boot(&entry.boot_sign, &shown.signed.answer.digest(&network.genesis()), &shown.signed.signature)
        .map_err(|error| failed("answer", error))?;
    pass("answer", format!("signed by the boot {} after {} messages", entry.boot_sign, answer.log_index));
    Ok(())
}

fn unread(error: ReadError) -> Failure {
    failed("state", error)
}

/// The boot that answers, if it is live and a member of the cluster. That the answer is signed by it is still to be checked.
fn registered(state: &VerifiedRead, answer: &AnswerV1) -> Result<WorkerEntryV1> {
    let (worker, cluster, block) = (answer.worker, answer.cluster, answer.block);
    let entry = state.get::<WorkerEntry>(&storage_key::worker(worker)).map_err(unread)?.into_inner();
    let Some(WorkerEntry::V1(entry)) = entry else {
        return Err(failed("registry", format!("worker {worker} is not registered at block {block}")));
    };
    let members = state.get::<Members>(&storage_key::members(cluster)).map_err(unread)?.into_inner();
    if !members.unwrap_or_default().contains(&worker) {
        return Err(failed("registry", format!("worker {worker} is no member of cluster {cluster} at block {block}")));
    }
    if entry.boot_count != answer.boot_count {
        return Err(failed(
            "registry",
            format!(
                "boot {} of the worker is live at block {block}, and not boot {}",
                entry.boot_count, answer.boot_count
            ),
        ));
    }
    Ok(entry)
}

/// What the evidence that the chain has admitted says of the boot. The chain forgets the hashes of old blocks; then there is none of the
/// block that the evidence names (`bound`), and that it was the right one the chain alone has checked, when it admitted the boot.
fn admitted(
    network: &Network,
    evidence: &[u8],
    entry: &WorkerEntryV1,
    answer: &AnswerV1,
    (time_ms, bound): (u64, Option<Hash256>),
) -> Result<AuthenticClaims> {
    if sp_crypto_hashing::blake2_256(evidence) != entry.evidence {
        return Err(failed("evidence", "it is not the one that the chain has admitted"));
    }
    let evidence = Evidence::from_wire(evidence).map_err(|error| failed("evidence", error))?;
    let claims = authenticate(&evidence, &network.roots, time_ms / 1000).map_err(|error| failed("evidence", error))?;
    if claims.measurement != entry.claims.measurement || claims.assurance != entry.claims.assurance {
        return Err(failed("evidence", "it says something else than the registry"));
    }
    if let Some(block_hash) = bound {
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
            return Err(failed("evidence", "it binds another boot"));
        }
    }
    if answer.assurance != claims.assurance {
        return Err(failed("evidence", "the answer claims another assurance"));
    }
    Ok(claims)
}

/// Whether the chain knows of this code for the contract: as what it runs by the last report, or by an upgrade that the
/// answer's state has executed and that no report speaks of yet. Whether that one succeeded only the report will tell,
/// so until then both may be true.
///
/// Sound, since nothing else is accepted than what the contract's owner has put on the chain for it before the answer's
/// block, and which of these a state runs is the attested boot's word, as the answer's output is: who could lie about
/// the one could about the other.
fn runs(entry: Option<&ContractEntry>, contract: ContractId, code: CodeHash, answer: &AnswerV1) -> Result<String> {
    let (block, cluster) = (answer.block, answer.cluster);
    // indices are those of the cluster's log
    let Some(entry) = entry.map(ContractEntry::latest).filter(|entry| entry.cluster == cluster) else {
        return Err(failed("code", format!("at block {block} cluster {cluster} has no contract {contract}")));
    };
    if entry.code == code {
        return Ok(format!("contract {contract} runs {code}"));
    }
    let executed = entry.upgrades.iter().find(|upgrade| upgrade.code == code && upgrade.index < answer.log_index);
    let Some(upgrade) = executed else {
        return Err(failed(
            "code",
            format!(
                "at block {block} the chain has other code for contract {contract} than {code}, and no upgrade to that \
                 waits for a report"
            ),
        ));
    };
    Ok(format!("contract {contract} runs {code} by message {}, which is executed and not reported yet", upgrade.index))
}

/// Whether the answer is from the state that the whole log of its block leads to. A node that withholds messages could otherwise keep a
/// worker at an old state under a new block.
fn whole(state: &VerifiedRead, answer: &AnswerV1) -> Result<()> {
    let log = state.get::<LogHead>(&storage_key::log_head(answer.cluster)).map_err(unread)?.into_inner();
    let log = log.ok_or_else(|| failed("answer", "the cluster has no log"))?;
    let (answered, known) = (answer.log_index, log.next_index);
    if answered < known {
        let missing = known.saturating_sub(answered);
        return Err(failed(
            "answer",
            format!(
                "{missing} of the {known} messages that the chain has at block {} are not in it: they were withheld",
                answer.block
            ),
        ));
    }
    if answered > known {
        return Err(failed("answer", "it is from messages that the chain does not have"));
    }
    Ok(())
}
