//! What the chain's registry keeps of a worker. The entry is the lease of a boot: `protocol.md` §3.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::fmt;
use scale_info::TypeInfo;

use crate::{AccountId, Assurance, BootKem, BootSign, Hash256, wire::Wire};

/// Length of an endpoint's URL, in bytes.
pub const MAX_ENDPOINT: u32 = 256;

/// Where a worker is reached: the URL of its HTTP API. Self-declared; proves nothing.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT>>;

/// What a worker runs, as its platform measures it (TDX: `MRTD`, for the software TEE the SHA-384 of the executable).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Measurement(pub [u8; 48]);

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measurement({self})")
    }
}

/// How current a platform's trusted computing base is, best first: Intel's TCB status of platform and enclave, merged.
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
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum TcbStatus {
    /// Nothing to do.
    #[codec(index = 0)]
    UpToDate,
    /// Software must harden against known attacks.
    #[codec(index = 1)]
    SwHardeningNeeded,
    /// The platform's configuration must change.
    #[codec(index = 2)]
    ConfigurationNeeded,
    /// Both of the above.
    #[codec(index = 3)]
    ConfigurationAndSwHardeningNeeded,
    /// Firmware or microcode is old.
    #[codec(index = 4)]
    OutOfDate,
    /// Old, and misconfigured.
    #[codec(index = 5)]
    OutOfDateConfigurationNeeded,
    /// Not to be trusted any more.
    #[codec(index = 6)]
    Revoked,
}

/// What the chain has verified about a boot's machine and program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ClaimsSummary {
    /// What it runs.
    pub measurement: Measurement,
    /// How current its platform is.
    pub tcb: TcbStatus,
    /// What stands behind it.
    pub assurance: Assurance,
}

/// A worker's entry in the registry, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum WorkerEntry {
    /// The first version.
    #[codec(index = 1)]
    V1(WorkerEntryV1),
}

impl Wire for WorkerEntry {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 1024;
}

/// A worker and its one live boot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct WorkerEntryV1 {
    /// The account that runs it.
    pub operator: AccountId,
    /// The live boot's signing key.
    pub boot_sign: BootSign,
    /// The live boot's key for envelopes.
    pub boot_kem: BootKem,
    /// How many boots have been admitted, this one included; from 1.
    pub boot_count: u64,
    /// What was verified.
    pub claims: ClaimsSummary,
    /// BLAKE2b-256 of the evidence, whose body nodes keep in their off-chain index.
    pub evidence: Hash256,
    /// The number of the finalised block that the evidence names. The next evidence must name a later one.
    pub evidence_block: u32,
    /// The block that admitted this boot.
    pub registered_at: u32,
    /// Where it is reached, if it said so.
    pub endpoint: Option<Endpoint>,
}

impl WorkerEntry {
    /// The entry, in the newest version's shape.
    pub fn latest(&self) -> &WorkerEntryV1 {
        match self {
            Self::V1(entry) => entry,
        }
    }
}
