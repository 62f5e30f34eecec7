//! Evidence of the software TEE, good and bad: each bad one is refused by the check that it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // tests

use codec::Encode;
use dcap_qvl::TcbStatus as IntelStatus;
use phala_attestation::{AttestationError as E, Evidence, Hardware, MAX_COLLATERAL, MAX_QUOTE, TrustedRoot, verify};
use phala_primitives::{Assurance, Wire, WireError, worker::TcbStatus};
use phala_soft_tee::{Seed, Statement, Vendor};
use software::{NOW, Network, PROGRAM, REPORT_DATA, with_collateral, with_quote};

mod software;

/// Where the parts of a version 4 quote of ours begin.
const MR_TD: usize = 48 + 136;
const AUTH_LEN: usize = 632;
const SIGNATURE: usize = 636;
const ATTESTATION_KEY: usize = 700;
const OUTER_TYPE: usize = 764;
const QE_REPORT: usize = 770;
const QE_SIGNATURE: usize = 1154;
const QE_AUTH_DATA: usize = 1220;
const CHAIN_TYPE: usize = 1252;
const CHAIN: usize = 1258;

fn refused(change: impl FnOnce(&mut Network)) -> Option<E> {
    let mut network = Network::new();
    change(&mut network);
    network.outcome().err()
}

fn refused_quote(change: impl FnOnce(&mut Vec<u8>)) -> Option<E> {
    let network = Network::new();
    network.verify(&with_quote(&network.evidence(), change)).err()
}

fn refused_collateral(change: impl FnOnce(&mut phala_attestation::Collateral)) -> Option<E> {
    let network = Network::new();
    network.verify(&with_collateral(&network.evidence(), change)).err()
}

#[test]
fn the_software_tee_is_verified_under_its_own_root_and_shown_as_software() {
    let network = Network::new();
    let claims = network.outcome().unwrap();
    assert_eq!(claims.assurance, Assurance::Software);
    assert_eq!(claims.measurement, PROGRAM);
    assert_eq!(claims.report_data, REPORT_DATA);
    assert_eq!(claims.tcb, TcbStatus::UpToDate);
    assert_eq!(claims.device, network.vendor.device());
    assert_eq!(claims.family, *b"PHALA\0");
    assert_eq!(claims.summary().assurance, Assurance::Software);
}

#[test]
fn only_the_root_makes_the_difference() {
    let untrusted = Some(E::UntrustedRoot);
    assert_eq!(refused(|n| n.policy.roots = vec![TrustedRoot::intel()].try_into().unwrap()), untrusted);
    assert_eq!(refused(|n| n.policy.roots = Default::default()), untrusted);
    assert_eq!(refused(|n| n.vendor = Vendor::new(Seed::from_text("another vendor")).unwrap()), untrusted);
    // Intel's beside ours: each is found.
    let mut network = Network::new();
    network.policy.roots.try_insert(0, TrustedRoot::intel()).unwrap();
    assert_eq!(network.outcome().unwrap().assurance, Assurance::Software);
}

#[test]
fn a_quote_that_appends_a_trusted_root_to_a_foreign_chain_is_refused() {
    let foreign = Vendor::new(Seed::from_text("another vendor")).unwrap();
    let network = Network::new();
    let own_root = {
        let Evidence::Dcap { quote, .. } = network.evidence();
        let text = String::from_utf8(quote[CHAIN..].to_vec()).unwrap();
        text[text.rfind("-----BEGIN").unwrap()..].to_owned()
    };
    let forged = with_quote(&foreign.evidence(&network.td, &network.statement).unwrap(), |quote| {
        quote.extend_from_slice(own_root.as_bytes());
        for (at, whole) in [(AUTH_LEN, SIGNATURE), (OUTER_TYPE + 2, QE_REPORT), (CHAIN_TYPE + 2, CHAIN)] {
            let len = u32::try_from(quote.len() - whole).unwrap();
            quote[at..at + 4].copy_from_slice(&len.to_le_bytes());
        }
    });
    // The collateral is the foreign vendor's: its revocation list is not signed by the root that is trusted.
    assert_eq!(network.verify(&forged).err(), Some(E::CollateralSignature));
    // With the trusted vendor's collateral the platform's certificate is what does not fit.
    let Evidence::Dcap { quote, .. } = forged;
    let Evidence::Dcap { collateral, .. } = network.evidence();
    assert_eq!(network.verify(&Evidence::Dcap { quote, collateral }).err(), Some(E::CertificateInvalid));
}

