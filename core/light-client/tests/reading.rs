//! Read proofs: values, absences, time and genesis; and proofs that are not.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use codec::Encode;
use phala_light_client::{
    FinalityProof, LightClient, ReadError, Remedy, header_hash,
    limits::{MAX_READ_BYTES, MAX_READ_KEYS, MAX_READ_NODES},
    testing::{TestChain, TestState, validators},
};
use phala_primitives::storage_key;
use proptest::{prelude::*, sample::Index};
use sp_core::Blake2Hasher;
use sp_state_machine::{InMemoryBackend, prove_read};

/// A client at a block with this state on top of the genesis entry.
fn at(fill: impl FnOnce(&mut TestState)) -> (LightClient, TestChain) {
    let mut chain = TestChain::new(validators(0, 4));
    fill(chain.state());
    chain.blocks(1);
    let mut client = LightClient::new(chain.config()).unwrap();
    client.advance(&FinalityProof::V1(vec![chain.finalize()])).unwrap();
    (client, chain)
}

#[test]
fn values_and_absences_are_proven() {
    let long = vec![7u8; 1_000];
    let (client, mut chain) = at(|state| {
        state.insert(*b"number", 42u64.encode());
        state.insert(*b"long", long.encode());
        state.insert(*b"longer", 1u8.encode());
        state.insert(storage_key::timestamp_now(), 1_700_000_000_000u64.encode());
    });
    let keys = [
        b"number".to_vec(),
        b"long".to_vec(),
        b"lon".to_vec(),
        b"nothing".to_vec(),
        storage_key::timestamp_now(),
        storage_key::block_hash(0),
    ];
    let read = client.open(&chain.state().prove(&keys), &keys).unwrap();

    assert_eq!(read.at(), client.finalized().unwrap());
    let number = read.require::<u64>(b"number").unwrap();
    assert_eq!((*number, number.at()), (42, client.finalized().unwrap()));
    assert_eq!(read.require::<Vec<u8>>(b"long").unwrap().into_inner(), long);
    assert_eq!(*read.get::<u64>(b"nothing").unwrap(), None);
    assert_eq!(*read.bytes(b"lon").unwrap(), None);
    assert_eq!(*read.time_ms().unwrap(), 1_700_000_000_000);
    read.confirm_genesis(client.genesis()).unwrap();

    assert_eq!(read.require::<u64>(b"nothing"), Err(ReadError::Absent));
    assert_eq!(read.get::<u64>(b"longer"), Err(ReadError::NotRead));
    assert_eq!(read.get::<u32>(b"number"), Err(ReadError::Undecodable));
    assert_eq!(read.get::<u128>(b"number"), Err(ReadError::Undecodable));
    assert_eq!(read.confirm_genesis(&[1; 32]), Err(ReadError::OtherChain));
}

#[test]
fn a_node_that_serves_another_block_is_found_out() {
    let (client, mut chain) = at(|state| state.insert(*b"key", *b"old"));
    chain.state().insert(*b"key", *b"new");
    let error = client.open(&chain.state().prove(&[b"key"]), &[b"key"]).unwrap_err();
    assert_eq!((error, error.remedy()), (ReadError::Incomplete { key: 0 }, Remedy::AskAnotherNode));
}

#[test]
fn limits_hold() {
    let (client, chain) = at(|_| ());
    let open = |nodes: &[Vec<u8>], keys: &[[u8; 4]]| client.open(nodes, keys).unwrap_err();
    assert_eq!(open(&[], &vec![[0; 4]; MAX_READ_KEYS + 1]), ReadError::TooManyKeys);
    assert_eq!(open(&vec![vec![]; MAX_READ_NODES + 1], &[]), ReadError::TooLarge);
    assert_eq!(open(&[vec![0; MAX_READ_BYTES + 1]], &[]), ReadError::TooLarge);
    assert_eq!(open(&[], &[[0; 4]]), ReadError::Incomplete { key: 0 });
    let fresh = LightClient::new(chain.config()).unwrap();
    assert_eq!(fresh.open(&[], &[[0; 4]]), Err(ReadError::NothingFinalized));
}

