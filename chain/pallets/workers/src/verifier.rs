//! The edge to the verification of evidence: a trait, and its one implementation for real networks.

use phala_attestation::{AttestationError, Evidence, Policy, verify};
use phala_primitives::{Wire, report_data::BootBinding, worker::ClaimsSummary};

/// Verifies evidence. Pure: the same input gives the same answer on every node.
pub trait Verifier {
    /// What `evidence` proves at `now`, in seconds since the Unix epoch, if it satisfies `policy` and binds `binding`.
    fn verify(
        evidence: &[u8],
        policy: &Policy,
        binding: &BootBinding,
        now: u64,
    ) -> Result<ClaimsSummary, AttestationError>;
}

/// Verifies with `phala-attestation`. The report data is computed from what the pallet has checked, never taken from the
/// sender.
pub struct Attestation;

impl Verifier for Attestation {
    fn verify(
        evidence: &[u8],
        policy: &Policy,
        binding: &BootBinding,
        now: u64,
    ) -> Result<ClaimsSummary, AttestationError> {
        let evidence = Evidence::from_wire(evidence).map_err(|_| AttestationError::MalformedQuote)?;
        verify(&evidence, policy, &binding.report_data(), now).map(|claims| claims.summary())
    }
}