#[test]
fn what_the_policy_refuses() {
    assert_eq!(refused(|n| n.td.report_data[63] ^= 1), Some(E::ReportDataMismatch));
    assert_eq!(refused(|n| n.td.measurement.0[0] ^= 1), Some(E::MeasurementNotAllowed));
    assert_eq!(refused(|n| n.td.registers[3][0] = 1), Some(E::MeasurementNotAllowed));
    assert_eq!(refused(|n| n.policy.measurements = Default::default()), Some(E::MeasurementNotAllowed));
    assert_eq!(refused(|n| n.statement.status = IntelStatus::OutOfDate), Some(E::TcbStatusRefused));
    assert_eq!(refused(|n| n.statement.status = IntelStatus::SWHardeningNeeded), Some(E::TcbStatusRefused));
    assert_eq!(refused(|n| n.policy.tcb = Default::default()), Some(E::TcbStatusRefused));
}

#[test]
fn a_policy_can_accept_an_old_tcb_but_never_a_revoked_one() {
    let mut network = Network::new();
    network.policy.tcb.try_push(TcbStatus::OutOfDate).unwrap();
    network.policy.tcb.try_push(TcbStatus::Revoked).unwrap();
    network.statement.status = IntelStatus::OutOfDate;
    network.statement.advisories = vec!["PHALA-SA-1".into()];
    let claims = network.outcome().unwrap();
    assert_eq!(claims.tcb, TcbStatus::OutOfDate);
    assert_eq!(claims.advisories.len(), 1);
    network.statement.status = IntelStatus::Revoked;
    assert_eq!(network.outcome().err(), Some(E::TcbRevoked));
}

#[test]
fn attributes_that_break_isolation() {
    assert_eq!(refused(|n| n.td.attributes[0] |= 0x01), Some(E::DebugEnclave), "debug");
    assert_eq!(refused(|n| n.td.attributes[0] |= 0x10), Some(E::DebugEnclave), "profiling");
    assert_eq!(refused(|n| n.td.attributes[0] |= 0x02), Some(E::AttributesRefused), "reserved");
    assert_eq!(refused(|n| n.td.attributes[2] |= 0x02), Some(E::AttributesRefused), "service TD");
    assert_eq!(refused(|n| n.td.attributes[3] |= 0x20), Some(E::AttributesRefused), "migration");
    assert_eq!(refused(|n| n.td.attributes[3] = 0), Some(E::AttributesRefused), "SEPT_VE_DISABLE off");
}

#[test]
fn dates_and_revocation() {
    let day = 24 * 3600;
    let network = Network::new();
    let at = |now| verify(&network.evidence(), &network.policy, &REPORT_DATA, now).err();
    assert_eq!(at(network.statement.expires_at - 1), None);
    assert_eq!(at(network.statement.expires_at + day), Some(E::CollateralExpired));
    assert_eq!(at(network.statement.issued_at), None);
    assert_eq!(at(network.statement.issued_at - 1), Some(E::CollateralNotYetValid));
    assert_eq!(at(u64::MAX), Some(E::CollateralExpired));
    assert_eq!(at(0), Some(E::CollateralNotYetValid));
    assert_eq!(refused(|n| n.statement = Statement::at(NOW - 60 * day)), Some(E::CollateralExpired));
    assert_eq!(refused(|n| n.statement = Statement::at(NOW + day)), Some(E::CollateralNotYetValid));
    assert_eq!(refused(|n| n.statement.revoked = true), Some(E::Revoked));
}

#[test]
fn collateral_of_one_time_is_not_mixed_with_that_of_another() {
    let network = Network::new();
    let old = network.vendor.collateral(Hardware::Tdx, &Statement::at(NOW - 60 * 24 * 3600)).unwrap();
    let swap = |change: &dyn Fn(&mut phala_attestation::Collateral)| refused_collateral(|c| change(c));
    assert_eq!(swap(&|c| c.root_ca_crl = old.root_ca_crl.clone()), Some(E::CollateralExpired));
    assert_eq!(swap(&|c| c.pck_crl = old.pck_crl.clone()), Some(E::CollateralExpired));
    assert_eq!(swap(&|c| c.tcb_info = old.tcb_info.clone()), Some(E::CollateralExpired));
    assert_eq!(swap(&|c| c.qe_identity = old.qe_identity.clone()), Some(E::CollateralExpired));
}

