//! The edge to the verification of evidence: one trait, which the runtime wires to [`verify`] and to the network's formula of
//! report data.

use phala_attestation::{AttestationError, Policy};
use phala_primitives::{AccountId, BootKem, BootSign, Hash256, Wire, WorkerId, worker::ClaimsSummary};

/// What the report data of evidence must bind. Assembled by the pallet from what it has checked itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The chain.
    pub genesis: Hash256,
    /// The boot's signing key.
    pub boot_sign: BootSign,
    /// The boot's key for envelopes.
    pub boot_kem: BootKem,
    /// The worker.
    pub worker: WorkerId,
    /// The account that registers it.
    pub operator: AccountId,
    /// Number of a recent block.
    pub block: u32,
    /// Its hash.
    pub block_hash: Hash256,
}

/// Verifies evidence. Pure: the same input gives the same answer on every node.
pub trait Verifier {
    /// What `evidence` proves at `now`, in seconds since the Unix epoch, if it satisfies `policy` and binds `binding`.
    fn verify(evidence: &[u8], policy: &Policy, binding: &Binding, now: u64)
    -> Result<ClaimsSummary, AttestationError>;

    /// Evidence for this binding, as long as it can be made, and the policy that it satisfies.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_evidence(binding: &Binding) -> (crate::Evidence, Policy);
}

/// Verifies encoded evidence with `phala-attestation`, whose report data must be `report_data`.
pub fn verify(
    evidence: &[u8],
    policy: &Policy,
    report_data: &[u8; 64],
    now: u64,
) -> Result<ClaimsSummary, AttestationError> {
    let evidence = phala_attestation::Evidence::from_wire(evidence).map_err(|_| AttestationError::MalformedQuote)?;
    phala_attestation::verify(&evidence, policy, report_data, now).map(|claims| claims.summary())
}
