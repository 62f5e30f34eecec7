//! What a chain accepts: data, changed by governance.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use phala_primitives::{
    Assurance,
    worker::{Measurement, TcbStatus},
};
use scale_info::TypeInfo;

use crate::{
    AttestationError, AuthenticClaims, Evidence, VerifiedClaims,
    claims::{Hardware, RuntimeRegisters},
};

/// Longest root certificate, in bytes.
pub const MAX_ROOT_CERTIFICATE: u32 = 2048;
/// Most roots in a policy.
pub const MAX_ROOTS: u32 = 8;
/// Most programs in a policy.
pub const MAX_MEASUREMENTS: u32 = 64;

/// A vendor's root, and what evidence under it is worth.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TrustedRoot {
    /// The root's self-signed certificate, DER. In texts: hex.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes::bounded"))]
    pub certificate: BoundedVec<u8, ConstU32<MAX_ROOT_CERTIFICATE>>,
    /// What stands behind evidence under this root.
    pub assurance: Assurance,
}

impl TrustedRoot {
    /// Intel's SGX and TDX root.
    pub fn intel() -> Self {
        let certificate = include_bytes!("intel_root.der").to_vec();
        Self { certificate: BoundedVec::truncate_from(certificate), assurance: Assurance::Hardware }
    }
}

/// A program that may register.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AllowedMeasurement {
    /// The technology that measures it.
    pub hardware: Hardware,
    /// What it measures at launch. In texts: hex.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes::measurement"))]
    pub measurement: Measurement,
    /// What it measures later; `None` means that all four registers must be zero, not that they are ignored: on TDX
    /// hardware the launch measurement covers the firmware alone. In texts: null, or four times hex.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::hex_bytes::registers"))]
    pub registers: Option<RuntimeRegisters>,
    /// The program's name, for people. UTF-8.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes::text"))]
    pub name: BoundedVec<u8, ConstU32<64>>,
    /// The program's version, for people. UTF-8.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes::text"))]
    pub version: BoundedVec<u8, ConstU32<32>>,
}

/// What a chain accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Policy {
    /// Roots that evidence may chain to. None: nothing is accepted.
    pub roots: BoundedVec<TrustedRoot, ConstU32<MAX_ROOTS>>,
    /// Programs that may register. None: nothing is accepted.
    pub measurements: BoundedVec<AllowedMeasurement, ConstU32<MAX_MEASUREMENTS>>,
    /// TCB statuses that are good enough. A revoked TCB is refused even if it is on this list.
    pub tcb: BoundedVec<TcbStatus, ConstU32<7>>,
}

impl Policy {
    /// The last step: are authentic claims good enough, and made for this registration?
    pub fn admit(
        &self,
        claims: AuthenticClaims,
        expected_report_data: &[u8; 64],
    ) -> Result<VerifiedClaims, AttestationError> {
        let claims = claims.0;
        if claims.report_data != *expected_report_data {
            return Err(AttestationError::ReportDataMismatch);
        }
        if claims.tcb == TcbStatus::Revoked {
            return Err(AttestationError::TcbRevoked);
        }
        if !self.tcb.contains(&claims.tcb) {
            return Err(AttestationError::TcbStatusRefused);
        }
        let allowed = self.measurements.iter().any(|allowed| {
            allowed.hardware == claims.hardware
                && allowed.measurement == claims.measurement
                && allowed.registers.unwrap_or([[0; 48]; 4]) == claims.registers
        });
        if allowed { Ok(VerifiedClaims(claims)) } else { Err(AttestationError::MeasurementNotAllowed) }
    }
}

/// Evidence → claims → policy, in one call.
///
/// `now` is the chain's time in Unix seconds. `expected_report_data` is recomputed by the caller from what the
/// registration says (`phala_primitives::report_data`), never taken from the sender.
pub fn verify(
    evidence: &Evidence,
    policy: &Policy,
    expected_report_data: &[u8; 64],
    now: u64,
) -> Result<VerifiedClaims, AttestationError> {
    policy.admit(crate::authenticate(evidence, &policy.roots, now)?, expected_report_data)
}
