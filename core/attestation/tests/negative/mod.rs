//! Evidence in which one thing is wrong, each with the check that must refuse it. Made anew for every format.

use codec::{DecodeAll, Encode};
use phala_attestation::{
    AllowedMeasurement, AttestationError, Evidence, Hardware, Policy, TrustedRoot, VerifiedClaims, verify,
};
use phala_primitives::worker::{Measurement, TcbStatus};
use phala_soft_tee::{Draft, Format, Issued, Program, Seed, Statement, Vendor};

mod certificates;
mod chains;
mod collateral;
mod layout;
mod program;
mod quote;
mod sizes;

pub use layout::{Layout, Part, fields};

/// The chain's time: 2027-01-15 08:00:00.
pub const NOW: u64 = 1_800_000_000;
pub const REPORT_DATA: [u8; 64] = [9; 64];

/// A second ago, and in a second: as statements write it.
const PAST: &str = "2027-01-15T07:59:59Z";
const FUTURE: &str = "2027-01-15T08:00:01Z";

const ALL: &[Format] = &Format::ALL;
const SGX: &[Format] = &[Format::Sgx3];
const TDX: &[Format] = &[Format::Tdx4, Format::Tdx5, Format::Tdx5Td15, Format::Tdx5Td15Ex];
/// Those whose header names the body.
const V5: &[Format] = &[Format::Tdx5, Format::Tdx5Td15, Format::Tdx5Td15Ex];
/// Those whose report has the fields of TDX 1.5.
const TD15: &[Format] = &[Format::Tdx5Td15, Format::Tdx5Td15Ex];

/// One thing that is wrong.
pub struct Fault {
    pub name: &'static str,
    /// The formats that can have it.
    pub on: &'static [Format],
    pub change: Change,
    /// The check that fails.
    pub refused: AttestationError,
}

/// What is done to make it wrong. The other vendor has the same names and says the same.
pub enum Change {
    /// Something else is said, and signed.
    Said(fn(&mut Draft, &Draft)),
    /// Something else is said of the root, and the chain trusts that root.
    OfTheRoot(fn(&mut Draft)),
    /// Something is changed after it was signed.
    Signed(fn(&mut Issued, &Issued, &Layout)),
    /// The chain accepts something else.
    Accepted(fn(&mut Policy)),
}

const fn said(
    name: &'static str,
    on: &'static [Format],
    change: fn(&mut Draft, &Draft),
    refused: AttestationError,
) -> Fault {
    Fault { name, on, change: Change::Said(change), refused }
}

const fn signed(
    name: &'static str,
    on: &'static [Format],
    change: fn(&mut Issued, &Issued, &Layout),
    refused: AttestationError,
) -> Fault {
    Fault { name, on, change: Change::Signed(change), refused }
}

/// All faults.
pub fn faults() -> impl Iterator<Item = &'static Fault> {
    [certificates::FAULTS, chains::FAULTS, collateral::FAULTS, program::FAULTS, quote::FAULTS, sizes::FAULTS]
        .into_iter()
        .flatten()
}

/// What one format's evidence of a program is, and a chain that accepts it.
pub struct Scene {
    pub format: Format,
    pub vendor: Vendor,
    pub policy: Policy,
    other: Vendor,
    issued: Issued,
    issued_by_other: Issued,
}

impl Scene {
    pub fn new(format: Format) -> Self {
        let vendor = Vendor::new(Seed::development()).expect("the vendor's PKI");
        let other = Vendor::new(Seed::from_text("another vendor")).expect("the vendor's PKI");
        let policy = policy(format, vendor.trusted_root().expect("the root"));
        let issued = draft(&vendor, format).issue().expect("evidence");
        let issued_by_other = draft(&other, format).issue().expect("evidence");
        Self { format, vendor, policy, other, issued, issued_by_other }
    }

    /// What the vendor says, before it is signed.
    pub fn draft(&self) -> Draft {
        draft(&self.vendor, self.format)
    }

    /// What the vendor has signed.
    pub fn issued(&self) -> Issued {
        self.issued.clone()
    }

    /// What the chain says to these parts.
    pub fn verify(&self, issued: &Issued) -> Result<VerifiedClaims, AttestationError> {
        accept(issued, &self.policy)
    }

    /// What the chain says to evidence with this change.
    pub fn outcome(&self, change: &Change) -> Result<VerifiedClaims, AttestationError> {
        match change {
            Change::Said(change) => {
                let mut draft = self.draft();
                change(&mut draft, &self::draft(&self.other, self.format));
                self.verify(&draft.issue().expect("what is wrong can be signed"))
            }
            Change::OfTheRoot(change) => {
                let mut draft = self.draft();
                change(&mut draft);
                let issued = draft.issue().expect("what is wrong can be signed");
                accept(&issued, &policy(self.format, issued.trusted_root().expect("a root")))
            }
            Change::Signed(change) => {
                let mut issued = self.issued();
                change(&mut issued, &self.issued_by_other, &Layout::of(self.format));
                self.verify(&issued)
            }
            Change::Accepted(change) => {
                let mut policy = self.policy.clone();
                change(&mut policy);
                accept(&self.issued, &policy)
            }
        }
    }
}

fn draft(vendor: &Vendor, format: Format) -> Draft {
    let program = Program::new(format, Measurement([7; 48]), REPORT_DATA);
    vendor.draft(format, &program, &Statement::at(NOW)).expect("a draft")
}

/// The program's measurement as claims name it.
pub fn measurement(format: Format) -> Measurement {
    let len = if format.hardware() == Hardware::Sgx { 32 } else { 48 };
    Measurement(std::array::from_fn(|at| if at < len { 7 } else { 0 }))
}

fn policy(format: Format, root: TrustedRoot) -> Policy {
    let program = AllowedMeasurement {
        hardware: format.hardware(),
        measurement: measurement(format),
        registers: None,
        name: b"phala-worker".to_vec().try_into().expect("short"),
        version: b"0.1.0".to_vec().try_into().expect("short"),
    };
    Policy {
        roots: vec![root].try_into().expect("one"),
        measurements: vec![program].try_into().expect("one"),
        tcb: vec![TcbStatus::UpToDate].try_into().expect("one"),
    }
}

/// Over the wire, as a registration comes.
fn accept(issued: &Issued, policy: &Policy) -> Result<VerifiedClaims, AttestationError> {
    let wire = issued.evidence()?.encode();
    let evidence = Evidence::decode_all(&mut wire.as_slice()).expect("within the limits");
    verify(&evidence, policy, &REPORT_DATA, NOW)
}
