//! What evidence must show, as data.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use phala_attestation::{AllowedMeasurement, TrustedRoot};
use phala_primitives::{
    Hash256,
    worker::{Measurement, TcbStatus, WorkerEntryV1},
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_io::hashing::blake2_256;

/// What evidence must show. The default admits nothing.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// What it must chain to and prove.
    pub attestation: phala_attestation::Policy,
    /// Blocks that may lie between the one that evidence names and its registration.
    pub max_evidence_age: u32,
    /// Blocks after which a boot's evidence has to be renewed by a new boot; 0: never.
    pub reattestation_period: u32,
}

impl Policy {
    /// Whether a live boot still is as the policy wants it, in block `now`. Judged by what the registry keeps: of the root it keeps
    /// the assurance; hardware and runtime registers were judged at the admission.
    pub fn still_admits(&self, entry: &WorkerEntryV1, now: u32) -> bool {
        let claims = &entry.claims;
        let listed = self.attestation.measurements.iter().any(|allowed| allowed.measurement == claims.measurement);
        let rooted = self.attestation.roots.iter().any(|root| root.assurance == claims.assurance);
        let current = self.attestation.tcb.contains(&claims.tcb) && claims.tcb != TcbStatus::Revoked;
        let age = now.saturating_sub(entry.registered_at);
        rooted && listed && current && (self.reattestation_period == 0 || age <= self.reattestation_period)
    }

    pub(crate) fn add_measurement(&mut self, measurement: AllowedMeasurement) -> bool {
        !self.attestation.measurements.contains(&measurement)
            && self.attestation.measurements.try_push(measurement).is_ok()
    }

    pub(crate) fn remove_measurement(&mut self, measurement: &Measurement) -> bool {
        let before = self.attestation.measurements.len();
        self.attestation.measurements.retain(|allowed| allowed.measurement != *measurement);
        self.attestation.measurements.len() < before
    }

    pub(crate) fn add_root(&mut self, root: TrustedRoot) -> bool {
        let known = self.attestation.roots.iter().any(|known| known.certificate == root.certificate);
        !known && self.attestation.roots.try_push(root).is_ok()
    }

    pub(crate) fn remove_root(&mut self, certificate: &Hash256) -> bool {
        let before = self.attestation.roots.len();
        self.attestation.roots.retain(|root| blake2_256(&root.certificate) != *certificate);
        self.attestation.roots.len() < before
    }
}
