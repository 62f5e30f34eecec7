//! Golden vectors: `vectors/light-client/*.json`. The format is described in the README there.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use std::{fs, path::PathBuf};

use codec::{Decode, Encode};
use phala_light_client::{
    AdvanceError, Config, FinalityProof, FinalityStep, Header, JustificationError, LightClient, ReadError,
    testing::{TestChain, validators},
};
use phala_primitives::{storage_key, wire::Wire};
use serde::{Deserialize, Serialize};
use sp_consensus_grandpa::{ConsensusLog, ScheduledChange};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vectors {
    description: String,
    genesis: String,
    authorities: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Step {
    #[serde(rename_all = "camelCase")]
    Advance { name: String, proof: String, expect: Result<Head, String> },
    #[serde(rename_all = "camelCase")]
    Read { name: String, nodes: Vec<String>, key: String, expect: Result<Option<String>, String> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Head {
    number: u32,
    hash: String,
    state_root: String,
    set_id: u64,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.strip_prefix("0x").expect("bytes start with 0x")).unwrap()
}

fn directory() -> PathBuf {
    PathBuf::from("../../vectors/light-client")
}

/// The published names of refusals.
fn refusal(error: &AdvanceError) -> &'static str {
    match error {
        AdvanceError::Empty => "empty",
        AdvanceError::Stale { .. } => "stale",
        AdvanceError::NoHandOff { .. } => "no-hand-off",
        AdvanceError::ForcedChange { .. } => "forced-change",
        AdvanceError::DelayedChange { .. } => "delayed-change",
        AdvanceError::Justification { error, .. } => match error {
            JustificationError::OtherBlock => "other-block",
            JustificationError::TooFewVotes => "too-few-votes",
            JustificationError::BadSignature => "bad-signature",
            JustificationError::BrokenAncestry => "broken-ancestry",
            JustificationError::NoSupermajority => "no-supermajority",
            _ => "too-large",
        },
        _ => "other",
    }
}

fn advance(client: &mut LightClient, proof: &[u8]) -> Result<Head, String> {
    let proof = FinalityProof::from_wire(proof).map_err(|_| "malformed")?;
    let header = *client.advance(&proof).map_err(|error| refusal(&error))?;
    Ok(Head {
        number: header.number(),
        hash: text(header.hash()),
        state_root: text(header.state_root()),
        set_id: client.authorities().id(),
    })
}

fn read(client: &LightClient, nodes: &[Vec<u8>], key: &[u8]) -> Result<Option<String>, String> {
    let read = client.open(nodes, &[key]).map_err(|error| match error {
        ReadError::Incomplete { .. } => "incomplete",
        _ => "other",
    })?;
    Ok(read.bytes(key).unwrap().into_inner().map(text))
}

#[test]
fn all_vectors_hold() {
    let mut files = 0;
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        files += 1;
        let vectors: Vectors = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let genesis = Header::decode(&mut bytes(&vectors.genesis).as_slice()).unwrap();
        let authorities = vectors.authorities.iter().map(|node| bytes(node)).collect();
        let config = Config { genesis, authorities, recovery: None };
        let mut client = LightClient::new(&config).unwrap();
        assert!(!vectors.steps.is_empty(), "{}", path.display());
        for step in vectors.steps {
            match step {
                Step::Advance { name, proof, expect } => {
                    assert_eq!(advance(&mut client, &bytes(&proof)), expect, "{}: {name}", path.display());
                }
                Step::Read { name, nodes, key, expect } => {
                    let nodes: Vec<_> = nodes.iter().map(|node| bytes(node)).collect();
                    assert_eq!(read(&client, &nodes, &bytes(&key)), expect, "{}: {name}", path.display());
                }
            }
        }
    }
    assert!(files > 0, "no vectors");
}

