//! What members of a cluster say about its log: reports, and the receipts inside them. `protocol.md` §7.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{ClusterId, ContractId, Hash256, cluster::KeyCommitment, domain::Domain, log::LogHead, wire::Wire};

/// Messages that one report can span.
pub const MAX_REPORT_MESSAGES: u32 = 256;

/// Where a report may end: the log's head after a block that had messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Boundary {
    /// The block.
    pub block: u32,
    /// The index after its last message.
    pub index: u64,
    /// The log's hash up to `index`, exclusive.
    pub log_hash: Hash256,
}

impl Boundary {
    /// The boundary at the end of `block`, where the log stands at `head`.
    pub fn new(block: u32, head: LogHead) -> Self {
        Self { block, index: head.next_index, log_hash: head.hash }
    }
}

/// How a message ended. Equal on every worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum Status {
    /// It took effect.
    #[codec(index = 0)]
    Success,
    /// A sealed payload did not open.
    #[codec(index = 1)]
    Undecryptable,
    /// The payload is not `{method, args}` in the contract's encoding.
    #[codec(index = 2)]
    Malformed,
    /// The contract returned an error.
    #[codec(index = 3)]
    Refused,
    /// The contract trapped.
    #[codec(index = 4)]
    Trapped,
    /// It used up its gas.
    #[codec(index = 5)]
    OutOfGas,
    /// It asked for more memory than the cluster's limit.
    #[codec(index = 6)]
    OutOfMemory,
    /// It called too deep.
    #[codec(index = 7)]
    StackExhausted,
    /// A key, value or output is longer than the cluster's limit.
    #[codec(index = 8)]
    LimitExceeded,
    /// The contract is not there, has ended, or its constructor failed.
    #[codec(index = 9)]
    NoContract,
    /// The code is not a component that the cluster's engine revision runs. Of an upload: it is something else than its hash says.
    #[codec(index = 10)]
    BadCode,
    /// The contract's balance does not cover what it tried to spend.
    #[codec(index = 11)]
    Overdrawn,
}

impl Status {
    /// Whether the message took effect.
    pub fn is_success(self) -> bool {
        self == Self::Success
    }
}

/// The outcome of one message. Every message yields exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Receipt {
    /// The message.
    pub index: u64,
    /// How it ended.
    pub status: Status,
    /// Gas that it used; at most what was paid for.
    pub gas_used: u64,
    /// Blinded commitment to the output: nobody can guess a small output from it.
    pub output: Hash256,
    /// Blinded commitment to the events.
    pub events: Hash256,
}

/// The part of a receipt that the chain settles by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Outcome {
    /// See [`Receipt::status`].
    pub status: Status,
    /// See [`Receipt::gas_used`].
    pub gas_used: u64,
}

impl From<&Receipt> for Outcome {
    fn from(receipt: &Receipt) -> Self {
        Self { status: receipt.status, gas_used: receipt.gas_used }
    }
}

/// A contract that is ready, with the key that commands to it are sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CommandKey {
    /// The epoch of the key.
    pub epoch: u32,
    /// The X25519 public key.
    pub kem: [u8; 32],
}

/// A report, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Report {
    /// The first version.
    #[codec(index = 1)]
    V1(ReportV1),
}

impl Wire for Report {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 32 * 1024;
}

/// What a member says about the messages `first_index .. boundary.index` of its cluster's log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ReportV1 {
    /// The cluster.
    pub cluster: ClusterId,
    /// The first message that it speaks of: where the last report that took effect ended.
    pub first_index: u64,
    /// Where it ends.
    pub boundary: Boundary,
    /// Root of the contracts' state after the last message.
    pub state_root: Hash256,
    /// Root of the receipts, see [`crate::receipts::root`].
    pub receipts_root: Hash256,
    /// One per message, in order.
    pub outcomes: BoundedVec<Outcome, ConstU32<MAX_REPORT_MESSAGES>>,
    /// Command keys that became known: of contracts instantiated here, or of all after a rotation. In order of contracts.
    pub command_keys: BoundedVec<(ContractId, CommandKey), ConstU32<MAX_REPORT_MESSAGES>>,
}

impl Report {
    /// The 32 bytes that a member signs with its boot key.
    pub fn digest(&self, genesis: &Hash256) -> Hash256 {
        Domain::Report.digest(genesis, self)
    }

    /// The report, in the newest version's shape.
    pub fn latest(&self) -> &ReportV1 {
        match self {
            Self::V1(report) => report,
        }
    }
}

/// The 32 bytes that the first member of `cluster` signs with its boot key to bind the cluster to the keys it has drawn.
pub fn key_commitment_digest(genesis: &Hash256, cluster: ClusterId, keys: &KeyCommitment) -> Hash256 {
    Domain::ClusterKeys.digest(genesis, &(cluster, keys))
}

/// How far a cluster's reports have taken effect, versioned by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Reported {
    /// The first version.
    #[codec(index = 1)]
    V1(ReportedV1),
}

impl Wire for Reported {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 256;
}

/// The end of the last report that took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ReportedV1 {
    /// Where it ended.
    pub boundary: Boundary,
    /// The contracts' state there.
    pub state_root: Hash256,
    /// The receipts of that report.
    pub receipts_root: Hash256,
    /// The first message of that report.
    pub first_index: u64,
}

impl Reported {
    /// The value, in the newest version's shape.
    pub fn latest(&self) -> &ReportedV1 {
        match self {
            Self::V1(reported) => reported,
        }
    }
}
