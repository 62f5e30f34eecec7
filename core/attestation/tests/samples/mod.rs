//! Real quotes with the collateral that Intel had signed at the time: they ship with the verifier's crate.

#![allow(dead_code, reason = "each test program uses a part of it")]

use dcap_qvl::QuoteCollateralV3;
use phala_attestation::{Collateral, Evidence, trim_padding};
use std::{path::PathBuf, process::Command, sync::LazyLock};

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let verifier = packages.iter().find(|package| package["name"] == "dcap-qvl").expect("the verifier is a dependency");
    PathBuf::from(verifier["manifest_path"].as_str().expect("a path")).with_file_name("sample")
});

/// The evidence that the sample of this name makes.
pub fn evidence(name: &str) -> Evidence {
    let quote = raw_quote(name);
    Evidence::dcap(trim_padding(&quote).to_vec(), &collateral(name)).expect("real evidence fits the limits")
}

/// The quote's file as it is, padding included.
pub fn raw_quote(name: &str) -> Vec<u8> {
    std::fs::read(DIRECTORY.join(name)).expect("the sample is there")
}

/// The collateral of a sample.
pub fn collateral(name: &str) -> Collateral {
    let json = std::fs::read(DIRECTORY.join(format!("{name}_collateral.json"))).expect("the sample is there");
    let all: QuoteCollateralV3 = serde_json::from_slice(&json).expect("collateral decodes");
    Collateral {
        root_ca_crl: all.root_ca_crl,
        pck_crl: all.pck_crl,
        tcb_info_issuer_chain: all.tcb_info_issuer_chain,
        tcb_info: all.tcb_info,
        tcb_info_signature: all.tcb_info_signature.try_into().expect("64 bytes"),
        qe_identity_issuer_chain: all.qe_identity_issuer_chain,
        qe_identity: all.qe_identity,
        qe_identity_signature: all.qe_identity_signature.try_into().expect("64 bytes"),
    }
}