/// The story that `builder.json` tells, with the results as they are meant to be.
fn builder() -> Vectors {
    let mut chain = TestChain::new(validators(0, 4));
    let config = chain.config().clone();
    let mut set_id = 0;
    let mut steps = Vec::new();
    let advance = |name: &str, proof: Vec<FinalityStep>, expect| Step::Advance {
        name: name.into(),
        proof: text(FinalityProof::V1(proof).encode()),
        expect,
    };
    let refuse = |name: &str, proof, why: &str| advance(name, proof, Err(why.into()));
    let head = |chain: &TestChain, set_id| {
        let header = chain.best();
        Head { number: header.number, hash: text(header.hash()), state_root: text(header.state_root), set_id }
    };

    chain.state().insert(storage_key::timestamp_now(), 1_767_225_600_000u64.encode());
    chain.blocks(3);
    let mut forged = chain.finalize();
    forged.header.state_root = Default::default();
    let mut replayed = chain.finalize();
    replayed.justification.round += 1;
    let first = chain.finalize();
    steps.push(refuse("two of four votes", vec![chain.finalize_by(2)], "too-few-votes"));
    steps.push(refuse("a forged state root", vec![forged], "other-block"));
    steps.push(refuse("votes of another round", vec![replayed], "bad-signature"));
    steps.push(refuse("no step", vec![], "empty"));
    steps.push(advance("three of four votes", vec![chain.finalize_by(3)], Ok(head(&chain, set_id))));
    steps.push(refuse("a known header", vec![first.clone()], "stale"));

    let keys = [storage_key::timestamp_now(), storage_key::block_hash(0)];
    let nodes = chain.state().prove(&keys);
    let mut read = |name: &str, nodes: &[Vec<u8>], key: &[u8], expect| {
        let nodes = nodes.iter().map(text).collect();
        steps.push(Step::Read { name: name.into(), nodes, key: text(key), expect });
    };
    read("chain time", &nodes, &keys[0], Ok(Some(text(1_767_225_600_000u64.encode()))));
    read("genesis hash", &nodes, &keys[1], Ok(Some(text(config.genesis_hash()))));
    let absent = storage_key::block_number();
    let absence = chain.state().prove(&[&absent]);
    read("an absent key", &absence, &absent, Ok(None));
    read("without its nodes", &[], &keys[0], Err("incomplete".into()));

    let one = chain.hand_over(validators(1, 4));
    let two = chain.hand_over(validators(1, 4));
    chain.blocks(2);
    set_id += 2;
    let newest = chain.finalize();
    steps.push(refuse("a missing hand-off", vec![two.clone(), newest.clone()], "too-few-votes"));
    steps.push(refuse("the same validators in an earlier set", vec![one.clone(), newest.clone()], "bad-signature"));
    let swapped = vec![two.clone(), one.clone(), newest.clone()];
    steps.push(refuse("swapped hand-offs", swapped, "too-few-votes"));
    let mut same_keys = TestChain::new(validators(0, 4));
    same_keys.blocks(4);
    let idle = vec![same_keys.finalize(), one.clone()];
    steps.push(refuse("a step that hands nothing over", idle, "no-hand-off"));
    steps.push(advance("two hand-offs and a head", vec![one, two, newest], Ok(head(&chain, set_id))));

    let change = ScheduledChange { next_authorities: vec![], delay: 0 };
    chain.block_with(vec![TestChain::change(&ConsensusLog::ForcedChange(0, change))]);
    steps.push(refuse("a forced change", vec![chain.finalize()], "forced-change"));

    Vectors {
        description: "Made by the chain builder of phala-light-client (feature `testing`).".into(),
        genesis: text(config.genesis.encode()),
        authorities: config.authorities.iter().map(text).collect(),
        steps,
    }
}

/// `UPDATE_VECTORS=1` writes the file anew, to be read in review.
#[test]
fn the_builders_vectors_are_as_published() {
    let path = directory().join("builder.json");
    let ours = serde_json::to_string_pretty(&builder()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&path, &ours).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), ours, "set UPDATE_VECTORS=1 if the change is meant");
}