fn states() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    // Short keys from few bytes share prefixes; values lie on both sides of 32 bytes, where layout 1 moves them out.
    prop::collection::vec((prop::collection::vec(0u8..4, 1..6), prop::collection::vec(any::<u8>(), 0..80)), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The proofs of these tests are what a node's state machine makes, and both open.
    #[test]
    fn proofs_are_those_of_the_state_machine(entries in states(), absent in prop::collection::vec(0u8..4, 1..6)) {
        let (client, mut chain) = at(|state| entries.iter().for_each(|(k, v)| state.insert(k.clone(), v.clone())));
        let top = chain.state().iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        let storage = sp_core::storage::Storage { top, children_default: Default::default() };
        let backend = InMemoryBackend::<Blake2Hasher>::from((storage, sp_core::storage::StateVersion::V1));
        let mut keys: Vec<_> = entries.iter().map(|(k, _)| k.clone()).collect();
        keys.push(absent);
        let theirs: Vec<_> = prove_read(backend, &keys).unwrap().into_iter_nodes().collect();
        let read = client.open(&theirs, &keys).unwrap();
        prop_assert_eq!(&read, &client.open(&chain.state().prove(&keys), &keys).unwrap());
        for key in &keys {
            prop_assert_eq!(read.bytes(key).unwrap().into_inner(), chain.state().get(key));
        }
    }

    /// Nodes that are missing, flipped, cut or foreign never change what is read.
    #[test]
    fn damaged_proofs_never_change_a_value(
        entries in states(),
        damage in prop::collection::vec((any::<Index>(), any::<Index>(), 0u8..5), 1..4),
    ) {
        let (client, mut chain) = at(|state| entries.iter().for_each(|(k, v)| state.insert(k.clone(), v.clone())));
        let keys: Vec<_> = entries.iter().take(5).map(|(k, _)| k.clone()).chain([vec![9; 3]]).collect();
        let mut nodes = chain.state().prove(&keys);
        for (at, byte, kind) in damage {
            if nodes.is_empty() {
                break;
            }
            let at = at.index(nodes.len());
            let node = &mut nodes[at];
            let byte = byte.index(node.len() + 1);
            match kind {
                0 => drop(nodes.remove(at)),
                1 if byte < node.len() => node[byte] ^= 0x10,
                2 => node.truncate(byte),
                3 => nodes.push(vec![0x40; byte]),
                _ => nodes.push(nodes[at].clone()),
            }
        }
        match client.open(&nodes, &keys) {
            Ok(read) => for key in &keys {
                prop_assert_eq!(read.bytes(key).unwrap().into_inner(), chain.state().get(key));
            },
            Err(error) => prop_assert!(matches!(error, ReadError::Incomplete { .. }), "{error}"),
        }
    }

    /// A proof without one of its nodes is incomplete: nodes are not served for nothing.
    #[test]
    fn every_node_is_needed(entries in states(), index in any::<Index>()) {
        let (client, mut chain) = at(|state| entries.iter().for_each(|(k, v)| state.insert(k.clone(), v.clone())));
        let keys: Vec<_> = entries.iter().map(|(k, _)| k.clone()).collect();
        let mut nodes = chain.state().prove(&keys);
        nodes.remove(index.index(nodes.len()));
        let result = client.open(&nodes, &keys);
        prop_assert!(matches!(result, Err(ReadError::Incomplete { .. })), "{result:?}");
    }
}

/// Blocks below the newest one are known by their hashes in its state.
#[test]
fn an_ancestor_is_final_too() {
    let mut chain = TestChain::new(validators(0, 4));
    chain.state().insert(b"key".to_vec(), b"old".to_vec());
    let old_state = chain.state().clone();
    let old = chain.block();
    let name = storage_key::block_hash(old.number);
    chain.state().insert(name.clone(), header_hash(&old).to_vec());
    chain.state().insert(b"key".to_vec(), b"new".to_vec());
    chain.block();
    let mut client = LightClient::new(chain.config()).unwrap();
    client.advance(&FinalityProof::V1(vec![chain.finalize()])).unwrap();
    let newest = client.open(&chain.state().prove(&[&name]), &[&name]).unwrap();

    let ancestor = newest.ancestor(&old).unwrap();
    assert_eq!((ancestor.number(), *ancestor.hash()), (old.number, header_hash(&old)));
    let then = ancestor.open(&old_state.prove(&[b"key"]), &[b"key"]).unwrap();
    assert_eq!(then.bytes(b"key").unwrap().into_inner(), Some(&b"old"[..]));
    // nodes of another state lead nowhere
    assert!(ancestor.open(&chain.state().prove(&[b"key"]), &[b"key"]).is_err());

    let mut forged = old.clone();
    forged.state_root.0[0] ^= 1;
    assert_eq!(newest.ancestor(&forged), Err(ReadError::OtherBlock(old.number)));
    let mut unknown = old;
    unknown.number = 7;
    assert_eq!(newest.ancestor(&unknown), Err(ReadError::NotRead));
}
