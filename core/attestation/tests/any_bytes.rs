//! Whatever the bytes are: no panic, and either a refusal or the same claims.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // tests

use codec::{Decode, Encode};
use phala_attestation::{Evidence, VerifiedClaims, trim_padding};
use proptest::prelude::*;
use software::{Network, with_collateral, with_quote};
use std::sync::LazyLock;

mod software;

struct Known {
    network: Network,
    evidence: Evidence,
    claims: VerifiedClaims,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let network = Network::new();
    let evidence = network.evidence();
    let claims = network.verify(&evidence).expect("good evidence");
    Known { network, evidence, claims }
});

fn refused_or_the_same(evidence: &Evidence) -> Result<(), TestCaseError> {
    match KNOWN.network.verify(evidence) {
        Ok(claims) => prop_assert_eq!(&claims, &KNOWN.claims, "other claims from changed bytes"),
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_in_the_quote(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let flipped = with_quote(&KNOWN.evidence, |quote| {
            let at = at.index(quote.len());
            quote[at] ^= 1 << bit;
        });
        refused_or_the_same(&flipped)?;
    }

    #[test]
    fn a_flipped_bit_in_the_collateral(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let Evidence::Dcap { quote, collateral } = KNOWN.evidence.clone();
        let mut collateral = collateral.into_inner();
        let at = at.index(collateral.len());
        collateral[at] ^= 1 << bit;
        refused_or_the_same(&Evidence::Dcap { quote, collateral: collateral.try_into().expect("same length") })?;
    }

    #[test]
    fn a_stretch_of_the_quote_replaced(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let changed = with_quote(&KNOWN.evidence, |quote| {
            let at = at.index(quote.len());
            quote.iter_mut().skip(at).zip(&bytes).for_each(|(to, from)| *to = *from);
        });
        refused_or_the_same(&changed)?;
    }

    #[test]
    fn foreign_certificates_as_lists(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        refused_or_the_same(&with_collateral(&KNOWN.evidence, |collateral| collateral.pck_crl = bytes.clone()))?;
        refused_or_the_same(&with_collateral(&KNOWN.evidence, |collateral| collateral.root_ca_crl = bytes))?;
    }
}

proptest! {
    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(evidence) = Evidence::decode(&mut bytes.as_slice()) {
            prop_assert!(KNOWN.network.verify(&evidence).is_err());
        }
        let noise = with_quote(&KNOWN.evidence, |quote| *quote = bytes.clone());
        prop_assert!(KNOWN.network.verify(&noise).is_err());
        prop_assert!(trim_padding(&bytes).len() <= bytes.len());
        prop_assert_eq!(Evidence::decode(&mut noise.encode().as_slice()).ok(), Some(noise));
    }
}