#[test]
fn damaged_or_foreign_collateral() {
    let network = Network::new();
    let foreign = Vendor::new(Seed::from_text("another vendor")).unwrap();
    let foreign = foreign.collateral(Hardware::Tdx, &network.statement).unwrap();
    let swap = |change: &dyn Fn(&mut phala_attestation::Collateral)| refused_collateral(|c| change(c));
    assert_eq!(swap(&|c| c.tcb_info_signature[0] ^= 1), Some(E::CollateralSignature));
    assert_eq!(swap(&|c| c.qe_identity_signature[0] ^= 1), Some(E::CollateralSignature));
    assert_eq!(swap(&|c| c.tcb_info = c.tcb_info.replace("UpToDate", "OutOfDate")), Some(E::CollateralSignature));
    assert_eq!(swap(&|c| c.tcb_info.push(' ')), Some(E::CollateralSignature));
    assert_eq!(swap(&|c| c.tcb_info.clear()), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| c.qe_identity.clear()), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| std::mem::swap(&mut c.tcb_info, &mut c.qe_identity)), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| c.root_ca_crl.clear()), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| c.pck_crl.truncate(20)), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| c.pck_crl = c.root_ca_crl.clone()), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| c.tcb_info_issuer_chain.clear()), Some(E::MalformedCollateral));
    assert_eq!(swap(&|c| c.root_ca_crl = foreign.root_ca_crl.clone()), Some(E::CollateralSignature));
    assert_eq!(swap(&|c| c.tcb_info_issuer_chain = foreign.tcb_info_issuer_chain.clone()), Some(E::CertificateInvalid));
    assert_eq!(refused(|n| n.statement.family = [1; 6]), Some(E::PlatformUnknown));

    let Evidence::Dcap { quote, .. } = network.evidence();
    let garbage = Evidence::Dcap { quote, collateral: vec![0xff; 100].try_into().unwrap() };
    assert_eq!(network.verify(&garbage).err(), Some(E::MalformedCollateral));
}

#[test]
fn every_region_of_the_quote_is_protected() {
    let flip = |at: usize| refused_quote(|quote| quote[at] ^= 1);
    assert_eq!(flip(0), Some(E::UnsupportedVersion), "version");
    assert_eq!(flip(2), Some(E::UnsupportedVersion), "key type");
    assert_eq!(flip(4), Some(E::UnsupportedVersion), "TEE type");
    assert_eq!(flip(8), Some(E::QuoteSignature), "QE SVN");
    assert_eq!(flip(12), Some(E::UnsupportedVersion), "QE vendor");
    assert_eq!(flip(28), Some(E::QuoteSignature), "user data");
    assert_eq!(flip(48), Some(E::QuoteSignature), "TCB SVN");
    assert_eq!(flip(MR_TD), Some(E::QuoteSignature), "MRTD");
    assert_eq!(flip(631), Some(E::QuoteSignature), "report data");
    assert_eq!(flip(SIGNATURE), Some(E::QuoteSignature), "signature");
    assert_eq!(flip(ATTESTATION_KEY), Some(E::QuotingEnclave), "attestation key");
    assert_eq!(flip(OUTER_TYPE), Some(E::UnsupportedVersion), "certification type");
    assert_eq!(flip(QE_REPORT), Some(E::QuotingEnclave), "QE report");
    assert_eq!(flip(QE_SIGNATURE), Some(E::QuotingEnclave), "QE signature");
    assert_eq!(flip(QE_AUTH_DATA), Some(E::QuotingEnclave), "QE authentication data");
    assert_eq!(flip(CHAIN_TYPE), Some(E::UnsupportedVersion), "type of the chain");
    // Inside the base64 of the platform's certificate, past its header line.
    let inside = refused_quote(|quote| quote[CHAIN + 300] = if quote[CHAIN + 300] == b'A' { b'B' } else { b'A' });
    assert!(matches!(inside, Some(E::CertificateInvalid | E::QuotingEnclave | E::UntrustedRoot)), "{inside:?}");
}

