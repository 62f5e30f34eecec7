//! What verified evidence says. Only verification makes these values.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::ops::Deref;
use phala_primitives::{
    Assurance,
    worker::{ClaimsSummary, Measurement, TcbStatus},
};
use scale_info::TypeInfo;

/// Most advisories that claims can name. Collateral with more is refused.
pub const MAX_ADVISORIES: u32 = 64;

/// [`MAX_ADVISORIES`] as a type.
pub type AdvisoryCount = ConstU32<MAX_ADVISORIES>;

/// Name of a vendor's advisory, such as `INTEL-SA-00615`.
pub type Advisory = BoundedVec<u8, ConstU32<32>>;

/// The isolation technology that measured the program.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Hardware {
    /// Intel SGX: the measurement is `MRENCLAVE`, 32 bytes, followed by 16 zeros.
    #[codec(index = 0)]
    Sgx,
    /// Intel TDX: the measurement is `MRTD`.
    #[codec(index = 1)]
    Tdx,
}

/// How a device protects its memory from whoever holds the device: Intel's "SGX type". The weaker ones fall to an
/// interposer on the memory bus.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum MemoryClass {
    /// Small memory, encrypted, with integrity and protection from replay: single processors.
    #[codec(index = 0)]
    Standard,
    /// Encrypted only: servers.
    #[codec(index = 1)]
    Scalable,
    /// Encrypted, with integrity.
    #[codec(index = 2)]
    ScalableWithIntegrity,
}

/// What a TD measured after its launch: `RTMR0` to `RTMR3`. All zero for SGX and for the software TEE.
pub type RuntimeRegisters = [[u8; 48]; 4];

/// What the vendor's signatures say about one boot of one program on one machine.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Claims {
    /// The technology.
    pub hardware: Hardware,
    /// The program at launch; see [`Hardware`].
    pub measurement: Measurement,
    /// What was measured later; see [`RuntimeRegisters`].
    pub registers: RuntimeRegisters,
    /// Who stands behind the program: SGX `MRSIGNER` followed by 16 zeros, TDX `MROWNER`.
    pub signer: [u8; 48],
    /// Which of its signer's programs this is: SGX `ISVPRODID`. Zero for TDX.
    pub product: u16,
    /// The program's version as its signer counts it: SGX `ISVSVN`. Zero for TDX.
    pub security_version: u16,
    /// How the program is isolated: SGX `ATTRIBUTES`, TDX `TDATTRIBUTES` and `XFAM`.
    pub attributes: [u8; 16],
    /// What the program was launched with: SGX `CONFIGID`, TDX `MRCONFIGID` followed by 16 zeros.
    pub configuration: [u8; 64],
    /// Platform, module and quoting enclave, merged. Intel's "TD relaunch advised" counts as out of date.
    pub tcb: TcbStatus,
    /// The vendor's advisories that apply to this platform.
    pub advisories: BoundedVec<Advisory, AdvisoryCount>,
    /// The device: Intel's PPID, a pseudonym of the processor package.
    pub device: [u8; 16],
    /// The device's family: Intel's FMSPC.
    pub family: [u8; 6],
    /// How the device protects its memory.
    pub memory: MemoryClass,
    /// What the program asked to be bound to itself.
    pub report_data: [u8; 64],
    /// What stands behind all of this: a property of the root, not of the evidence.
    pub assurance: Assurance,
    /// When the first part of the evidence expires: Unix time in seconds.
    pub valid_until: u64,
}

impl Claims {
    /// The part that the registry keeps.
    pub fn summary(&self) -> ClaimsSummary {
        ClaimsSummary { measurement: self.measurement, tcb: self.tcb, assurance: self.assurance }
    }
}

/// Claims that chain to a trusted root. No policy has been applied: good for showing, not for admitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticClaims(pub(crate) Claims);

/// Claims that chain to a trusted root and pass the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedClaims(pub(crate) Claims);

impl Deref for AuthenticClaims {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.0
    }
}

impl Deref for VerifiedClaims {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.0
    }
}

impl VerifiedClaims {
    /// The claims, for storage.
    pub fn into_claims(self) -> Claims {
        self.0
    }
}
