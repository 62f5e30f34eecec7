//! What the chain keeps of contracts, of their code, and of code on its way to the chain.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{AccountId, ClusterId, CodeHash, Hash256, message::Balance, wire::Wire};

/// Length of a chunk of uploaded code, in bytes; the last one may be shorter.
pub const CODE_CHUNK_BYTES: u32 = 1024 * 1024;
/// Chunks of one code: as many as the largest component can need, also one that does not compress.
pub const MAX_CODE_CHUNKS: u32 = 17;
/// Upgrades of one contract that can wait for their receipts.
pub const MAX_PENDING_UPGRADES: u32 = 4;

/// A contract, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum ContractEntry {
    /// The first version.
    #[codec(index = 1)]
    V1(ContractEntryV1),
}

impl Wire for ContractEntry {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 1024;
}

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ContractEntryV1 {
    /// Where it runs.
    pub cluster: ClusterId,
    /// Who may upgrade and terminate it.
    pub owner: AccountId,
    /// The code that it runs, as far as reports have come: an upgrade takes effect with its receipt.
    pub code: CodeHash,
    /// Upgrades in the log whose receipts are still to come, in the log's order. Workers have executed them before a
    /// report says how they ended; until then the contract may run the code of any of them, or what it ran before.
    pub upgrades: BoundedVec<PendingUpgrade, ConstU32<MAX_PENDING_UPGRADES>>,
    /// How far it has come.
    pub status: ContractStatus,
    /// What its owner has put down for its storage, in planck.
    pub deposit: Balance,
    /// What it owns, in planck.
    pub balance: Balance,
}

/// An upgrade in the log, without a receipt yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct PendingUpgrade {
    /// The message's index.
    pub index: u64,
    /// The code that the contract runs from there on, if the upgrade succeeds.
    pub code: CodeHash,
}

/// How far a contract has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub enum ContractStatus {
    /// Its constructor is in the log, without a receipt yet.
    #[codec(index = 0)]
    Pending,
    /// It runs.
    #[codec(index = 1)]
    Live,
    /// Its constructor failed.
    #[codec(index = 2)]
    Failed,
    /// Its end is in the log, without a receipt yet. With the receipt the entry goes.
    #[codec(index = 3)]
    Terminating,
}

impl ContractEntry {
    /// The entry, in the newest version's shape.
    pub fn latest(&self) -> &ContractEntryV1 {
        match self {
            Self::V1(entry) => entry,
        }
    }
}

/// Code of a cluster, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum CodeEntry {
    /// The first version.
    #[codec(index = 1)]
    V1(CodeEntryV1),
}

impl Wire for CodeEntry {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 1024;
}

/// Code of a cluster: an upload that a report has found to be what its hash says. Contracts can be made of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CodeEntryV1 {
    /// Who has uploaded it and holds its deposit.
    pub owner: AccountId,
    /// Length of the uncompressed component, in bytes.
    pub size: u32,
    /// BLAKE2b-256 of each chunk of the zstd-compressed component, in the nodes' off-chain index.
    pub chunks: BoundedVec<Hash256, ConstU32<MAX_CODE_CHUNKS>>,
    /// What was put down for it, in planck.
    pub deposit: Balance,
    /// The block of the report that found it right.
    pub since: u32,
    /// Contracts that run it, and upgrades to it that wait for their receipt. It can be removed at 0.
    pub users: u32,
}

impl CodeEntry {
    /// The entry, in the newest version's shape.
    pub fn latest(&self) -> &CodeEntryV1 {
        match self {
            Self::V1(entry) => entry,
        }
    }
}

/// An upload, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum UploadEntry {
    /// The first version.
    #[codec(index = 1)]
    V1(UploadEntryV1),
}

impl Wire for UploadEntry {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 1024;
}

/// What an account uploads as the code with some hash, chunk by chunk, into the nodes' off-chain index. The chunks
/// together are the zstd-compressed component. Whether it has that hash only workers find out, since the chain cannot
/// decompress cheaply: until their report the upload stands for nothing, and in nobody's way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct UploadEntryV1 {
    /// Length of the uncompressed component, in bytes.
    pub size: u32,
    /// Length of all chunks together, in bytes.
    pub stored_bytes: u32,
    /// BLAKE2b-256 of each chunk.
    pub chunks: BoundedVec<Hash256, ConstU32<MAX_CODE_CHUNKS>>,
    /// Bit i is set once chunk i has arrived.
    pub arrived: u32,
    /// What was put down for it, in planck.
    pub deposit: Balance,
}

impl UploadEntryV1 {
    /// Whether all chunks have arrived: then it is in the log, and the next report judges it.
    pub fn is_complete(&self) -> bool {
        self.arrived.count_ones() as usize == self.chunks.len()
    }

    /// The length that chunk `i` must have, in bytes; nothing if there is no such chunk.
    pub fn chunk_bytes(&self, i: u32) -> Option<u32> {
        self.chunks.get(i as usize)?;
        let start = i.checked_mul(CODE_CHUNK_BYTES)?;
        Some(self.stored_bytes.checked_sub(start)?.min(CODE_CHUNK_BYTES))
    }
}

impl UploadEntry {
    /// The entry, in the newest version's shape.
    pub fn latest(&self) -> &UploadEntryV1 {
        match self {
            Self::V1(entry) => entry,
        }
    }
}