#[test]
fn lengths_must_add_up() {
    let network = Network::new();
    let evidence = network.evidence();
    let Evidence::Dcap { quote, .. } = &evidence;
    for len in 0..quote.len() {
        let cut = with_quote(&evidence, |quote| quote.truncate(len));
        let refused = network.verify(&cut).unwrap_err();
        assert!(matches!(refused, E::MalformedQuote | E::UnsupportedVersion), "cut at {len}: {refused}");
    }
    assert_eq!(refused_quote(|quote| quote.push(0)), Some(E::TrailingBytes));
    assert_eq!(refused_quote(|quote| quote[AUTH_LEN + 1] += 1), Some(E::MalformedQuote), "longer than it is");
    assert_eq!(refused_quote(|quote| quote[CHAIN_TYPE + 3] -= 1), Some(E::TrailingBytes), "shorter chain");
    assert_eq!(refused_quote(|quote| quote[AUTH_LEN + 3] = 0xff), Some(E::MalformedQuote), "4 GB");
}

#[test]
fn sizes_are_bounded_before_anything_is_read() {
    let network = Network::new();
    let Evidence::Dcap { collateral, .. } = network.evidence();
    let mut decoded: phala_attestation::Collateral = codec::Decode::decode(&mut &collateral[..]).unwrap();
    assert_eq!(Evidence::dcap(vec![0; MAX_QUOTE as usize + 1], &decoded).err(), Some(E::Oversized));
    decoded.pck_crl = vec![0; MAX_COLLATERAL as usize];
    assert_eq!(Evidence::dcap(Vec::new(), &decoded).err(), Some(E::Oversized));

    let wire = network.evidence().encode();
    assert_eq!(Evidence::from_wire(&wire).unwrap(), network.evidence());
    assert_eq!(wire[0], 1, "the first byte is the version");
    let mut newer = wire.clone();
    newer[0] = 2;
    assert_eq!(Evidence::from_wire(&newer), Err(WireError::UnknownVersion(2)));
    let longer = [wire.as_slice(), &[0]].concat();
    assert_eq!(Evidence::from_wire(&longer), Err(WireError::TrailingBytes));
    assert!(matches!(Evidence::from_wire(&vec![1; 1 << 20]), Err(WireError::TooLarge { .. })));
    // A quote of the declared length 2^30: refused by its bound, not by the lack of bytes.
    assert_eq!(Evidence::from_wire(&[1, 2, 0, 0, 0xff]), Err(WireError::Malformed));
}

#[test]
fn a_broken_policy_is_named() {
    let broken =
        |bytes: Vec<u8>| TrustedRoot { certificate: bytes.try_into().unwrap(), assurance: Assurance::Hardware };
    let roots = vec![broken(vec![0; 10])].try_into().unwrap();
    assert_eq!(refused(|n| n.policy.roots = roots), Some(E::MalformedRoot));
}

/// Documented malleability: the chain's PEM is text, and white space in it means nothing.
#[test]
fn white_space_in_the_chain_changes_the_bytes_and_not_the_claims() {
    let network = Network::new();
    let original = network.evidence();
    let respaced = with_quote(&original, |quote| {
        quote.push(b'\n');
        for (at, whole) in [(AUTH_LEN, SIGNATURE), (OUTER_TYPE + 2, QE_REPORT), (CHAIN_TYPE + 2, CHAIN)] {
            let len = u32::try_from(quote.len() - whole).unwrap();
            quote[at..at + 4].copy_from_slice(&len.to_le_bytes());
        }
    });
    assert_ne!(original, respaced);
    assert_eq!(network.verify(&original), network.verify(&respaced));
}

#[test]
fn a_vendor_is_a_function_of_its_seed() {
    let roots = || Vendor::new(Seed::development()).unwrap().trusted_root().unwrap();
    assert_eq!(roots(), roots());
    let other = Vendor::new(Seed::from_text("another vendor")).unwrap().trusted_root().unwrap();
    assert_ne!(roots(), other);
}
