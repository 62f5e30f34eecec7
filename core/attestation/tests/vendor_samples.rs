//! Real Intel evidence: accepted while its collateral lasts, refused one day later, before it, and under another root.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // tests

use phala_attestation::{AttestationError, Evidence, Hardware, TrustedRoot, authenticate};
use phala_primitives::{Assurance, worker::TcbStatus};
use phala_soft_tee::{Seed, Vendor};

mod samples;

const DAY: u64 = 24 * 3600;

struct Sample {
    name: &'static str,
    /// A time at which all of its collateral holds.
    now: u64,
    hardware: Hardware,
    tcb: TcbStatus,
}

/// SGX version 3, TDX version 4, and TDX version 5 with the extended TD 1.5 body.
const SAMPLES: [Sample; 3] = [
    Sample {
        name: "sgx_quote",
        now: 1_750_377_600,
        hardware: Hardware::Sgx,
        tcb: TcbStatus::ConfigurationAndSwHardeningNeeded,
    },
    Sample { name: "tdx_quote", now: 1_750_377_600, hardware: Hardware::Tdx, tcb: TcbStatus::UpToDate },
    Sample { name: "tdx_quote_td15ex", now: 1_791_504_000, hardware: Hardware::Tdx, tcb: TcbStatus::UpToDate },
];

#[test]
fn real_evidence_verifies_under_the_vendors_root_until_its_collateral_ends() {
    let roots = [TrustedRoot::intel()];
    for sample in SAMPLES {
        let evidence = samples::evidence(sample.name);
        let claims = authenticate(&evidence, &roots, sample.now).unwrap_or_else(|e| panic!("{}: {e}", sample.name));
        assert_eq!(claims.hardware, sample.hardware, "{}", sample.name);
        assert_eq!(claims.assurance, Assurance::Hardware, "{}", sample.name);
        assert_eq!(claims.tcb, sample.tcb, "{}", sample.name);
        assert_ne!(claims.device, [0; 16], "{}", sample.name);

        let end = claims.valid_until;
        assert!(authenticate(&evidence, &roots, end - 1).is_ok(), "{}: valid to its last second", sample.name);
        let late = authenticate(&evidence, &roots, end + DAY);
        assert_eq!(late, Err(AttestationError::CollateralExpired), "{}: a day late", sample.name);
        let early = authenticate(&evidence, &roots, sample.now - 60 * DAY);
        assert_eq!(early, Err(AttestationError::CollateralNotYetValid), "{}: before it was issued", sample.name);
    }
}

/// TDX version 5 with a TD 1.5 body. Component 8 of its platform's TCB is 3, where the lowest level that Intel states asks
/// for 5: there is no status that could be claimed.
#[test]
fn a_platform_below_every_level_is_refused() {
    let evidence = samples::evidence("tdx_quote_outdated");
    let refused = authenticate(&evidence, &[TrustedRoot::intel()], 1_771_459_200);
    assert_eq!(refused, Err(AttestationError::PlatformUnknown));
}

#[test]
fn the_claims_are_those_of_the_quote() {
    let quote = samples::raw_quote("tdx_quote");
    let claims = authenticate(&samples::evidence("tdx_quote"), &[TrustedRoot::intel()], 1_750_377_600).unwrap();
    // Offsets of a version 4 quote: a header of 48 bytes, then the TD report with MRTD at 136 and REPORTDATA at 520.
    assert_eq!(claims.measurement.0[..], quote[48 + 136..48 + 184]);
    assert_eq!(claims.registers[0][..], quote[48 + 328..48 + 376]);
    assert_eq!(claims.report_data[..], quote[48 + 520..48 + 584]);

    let quote = samples::raw_quote("sgx_quote");
    let claims = authenticate(&samples::evidence("sgx_quote"), &[TrustedRoot::intel()], 1_750_377_600).unwrap();
    assert_eq!(claims.measurement.0[..32], quote[48 + 64..48 + 96]);
    assert_eq!(claims.measurement.0[32..], [0; 16]);
    assert_eq!(claims.signer[..32], quote[48 + 128..48 + 160]);
    let advisories: Vec<&[u8]> = claims.advisories.iter().map(|id| id.as_slice()).collect();
    assert_eq!(advisories, [b"INTEL-SA-00289".as_slice(), b"INTEL-SA-00615"]);
}

#[test]
fn a_chain_that_trusts_only_software_refuses_real_hardware() {
    let roots = [Vendor::new(Seed::development()).unwrap().trusted_root().unwrap()];
    for sample in SAMPLES {
        let refused = authenticate(&samples::evidence(sample.name), &roots, sample.now);
        assert_eq!(refused, Err(AttestationError::UntrustedRoot), "{}", sample.name);
    }
}

#[test]
fn collateral_of_another_quote_does_not_help() {
    let roots = [TrustedRoot::intel()];
    let quote = samples::raw_quote("sgx_quote");
    let mixed = Evidence::dcap(quote, &samples::collateral("tdx_quote")).unwrap();
    let refused = authenticate(&mixed, &roots, 1_750_377_600).unwrap_err();
    assert_eq!(refused, AttestationError::MalformedCollateral, "TDX collateral for an SGX quote");
}

#[test]
fn padding_is_refused_and_collectors_can_trim_it() {
    let padded = samples::raw_quote("tdx_quote");
    let trimmed = phala_attestation::trim_padding(&padded);
    assert!(trimmed.len() < padded.len(), "this sample has padding");
    let evidence = Evidence::dcap(padded.clone(), &samples::collateral("tdx_quote")).unwrap();
    let refused = authenticate(&evidence, &[TrustedRoot::intel()], 1_750_377_600);
    assert_eq!(refused, Err(AttestationError::TrailingBytes));
}
