//! # Phat
//!
//! Clusters of workers, the contracts that they run, and the ordered log of each cluster's messages: `protocol.md` §2 and §7.
//!
//! The chain executes nothing. It orders messages ([`LogHeads`], bodies in the nodes' off-chain index), holds what they
//! cost, and settles by the members' reports once a quorum agrees. What a worker reads from here lies under the keys frozen in
//! `phala_primitives::storage_key`.
//!
//! ## The way of funds
//!
//! Everything that a user puts in stays on hold in the user's own account until its message has a receipt: gas is paid to the
//! workers' pot and the treasury as far as it was used; value goes to the contract if the message succeeded. A message without
//! a receipt gets its **gas** back after the cluster's time-out, and nothing else: value and deposits return only by a
//! failed receipt, or after a logged end, so that no late report can pay twice.
//!
//! ## What trust remains
//!
//! - A quorum of members can report a wrong state. With a quorum of 1 a single machine can; a member that disagrees freezes
//!   the cluster, and [`Config::AdminOrigin`] decides.
//! - A member that said something wrong and was contradicted is judged once a quorum agrees on that very place. Where the quorum
//!   agrees only further on, it goes unpunished: what it said never took effect.
//! - The keys of a cluster stay as its first member drew them. A member that has left knows them still, and reads what is sealed
//!   to them.
//! - A cluster's owner can end it, and so can [`Config::AdminOrigin`]. Users get back what is on hold, contracts' owners what
//!   their contracts own.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bounds;
mod clusters;
mod code;
mod contracts;
mod effect;
mod funds;
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

