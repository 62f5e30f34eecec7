//! # Phat
//!
//! Clusters of workers, the contracts that they run, and the ordered log of each cluster's messages: `protocol.md` §2
//! and §7.
//!
//! The chain executes nothing. It orders messages ([`LogHeads`], bodies in the nodes' off-chain index), holds what they
//! cost, and settles by the members' reports once a quorum agrees. What a worker reads from here lies under the keys
//! frozen in `phala_primitives::storage_key`.
//!
//! ## The way of funds
//!
//! Everything that a user puts in stays on hold in the user's own account until its message has a receipt: gas is paid
//! to the workers' pot and the treasury as far as it was used; value goes to the contract if the message succeeded. A
//! message without a receipt gets its **gas** back after the cluster's time-out, and nothing else: value and deposits
//! return only by a failed receipt, or after a logged end, so that no late report can pay twice.
//!
//! ## Whose code a hash is
//!
//! The chain cannot tell whether chunks unpack to what a hash says. So an upload is kept by cluster, hash **and
//! account**, and stands for nothing. Complete, it goes to the log, and its receipt decides: the first one that is
//! right becomes the code of that hash, every other one is dropped, and deposits of those return whole. Contracts are
//! made of code alone. So no message names an upload that may still turn out to be something else, and code does not go
//! while a message names it. What is left to whoever would keep others from a hash:
//!
//! - Garbage, as often as he likes, finished or not: it stands beside the true upload and holds a deposit meanwhile.
//!   What it costs members to fetch and unpack it, which the cluster's limit of code bounds, is covered by the fees of
//!   its bytes alone.
//! - The true bytes, before others: then the code is there for all. He may remove it again while no contract uses it,
//!   but not before it was there for the cluster's time-out. Who finds it gone uploads it himself, and then has that
//!   long to use it.
//! - True bytes that are no component, or exceed a limit, are code as well, since nothing else has that hash. Contracts
//!   of it fail.
//!
//! ## What trust remains
//!
//! - A quorum of members can report a wrong state, and call garbage code. With a quorum of 1 a single machine can; a
//!   member that disagrees freezes the cluster, and [`Config::AdminOrigin`] decides.
//! - A member that said something wrong and was contradicted is judged once a quorum agrees on that very place. Where
//!   the quorum agrees only further on, it goes unpunished: what it said never took effect.
//! - The keys of a cluster stay as its first member drew them. A member that has left knows them still, and reads what
//!   is sealed to them.
//! - A cluster's owner can end it, and so can [`Config::AdminOrigin`]. Users get back what is on hold, contracts'
//!   owners what their contracts own.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bounds;
mod calls;
mod clusters;
mod code;
mod contracts;
mod effect;
mod errors;
mod events;
mod funds;
mod genesis;
mod log;
mod registry;
mod reports;
mod settlement;
#[cfg(any(feature = "try-runtime", test))]
mod state;
#[cfg(test)]
mod tests;
mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use bounds::Bounds;
pub use effect::Effect;
pub use pallet::*;
pub use registry::WorkerRegistry;
pub use types::{Chunk, GenesisCluster, Pending, Vote, Work};
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

