//! Recovery anchors and checkpoints.

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
    Anchor, AnchorSignature, AuthorityList, AuthoritySetError, CheckpointError, Config, FinalityProof, LightClient,
    RecoverError, RecoveryKeys, SignedAnchor, header_hash,
    testing::{KeyPair, TestChain, validators},
};
use phala_primitives::wire::{Wire, WireError};
use proptest::prelude::*;
use sp_core::Pair as _;

/// Three recovery keys, two of which must sign.
fn keys() -> Vec<KeyPair> {
    validators(77, 3)
}

fn config(chain: &TestChain) -> Config {
    let keys = keys().iter().map(|pair| pair.public().0).collect();
    Config { recovery: Some(RecoveryKeys { threshold: 2, keys }), ..chain.config().clone() }
}

fn list(validators: &[KeyPair]) -> AuthorityList {
    validators.iter().map(|pair| (pair.public().into(), 1)).collect()
}

fn sign(anchor: Anchor, by: &[u8]) -> SignedAnchor {
    let digest = anchor.digest();
    let signature = |key: &u8| AnchorSignature { key: *key, signature: keys()[usize::from(*key)].sign(&digest).0 };
    SignedAnchor::V1 { signatures: by.iter().map(signature).collect(), anchor }
}

/// A client at block 5, and an anchor at block 9 under set 1.
fn stalled() -> (TestChain, LightClient, Anchor) {
    let mut chain = TestChain::new(validators(0, 4));
    chain.blocks(5);
    let mut client = LightClient::new(&config(&chain)).unwrap();
    client.advance(&FinalityProof::V1(vec![chain.finalize()])).unwrap();
    // The chain recovers by force: no justification of the old set exists for what follows.
    chain.blocks(4);
    let anchor = Anchor {
        genesis: chain.config().genesis_hash(),
        number: 9,
        hash: header_hash(chain.best()),
        state_root: chain.best().state_root.0,
        set_id: 1,
        authorities: list(&validators(1, 3)),
    };
    chain.hand_over(validators(1, 3));
    (chain, client, anchor)
}

#[test]
fn goes_on_from_an_anchor() {
    let (mut chain, mut client, anchor) = stalled();
    let signed = SignedAnchor::from_wire(&sign(anchor, &[0, 2]).encode()).unwrap();
    assert_eq!(client.recover(&signed).unwrap().number(), 9);
    chain.blocks(1);
    let header = *client.advance(&FinalityProof::V1(vec![chain.finalize()])).unwrap();
    assert_eq!((header.number(), client.authorities().id()), (11, 1));
    // The anchor has done its work: again it would lead back.
    let again = client.recover(&signed);
    assert_eq!(again, Err(RecoverError::NotAhead { number: 9, set: 1, last: 11, last_set: 1 }));
}

#[test]
fn the_height_of_the_stall_itself_may_be_anchored() {
    let (_, client, anchor) = stalled();
    let at = client.finalized().unwrap();
    let here = Anchor { number: at.number(), hash: *at.hash(), state_root: *at.state_root(), ..anchor };
    assert!(client.clone().recover(&sign(here.clone(), &[0, 1])).is_ok());
    for refused in [
        Anchor { hash: [1; 32], ..here.clone() },
        Anchor { state_root: [1; 32], ..here.clone() },
        Anchor { set_id: 0, ..here },
    ] {
        let result = client.clone().recover(&sign(refused, &[0, 1])).map(|_| ());
        assert!(matches!(result, Err(RecoverError::NotAhead { .. })), "{result:?}");
    }
}

#[test]
fn anchors_are_checked() {
    let (chain, client, anchor) = stalled();
    let refused = |signed: SignedAnchor| {
        let mut copy = client.clone();
        let error = copy.recover(&signed).unwrap_err();
        assert_eq!(copy, client);
        error
    };
    let too_few = |signed| RecoverError::TooFewSignatures { signed, needed: 2 };
    assert_eq!(refused(sign(anchor.clone(), &[])), too_few(0));
    assert_eq!(refused(sign(anchor.clone(), &[1])), too_few(1));
    assert_eq!(refused(sign(anchor.clone(), &[1, 1, 1])), too_few(1));

    let SignedAnchor::V1 { mut signatures, .. } = sign(anchor.clone(), &[0, 1]);
    let changed = Anchor { state_root: [1; 32], ..anchor.clone() };
    let forged = SignedAnchor::V1 { anchor: changed, signatures: signatures.clone() };
    assert_eq!(refused(forged), RecoverError::BadSignature(0));
    signatures[1].key = 2;
    let borrowed = SignedAnchor::V1 { anchor: anchor.clone(), signatures: signatures.clone() };
    assert_eq!(refused(borrowed), RecoverError::BadSignature(2));
    signatures[1].key = 3;
    let unknown = SignedAnchor::V1 { anchor: anchor.clone(), signatures };
    assert_eq!(refused(unknown), RecoverError::UnknownKey(3));

    let foreign = Anchor { genesis: [1; 32], ..anchor.clone() };
    assert_eq!(refused(sign(foreign, &[0, 1])), RecoverError::OtherChain);
    let below = Anchor { number: 4, ..anchor.clone() };
    assert!(matches!(refused(sign(below, &[0, 1])), RecoverError::NotAhead { .. }));
    let nobody = Anchor { authorities: vec![], ..anchor.clone() };
    assert_eq!(refused(sign(nobody, &[0, 1])), RecoverError::Authorities(AuthoritySetError::Weights));

    let mut keyless = LightClient::new(chain.config()).unwrap();
    assert_eq!(keyless.recover(&sign(anchor, &[0, 1])), Err(RecoverError::NoRecoveryKeys));
}

#[test]
fn checkpoints_restore() {
    let (chain, client, _) = stalled();
    let fresh = LightClient::new(&config(&chain)).unwrap();
    for client in [client, fresh] {
        assert_eq!(LightClient::restore(&config(&chain), &client.checkpoint()), Ok(client));
    }
}

#[test]
fn checkpoints_of_other_chains_and_versions_are_refused() {
    let (chain, client, _) = stalled();
    let (config, bytes) = (config(&chain), client.checkpoint());
    let mut other = config.clone();
    other.genesis.extrinsics_root.0[0] ^= 1;
    assert_eq!(LightClient::restore(&other, &bytes), Err(CheckpointError::OtherChain));
    let wire = |bytes: &[u8]| match LightClient::restore(&config, bytes) {
        Err(CheckpointError::Wire(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(wire(&[]), WireError::Empty);
    assert_eq!(wire(&[&[2], &bytes[1..]].concat()), WireError::UnknownVersion(2));
    assert_eq!(wire(&[&bytes[..], &[0]].concat()), WireError::TrailingBytes);
    assert_eq!(wire(&bytes[..bytes.len() - 1]), WireError::Malformed);
    assert!(matches!(wire(&vec![1; 1 << 20]), WireError::TooLarge { .. }));
}

proptest! {
    /// A checkpoint is sealed by who keeps it; damage that gets through must at least not panic.
    #[test]
    fn damaged_checkpoints_and_anchors_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let (chain, mut client, anchor) = stalled();
        let damage = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
            if cut { bytes.truncate(at) }
            bytes
        };
        let _ = LightClient::restore(&config(&chain), &damage(client.checkpoint()));
        let honest = sign(anchor, &[0, 1]);
        if let Ok(signed) = SignedAnchor::from_wire(&damage(honest.encode())) {
            prop_assert_eq!(client.recover(&signed).is_ok(), signed == honest);
        }
    }
}