#[frame_support::pallet]
#[allow(
    clippy::expect_used,
    clippy::too_many_arguments,
    clippy::unreachable,
    reason = "FRAME's expansion; the calls below hand on to modules behind the wall"
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
        Boundary, ClusterId, CodeHash, ContractId, Hash256, LogHead, Payload, Report, WorkerId,
        cluster::{ClusterConfig, ClusterEntry, KeyCommitment, MAX_MEMBERS},
        contract::{CodeEntry, ContractEntry, MAX_CODE_CHUNKS},
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
        /// Code is stored. Returned when it is removed.
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

    /// Code, by cluster. Key frozen.
    #[pallet::storage]
    pub type Codes<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, CodeHash, CodeEntry>;

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

    /// The last word of each member on what no quorum has agreed on yet.
    #[pallet::storage]
    pub type Votes<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, WorkerId, Vote>;

    /// Words that another member contradicted at the same place, until a quorum or [`Config::AdminOrigin`] has decided: who votes
    /// further does not take back what it said. One for each member, the first.
    #[pallet::storage]
    pub type Contested<T: Config> = StorageDoubleMap<_, Blake2_128Concat, ClusterId, Blake2_128Concat, WorkerId, Vote>;

    /// The digest of the last report that took effect; none where another quorum has been set since.
    #[pallet::storage]
    pub type LastReport<T: Config> = StorageMap<_, Blake2_128Concat, ClusterId, Hash256>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A message is in the log.
        Message {
            /// The cluster.
            cluster: ClusterId,
            /// The message's index.
            index: u64,
            /// The log's hash after it.
            log_hash: Hash256,
            /// The contract that it concerns.
            contract: Option<ContractId>,
        },
        /// A cluster exists.
        ClusterCreated {
            /// The cluster.
            cluster: ClusterId,
            /// Its owner.
            owner: T::AccountId,
        },
        /// An operator lets a worker join, or takes that back.
        WorkerOffered {
            /// The worker.
            worker: WorkerId,
            /// The cluster.
            cluster: Option<ClusterId>,
        },
        /// The cluster is bound to its keys.
        KeysCommitted {
            /// The cluster.
            cluster: ClusterId,
            /// The commitment.
            keys: KeyCommitment,
        },
        /// Code is announced.
        CodeDeclared {
            /// The cluster.
            cluster: ClusterId,
            /// The code.
            code: CodeHash,
        },
        /// A chunk of code is in the off-chain index.
        ChunkStored {
            /// The cluster.
            cluster: ClusterId,
            /// The code.
            code: CodeHash,
            /// The chunk.
            chunk: u32,
        },
        /// Code is gone.
        CodeRemoved {
            /// The cluster.
            cluster: ClusterId,
            /// The code.
            code: CodeHash,
        },
        /// A member has reported.
        Voted {
            /// The cluster.
            cluster: ClusterId,
            /// The member.
            worker: WorkerId,
            /// The index after the last message that it speaks of.
            index: u64,
        },
        /// A report has taken effect.
        ReportApplied {
            /// The cluster.
            cluster: ClusterId,
            /// Where it ends.
            boundary: Boundary,
            /// The contracts' state there.
            state_root: Hash256,
            /// The root of the receipts.
            receipts_root: Hash256,
        },
        /// A message has its receipt, and its holds are settled.
        Settled {
            /// The cluster.
            cluster: ClusterId,
            /// The message.
            index: u64,
            /// How it ended.
            status: Status,
            /// What was paid for gas.
            fee: Balance,
        },
        /// Members disagree.
        Frozen {
            /// The cluster.
            cluster: ClusterId,
        },
        /// Members agree again, or were made to.
        Thawed {
            /// The cluster.
            cluster: ClusterId,
        },
        /// A member contradicted a quorum and is out.
        MemberSuspended {
            /// The cluster.
            cluster: ClusterId,
            /// The member.
            worker: WorkerId,
        },
        /// Gas of a message without a receipt was given back.
        GasRefunded {
            /// The cluster.
            cluster: ClusterId,
            /// The message.
            index: u64,
        },
        /// What an ended cluster still held for a message was given back.
        Reclaimed {
            /// The cluster.
            cluster: ClusterId,
            /// The message.
            index: u64,
        },
        /// A contract is gone, and its owner has got what it owned.
        ContractClosed {
            /// The contract.
            contract: ContractId,
        },
        /// The bounds of clusters have changed.
        BoundsChanged,
    }

    #[pallet::error]
    pub enum Error<T> {
        /// There is no such cluster.
        NoCluster,
        /// The cluster has ended.
        ClusterTerminated,
        /// The cluster has not ended.
        ClusterAlive,
        /// The cluster is frozen, and its quorum of 1 cannot thaw it.
        ClusterFrozen,
        /// The caller is not the owner of the cluster, code or contract.
        NotOwner,
        /// The configuration exceeds a bound of the chain.
        ConfigOutOfBounds,
        /// No cluster id, epoch or log index is left.
        Exhausted,
        /// Too many messages wait for a report.
        Backlogged,
        /// There is no such worker, or it has no live boot.
        NoWorker,
        /// The caller does not run the worker.
        NotOperator,
        /// The worker's operator has not consented.
        NoConsent,
        /// The worker is a member of a cluster already.
        AlreadyMember,
        /// The worker is not a member of the cluster.
        NotMember,
        /// The worker contradicted a quorum of this cluster.
        WorkerSuspended,
        /// The members disagree on what the worker said: it stays until this is decided.
        WordContested,
        /// The cluster has no room for another member.
        TooManyMembers,
        /// The cluster has keys already, or these are of another epoch.
        KeysRefused,
        /// The signature is not the live boot's.
        BadSignature,
        /// The caller may not deploy to this cluster.
        NotPermitted,
        /// The code is larger than the cluster allows.
        CodeTooLarge,
        /// The chunks do not cover the code, or cover more.
        BadChunks,
        /// The code is known already.
        CodeExists,
        /// There is no such code, or not all of its chunks have arrived.
        NoCode,
        /// The chunk is not the declared one.
        WrongChunk,
        /// The chunk has arrived already.
        ChunkExists,
        /// A contract uses the code.
        CodeInUse,
        /// There is no such contract, or it has ended or failed.
        NoContract,
        /// The payload is larger than the cluster allows.
        PayloadTooLarge,
        /// More gas than a message of this cluster may use.
        GasTooHigh,
        /// The price does not fit a balance.
        Overflow,
        /// The payload is sealed to an epoch that is over, or has not begun.
        WrongEpoch,
        /// The contract's command key is not known yet.
        NotReady,
        /// Constructors cannot be sealed: the contract has no key yet.
        SealedConstructor,
        /// The report does not begin where the last one ended.
        StaleReport,
        /// The report does not end where the chain says that a report may end.
        WrongBoundary,
        /// The report's outcomes are not one per message.
        WrongOutcomes,
        /// The member has reported up to here, or further.
        AlreadyVoted,
        /// There is nothing to give back, or not yet.
        NothingDue,
    }

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// What clusters may configure.
        pub bounds: Bounds,
        /// Clusters to begin with, numbered from 0.
        pub clusters: Vec<GenesisCluster<T::AccountId>>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let clusters = self.clusters.iter().map(|c| (c.owner.clone(), c.config.clone())).collect::<Vec<_>>();
            assert!(clusters.iter().all(|(_, config)| self.bounds.admit(config)), "a genesis cluster is out of bounds");
            let clusters: Result<BoundedVec<_, _>, _> = clusters.try_into();
            assert!(clusters.is_ok(), "too many clusters in the genesis");
            CurrentBounds::<T>::put(self.bounds);
            InitialClusters::<T>::put(clusters.unwrap_or_default());
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            let waiting = InitialClusters::<T>::decode_len().unwrap_or(0) as u64;
            T::WeightInfo::create_cluster().saturating_mul(waiting).saturating_add(T::DbWeight::get().reads(1))
        }

        fn on_finalize(_: BlockNumberFor<T>) {
            // A read: to take what is not there would be a write in every block.
            if !InitialClusters::<T>::exists() {
                return;
            }
            for (owner, config) in InitialClusters::<T>::take() {
                if let Err(error) = Self::found(owner, config) {
                    ::log::error!(target: "runtime::phat", "a genesis cluster cannot be created: {error:?}");
                }
            }
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Creates a cluster, owned by the caller.
        ///
        /// Origin: signed. Holds [`Config::ClusterDeposit`]. Errors: [`Error::ConfigOutOfBounds`]. Event: [`Event::ClusterCreated`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create_cluster())]
        pub fn create_cluster(origin: OriginFor<T>, config: ClusterConfig) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::found(owner, config)
        }

        /// Changes a cluster's configuration, from this message of its log on.
        ///
        /// With another quorum, members vote anew. An engine's revision never falls back.
        ///
        /// Origin: signed by the owner. Errors: [`Error::NoCluster`], [`Error::NotOwner`], [`Error::ConfigOutOfBounds`],
        /// [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::configure_cluster())]
        pub fn configure_cluster(origin: OriginFor<T>, cluster: ClusterId, config: ClusterConfig) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_configure(owner, cluster, config)
        }

        /// Consents to the worker's joining a cluster, or takes the consent back.
        ///
        /// Origin: signed by the worker's operator. Errors: [`Error::NoWorker`], [`Error::NotOperator`], [`Error::NoCluster`].
        /// Event: [`Event::WorkerOffered`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::offer_worker())]
        pub fn offer_worker(origin: OriginFor<T>, worker: WorkerId, cluster: Option<ClusterId>) -> DispatchResult {
            let operator = ensure_signed(origin)?;
            Self::do_offer(operator, worker, cluster)
        }

        /// Takes a worker into a cluster. Its operator must have consented, or be the caller.
        ///
        /// Origin: signed by the cluster's owner. Errors: [`Error::NotOwner`], [`Error::NoWorker`], [`Error::NoConsent`],
        /// [`Error::AlreadyMember`], [`Error::WorkerSuspended`], [`Error::TooManyMembers`], [`Error::Backlogged`].
        /// Event: [`Event::Message`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::add_member())]
        pub fn add_member(origin: OriginFor<T>, cluster: ClusterId, worker: WorkerId) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_add_member(owner, cluster, worker)
        }

        /// Takes a worker out of a cluster. The cluster's keys stay as they are.
        ///
        /// Origin: signed by the cluster's owner or the worker's operator. Errors: [`Error::NotMember`], [`Error::NotOwner`],
        /// [`Error::WordContested`], [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::remove_member())]
        pub fn remove_member(origin: OriginFor<T>, cluster: ClusterId, worker: WorkerId) -> DispatchResult {
            let caller = ensure_signed(origin)?;
            Self::do_remove_member(caller, cluster, worker)
        }

        /// Binds a cluster to the keys that a member has drawn, once.
        ///
        /// Origin: signed by anybody; `signature` is the live boot's over
        /// [`key_commitment_digest`](phala_primitives::report::key_commitment_digest).
        /// Errors: [`Error::NotMember`], [`Error::BadSignature`], [`Error::KeysRefused`]. Event: [`Event::KeysCommitted`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::commit_keys())]
        pub fn commit_keys(
            origin: OriginFor<T>,
            cluster: ClusterId,
            worker: WorkerId,
            keys: KeyCommitment,
            signature: [u8; 64],
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_commit_keys(cluster, worker, keys, signature)
        }

        // Call 6 is kept for the beginning of a new epoch of keys (`Kind::Rotate` in the log), which workers cannot follow yet.

        /// Announces code: `size` bytes when uncompressed, stored as `stored_bytes` in chunks with these hashes.
        ///
        /// Origin: signed by whom the cluster permits. Holds the cluster's price per stored byte. Errors: [`Error::NotPermitted`],
        /// [`Error::CodeTooLarge`], [`Error::BadChunks`], [`Error::CodeExists`]. Event: [`Event::CodeDeclared`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::declare_code())]
        pub fn declare_code(
            origin: OriginFor<T>,
            cluster: ClusterId,
            code: CodeHash,
            size: u32,
            stored_bytes: u32,
            chunks: BoundedVec<Hash256, ConstU32<MAX_CODE_CHUNKS>>,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_declare_code(owner, cluster, code, size, stored_bytes, chunks)
        }

        /// Stores a chunk in the nodes' off-chain index. With the last one the code may be used.
        ///
        /// Origin: signed by the code's owner. Errors: [`Error::NoCode`], [`Error::NotOwner`], [`Error::WrongChunk`],
        /// [`Error::ChunkExists`]. Events: [`Event::ChunkStored`], [`Event::Message`] with the last.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::upload_chunk(bytes.len() as u32))]
        pub fn upload_chunk(
            origin: OriginFor<T>,
            cluster: ClusterId,
            code: CodeHash,
            chunk: u32,
            bytes: Chunk,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_upload_chunk(owner, cluster, code, chunk, bytes)
        }

        /// Forgets code that no contract uses, or of a cluster that has ended, and returns its deposit.
        ///
        /// Origin: signed by the code's owner. Errors: [`Error::NoCode`], [`Error::NotOwner`], [`Error::CodeInUse`].
        /// Event: [`Event::CodeRemoved`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::remove_code())]
        pub fn remove_code(origin: OriginFor<T>, cluster: ClusterId, code: CodeHash) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_remove_code(owner, cluster, code)
        }

        /// Creates a contract, owned by the caller. `deposit` is for its storage, `value` what it owns at first.
        ///
        /// Origin: signed by whom the cluster permits. Errors: [`Error::NoCluster`], [`Error::NotPermitted`], [`Error::NoCode`],
        /// [`Error::SealedConstructor`], [`Error::PayloadTooLarge`], [`Error::GasTooHigh`], [`Error::Backlogged`].
        /// Event: [`Event::Message`].
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::instantiate(payload.len() as u32))]
        pub fn instantiate(
            origin: OriginFor<T>,
            cluster: ClusterId,
            code: CodeHash,
            payload: Payload,
            gas_limit: u64,
            value: Balance,
            deposit: Balance,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_instantiate(owner, cluster, code, payload, gas_limit, value, deposit)
        }

        /// Calls a contract.
        ///
        /// Origin: signed. Errors: [`Error::NoContract`], [`Error::ClusterTerminated`], [`Error::PayloadTooLarge`],
        /// [`Error::GasTooHigh`], [`Error::WrongEpoch`], [`Error::NotReady`], [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::command(payload.len() as u32))]
        pub fn command(
            origin: OriginFor<T>,
            contract: ContractId,
            payload: Payload,
            gas_limit: u64,
            value: Balance,
        ) -> DispatchResult {
            let sender = ensure_signed(origin)?;
            Self::do_command(sender, contract, payload, gas_limit, value)
        }

        /// Gives a contract new code; it takes effect with its receipt.
        ///
        /// Origin: signed by the contract's owner. Errors: as [`Pallet::command`], [`Error::NotOwner`], [`Error::NoCode`].
        /// Event: [`Event::Message`].
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::upgrade(payload.len() as u32))]
        pub fn upgrade(
            origin: OriginFor<T>,
            contract: ContractId,
            code: CodeHash,
            payload: Payload,
            gas_limit: u64,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_upgrade(owner, contract, code, payload, gas_limit)
        }

        /// Ends a contract. With the receipt its owner gets the deposit and what the contract owns; a contract whose constructor
        /// failed goes at once.
        ///
        /// Origin: signed by the contract's owner. Errors: [`Error::NoContract`], [`Error::NotOwner`].
        /// Events: [`Event::Message`], [`Event::ContractClosed`].
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::terminate_contract().max(T::WeightInfo::reclaim_contract()))]
        pub fn terminate_contract(origin: OriginFor<T>, contract: ContractId) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_terminate_contract(owner, contract)
        }

        /// Moves `amount` of what a contract owns to its owner, once its receipt says that it owns as much. Weighs as the end of a
        /// contract does: it is appended in the same way and does less.
        ///
        /// Origin: signed by the contract's owner. Errors: [`Error::NoContract`], [`Error::NotOwner`], [`Error::NothingDue`],
        /// [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(21)]
        #[pallet::weight(T::WeightInfo::terminate_contract())]
        pub fn withdraw(origin: OriginFor<T>, contract: ContractId, amount: Balance) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_withdraw(owner, contract, amount)
        }

        /// Ends a cluster and returns its deposit to its owner. Reports are refused from here on; what it held is given back by
        /// [`Pallet::reclaim`], [`Pallet::reclaim_contract`] and [`Pallet::remove_code`].
        ///
        /// Origin: signed by the cluster's owner, or [`Config::AdminOrigin`]. Errors: [`Error::NoCluster`],
        /// [`Error::ClusterTerminated`], [`Error::NotOwner`]. Event: [`Event::Message`].
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::terminate_cluster(MAX_MEMBERS))]
        pub fn terminate_cluster(origin: OriginFor<T>, cluster: ClusterId) -> DispatchResultWithPostInfo {
            let owner = match T::AdminOrigin::try_origin(origin) {
                Ok(_) => None,
                Err(origin) => Some(ensure_signed(origin)?),
            };
            let members = Self::do_terminate_cluster(owner, cluster)?;
            Ok(Some(T::WeightInfo::terminate_cluster(members)).into())
        }

        /// Takes a member's report. It takes effect when a quorum has sent the same.
        ///
        /// Origin: signed by anybody; `signature` is the live boot's over [`Report::digest`].
        /// Errors: [`Error::NotMember`], [`Error::BadSignature`], [`Error::ClusterTerminated`], [`Error::ClusterFrozen`],
        /// [`Error::StaleReport`], [`Error::WrongBoundary`], [`Error::WrongOutcomes`], [`Error::AlreadyVoted`].
        /// Events: [`Event::Voted`], [`Event::ReportApplied`], [`Event::Settled`], [`Event::Frozen`], [`Event::MemberSuspended`].
        /// What it did in the end decides what it weighs.
        #[pallet::call_index(15)]
        #[pallet::weight(Effect::most::<T>(report.latest()))]
        pub fn report(
            origin: OriginFor<T>,
            report: Report,
            worker: WorkerId,
            signature: [u8; 64],
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            match Self::do_report(report, worker, signature) {
                Ok(effect) => Ok(Some(effect.weight::<T>()).into()),
                // whatever refuses a report does so before anything is settled
                Err(error) => Err(error.with_weight(Effect::Voted.weight::<T>())),
            }
        }

        /// Gives back the gas of a message that has no receipt within its cluster's time-out. Nothing else returns.
        ///
        /// Origin: signed by anybody. Errors: [`Error::NothingDue`]. Event: [`Event::GasRefunded`].
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::refund_expired())]
        pub fn refund_expired(origin: OriginFor<T>, cluster: ClusterId, index: u64) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_refund_expired(cluster, index)
        }

        /// Gives back all that an ended cluster holds for a message.
        ///
        /// Origin: signed by anybody. Errors: [`Error::ClusterAlive`], [`Error::NothingDue`]. Event: [`Event::Reclaimed`].
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::reclaim())]
        pub fn reclaim(origin: OriginFor<T>, cluster: ClusterId, index: u64) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_reclaim(cluster, index)
        }

        /// Closes a contract of an ended cluster: its owner gets the deposit and what the contract owns.
        ///
        /// Origin: signed by anybody. Errors: [`Error::NoContract`], [`Error::ClusterAlive`]. Event: [`Event::ContractClosed`].
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::reclaim_contract())]
        pub fn reclaim_contract(origin: OriginFor<T>, contract: ContractId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_reclaim_contract(contract)
        }

        /// Decides a disagreement that no quorum decides: suspends these workers, also ones that have left since, and thaws the
        /// cluster.
        ///
        /// Origin: [`Config::AdminOrigin`]. Errors: [`Error::NoCluster`], [`Error::ClusterTerminated`].
        /// Events: [`Event::MemberSuspended`], [`Event::Thawed`].
        #[pallet::call_index(19)]
        #[pallet::weight(T::WeightInfo::resolve(suspended.len() as u32))]
        pub fn resolve(
            origin: OriginFor<T>,
            cluster: ClusterId,
            suspended: phala_primitives::cluster::Members,
        ) -> DispatchResult {
            T::AdminOrigin::ensure_origin(origin)?;
            Self::do_resolve(cluster, suspended)
        }

        /// Sets what clusters may configure. Clusters that exist keep their configuration.
        ///
        /// Origin: [`Config::AdminOrigin`]. Event: [`Event::BoundsChanged`].
        #[pallet::call_index(20)]
        #[pallet::weight(T::WeightInfo::set_bounds())]
        pub fn set_bounds(origin: OriginFor<T>, bounds: Bounds) -> DispatchResult {
            T::AdminOrigin::ensure_origin(origin)?;
            CurrentBounds::<T>::put(bounds);
            Self::deposit_event(Event::BoundsChanged);
            Ok(())
        }
    }
}