/// Configuration and storage. Genesis, calls, events and errors have files of their own.
#[import_section(genesis::genesis)]
#[import_section(calls::calls)]
#[import_section(events::events)]
#[import_section(errors::errors)]
#[frame_support::pallet]
#[allow(
    clippy::expect_used,
    clippy::too_many_arguments,
    clippy::unreachable,
    reason = "FRAME's expansion; the calls hand on to modules behind the wall"
)]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use frame_support::{
        PalletId,
        dispatch::WithPostDispatchInfo,
        pallet_prelude::*,
        traits::{
            OnUnbalanced, UnixTime,
            fungible::{self, Credit, hold},
        },
    };
    use frame_system::pallet_prelude::*;
    use phala_primitives::{
        AccountId, Boundary, ClusterId, CodeHash, ContractId, Hash256, LogHead, Payload, Report, WorkerId,
        cluster::{ClusterConfig, ClusterEntry, KeyCommitment, MAX_MEMBERS},
        contract::{CodeEntry, ContractEntry, MAX_CODE_CHUNKS, UploadEntry},
        message::Balance,
        report::{CommandKey, Status},
    };
    use sp_core::H256;
    use sp_runtime::Permill;

    /// The version of this pallet's storage.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId: From<[u8; 32]> + Into<[u8; 32]>, Hash = H256, RuntimeEvent: From<Event<Self>>>
    {
        /// Holds and moves funds.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + hold::Balanced<Self::AccountId>;
        /// The runtime's reasons for holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Decides where members of a cluster disagree without a quorum, and keeps the bounds.
        type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Chain time.
        type Time: UnixTime;
        /// Who runs which worker, and with which live boot.
        type Workers: WorkerRegistry<Self::AccountId>;
        /// Gets the workers' share of the gas that was used.
        type WorkersPot: OnUnbalanced<Credit<Self::AccountId, Self::Currency>>;
        /// Gets the rest.
        type Treasury: OnUnbalanced<Credit<Self::AccountId, Self::Currency>>;
        /// The workers' share of the gas that was used.
        #[pallet::constant]
        type WorkersShare: Get<Permill>;
        /// Names the account that keeps what contracts own.
        #[pallet::constant]
        type PalletId: Get<PalletId>;
        /// Held while a cluster exists.
        #[pallet::constant]
        type ClusterDeposit: Get<Balance>;
        /// Held while a contract exists, beside what its owner puts down for its storage.
        #[pallet::constant]
        type ContractDeposit: Get<Balance>;
        /// Makes workers with live boots.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: BenchmarkHelper<Self::AccountId>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds funds.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A cluster exists. Returned when it ends.
        Cluster,
        /// Code is stored, or on its way. Returned when it is removed, or dropped by its receipt.
        Code,
        /// A contract exists. Returned when it ends.
        Contract,
        /// Gas of messages without a receipt.
        Gas,
        /// Value of messages without a receipt.
        Value,
    }

    /// All clusters. Key frozen.
    #[pallet::storage]
    pub type Clusters<T: Config> = StorageMap<_, Blake2_128Concat, ClusterId, ClusterEntry>;

    /// Where each cluster's log stands. Key frozen.
    #[pallet::storage]
    pub type LogHeads<T: Config> = StorageMap<_, Blake2_128Concat, ClusterId, LogHead>;

    /// The members of each cluster. Key frozen.
    #[pallet::storage]
    pub type Members<T: Config> =
        StorageMap<_, Blake2_128Concat, ClusterId, phala_primitives::cluster::Members, ValueQuery>;

    /// How far reports have taken effect. Key frozen.
    #[pallet::storage]
    pub type Reported<T: Config> = StorageMap<_, Blake2_128Concat, ClusterId, phala_primitives::report::Reported>;

    /// All contracts. Key frozen.
    #[pallet::storage]
    pub type Contracts<T: Config> = StorageMap<_, Blake2_128Concat, ContractId, ContractEntry>;

    /// What commands are sealed to. Key frozen.
    #[pallet::storage]
    pub type CommandKeys<T: Config> = StorageMap<_, Blake2_128Concat, ContractId, CommandKey>;

    /// Code that members have found right, by cluster. Key frozen.
    #[pallet::storage]
    pub type Codes<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, CodeHash, CodeEntry>;

    /// What accounts upload, by cluster, by the hash that it is to have and by account: nobody is in another's way. Key
    /// frozen.
    #[pallet::storage]
    pub type Uploads<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, (CodeHash, AccountId), UploadEntry>;

    /// The id of the next cluster.
    #[pallet::storage]
    pub type NextCluster<T: Config> = StorageValue<_, ClusterId, ValueQuery>;

    /// Clusters that the genesis asks for. Created in the first block, which is the first to know the genesis hash.
    #[pallet::storage]
    pub type InitialClusters<T: Config> =
        StorageValue<_, BoundedVec<(T::AccountId, ClusterConfig), ConstU32<8>>, ValueQuery>;

    /// What clusters may configure.
    #[pallet::storage]
    pub type CurrentBounds<T: Config> = StorageValue<_, Bounds, ValueQuery>;

    /// The cluster of each member. Inverse of [`Members`].
    #[pallet::storage]
    pub type MemberOf<T: Config> = StorageMap<_, Blake2_128Concat, WorkerId, ClusterId>;

    /// Clusters that operators want their workers to join.
    #[pallet::storage]
    pub type Consents<T: Config> = StorageMap<_, Blake2_128Concat, WorkerId, ClusterId>;

    /// Workers that contradicted a quorum of a cluster. They cannot join it again.
    #[pallet::storage]
    pub type Suspended<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, WorkerId, ()>;

    /// Where reports may end: by cluster and by the index after the boundary's last message.
    #[pallet::storage]
    pub type Boundaries<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, u64, Boundary>;

    /// The boundary that messages of the same block still move: its block, and the index of its first message.
    #[pallet::storage]
    pub type OpenBoundary<T: Config> = StorageMap<_, Blake2_128Concat, ClusterId, (u32, u64)>;

    /// Messages with something on hold, or with an effect to come, by cluster and index.
    #[pallet::storage]
    pub type Pendings<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, u64, Pending<T::AccountId>>;

    /// Complete uploads that wait for their receipt, by cluster and index.
    #[pallet::storage]
    pub type Judging<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, u64, (CodeHash, AccountId)>;

    /// The last word of each member on what no quorum has agreed on yet.
    #[pallet::storage]
    pub type Votes<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, WorkerId, Vote>;

    /// Words that another member contradicted at the same place, until a quorum or [`Config::AdminOrigin`] has decided:
    /// who votes further does not take back what it said. One for each member, the first.
    #[pallet::storage]
    pub type Contested<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, WorkerId, Vote>;

    /// The digest of the last report that took effect; none where another quorum has been set since.
    #[pallet::storage]
    pub type LastReport<T: Config> = StorageMap<_, Blake2_128Concat, ClusterId, Hash256>;
}
