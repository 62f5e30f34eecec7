//! Clusters: how they are configured, and what the chain keeps of them.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{AccountId, Hash256, WorkerId, message::Balance, wire::Wire};

/// Accounts that a list of deployers can name.
pub const MAX_DEPLOYERS: u32 = 64;
/// Root certificates that a cluster can add.
pub const MAX_EXTRA_ROOTS: u32 = 4;
/// Length of such a certificate (DER) in bytes.
pub const MAX_ROOT_BYTES: u32 = 2048;
/// Workers that a cluster can have.
pub const MAX_MEMBERS: u32 = 64;
/// Gas that [`ClusterConfigV1::gas_price`] is the price of.
pub const GAS_PRICE_UNIT: u64 = 1_000_000;

/// A DER certificate of bounded length.
pub type RootCertificate = BoundedVec<u8, ConstU32<MAX_ROOT_BYTES>>;
/// The members of a cluster, as the chain stores them, in order of joining.
pub type Members = BoundedVec<WorkerId, ConstU32<MAX_MEMBERS>>;

/// The configuration of a cluster, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum ClusterConfig {
    /// The first version.
    #[codec(index = 1)]
    V1(ClusterConfigV1),
}

impl Wire for ClusterConfig {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 32 * 1024;
}

/// Set by the cluster's owner, within bounds of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct ClusterConfigV1 {
    /// Who may deploy contracts.
    pub permission: Permission,
    /// Price of [`GAS_PRICE_UNIT`] gas, in planck.
    pub gas_price: Balance,
    /// Deposit for a byte of storage or code, in planck.
    pub deposit_per_byte: Balance,
    /// Members that must agree on a report before it takes effect; at least 1.
    pub quorum: u16,
    /// What a contract may use.
    pub limits: Limits,
    /// The rules of execution that all members follow: Wasmtime release, price table, hard limits.
    pub engine_revision: u32,
    /// Where contracts may reach by HTTP.
    pub http: HttpPolicy,
    /// How the roots of the cluster's keys outlive a restart.
    pub sealing: SealingMode,
}

/// Who may deploy contracts to a cluster. Commands are open to all: contracts check their callers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum Permission {
    /// Everybody.
    #[codec(index = 0)]
    Public,
    /// The cluster's owner.
    #[codec(index = 1)]
    OwnerOnly,
    /// The cluster's owner and these.
    #[codec(index = 2)]
    List(BoundedVec<AccountId, ConstU32<MAX_DEPLOYERS>>),
}

/// What one contract may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct Limits {
    /// Length of an uncompressed component, in bytes.
    pub code_bytes: u32,
    /// Linear memory of one call, in bytes.
    pub memory_bytes: u32,
    /// Length of a storage key, in bytes.
    pub key_bytes: u32,
    /// Length of a stored value, in bytes.
    pub value_bytes: u32,
    /// Length of an output, in bytes.
    pub output_bytes: u32,
    /// Length of a payload, in bytes; for a sealed one of the ciphertext.
    pub payload_bytes: u32,
    /// Gas of one message.
    pub gas_per_message: u64,
    /// Blocks after which a message without a receipt gets its gas back.
    pub timeout_blocks: u32,
}

/// Where contracts may reach by HTTP. Private, link-local and metadata addresses are refused always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct HttpPolicy {
    /// Whether `http://` is allowed beside `https://`.
    pub allow_http: bool,
    /// Whether loopback addresses may be reached. For development networks.
    pub allow_loopback: bool,
    /// Root certificates (DER) that are trusted beside the public ones.
    pub extra_roots: BoundedVec<RootCertificate, ConstU32<MAX_EXTRA_ROOTS>>,
}

/// How the roots of a cluster's keys outlive a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum SealingMode {
    /// A worker that restarts asks its peers.
    #[codec(index = 0)]
    Peers,
    /// A lone worker may seal the roots to its own platform. No forward secrecy: its operator can keep old blobs.
    #[codec(index = 1)]
    SelfSeal,
}

impl ClusterConfig {
    /// The configuration, in the newest version's shape.
    pub fn latest(&self) -> &ClusterConfigV1 {
        match self {
            Self::V1(config) => config,
        }
    }
}

/// What the chain keeps of a cluster, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum ClusterEntry {
    /// The first version.
    #[codec(index = 1)]
    V1(ClusterEntryV1),
}

impl Wire for ClusterEntry {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 32 * 1024;
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ClusterEntryV1 {
    /// Who configures it.
    pub owner: AccountId,
    /// As the owner last set it.
    pub config: ClusterConfig,
    /// Whether it works.
    pub status: ClusterStatus,
    /// The current epoch of its keys, from 0.
    pub epoch: u32,
    /// What its members' keys must hash to; none until the first member has drawn them.
    pub keys: Option<KeyCommitment>,
    /// The block that created it.
    pub created_at: u32,
}

impl ClusterEntry {
    /// The entry, in the newest version's shape.
    pub fn latest(&self) -> &ClusterEntryV1 {
        match self {
            Self::V1(entry) => entry,
        }
    }
}

/// Whether a cluster works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum ClusterStatus {
    /// It takes messages and reports.
    #[codec(index = 0)]
    Active,
    /// Members disagree: messages are ordered, but nothing takes effect until a quorum agrees.
    #[codec(index = 1)]
    Frozen,
    /// It has ended.
    #[codec(index = 2)]
    Terminated,
}

/// Binds the two roots of a cluster's keys without showing them, so that a hand-over of other keys is noticed.
/// Made by the crate `phala-crypto` from the roots; the chain only keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct KeyCommitment {
    /// Of the identity root; the same for the life of the cluster.
    pub identity: Hash256,
    /// The epoch that `epoch_root` belongs to.
    pub epoch: u32,
    /// Of the root of that epoch.
    pub epoch_root: Hash256,
}
