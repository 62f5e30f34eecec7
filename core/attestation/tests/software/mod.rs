//! A software vendor, a policy that trusts it, and a registration that passes.

#![allow(dead_code, reason = "each test program uses a part of it")]

use codec::{DecodeAll, Encode};
use phala_attestation::{
    AllowedMeasurement, AttestationError, Collateral, Evidence, Hardware, Policy, VerifiedClaims, verify,
};
use phala_primitives::worker::{Measurement, TcbStatus};
use phala_soft_tee::{Seed, Statement, Td, Vendor};

/// The chain's time.
pub const NOW: u64 = 1_800_000_000;
pub const PROGRAM: Measurement = Measurement([7; 48]);
pub const REPORT_DATA: [u8; 64] = [9; 64];

pub struct Network {
    pub vendor: Vendor,
    pub policy: Policy,
    pub td: Td,
    pub statement: Statement,
}

impl Network {
    pub fn new() -> Self {
        let vendor = Vendor::new(Seed::development()).expect("the vendor's PKI");
        let program = AllowedMeasurement {
            hardware: Hardware::Tdx,
            measurement: PROGRAM,
            registers: None,
            name: b"phala-worker".to_vec().try_into().expect("short"),
            version: b"0.1.0".to_vec().try_into().expect("short"),
        };
        let policy = Policy {
            roots: vec![vendor.trusted_root().expect("the root")].try_into().expect("one"),
            measurements: vec![program].try_into().expect("one"),
            tcb: vec![TcbStatus::UpToDate].try_into().expect("one"),
        };
        Self { vendor, policy, td: Td::new(PROGRAM, REPORT_DATA), statement: Statement::at(NOW) }
    }

    pub fn evidence(&self) -> Evidence {
        self.vendor.evidence(&self.td, &self.statement).expect("evidence")
    }

    pub fn verify(&self, evidence: &Evidence) -> Result<VerifiedClaims, AttestationError> {
        verify(evidence, &self.policy, &REPORT_DATA, NOW)
    }

    /// What the policy says to this network's own evidence.
    pub fn outcome(&self) -> Result<VerifiedClaims, AttestationError> {
        self.verify(&self.evidence())
    }
}

/// The evidence with its quote changed.
pub fn with_quote(evidence: &Evidence, change: impl FnOnce(&mut Vec<u8>)) -> Evidence {
    let Evidence::Dcap { quote, collateral } = evidence.clone();
    let mut quote = quote.into_inner();
    change(&mut quote);
    Evidence::Dcap { quote: quote.try_into().expect("within the limit"), collateral }
}

/// The evidence with its collateral changed.
pub fn with_collateral(evidence: &Evidence, change: impl FnOnce(&mut Collateral)) -> Evidence {
    let Evidence::Dcap { quote, collateral } = evidence.clone();
    let mut decoded = Collateral::decode_all(&mut &collateral[..]).expect("our own collateral");
    change(&mut decoded);
    Evidence::Dcap { quote, collateral: decoded.encode().try_into().expect("within the limit") }
}
