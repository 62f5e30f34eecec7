//! What users and members ask for: a part of [`pallet`](crate::pallet). Each call hands on to the module that does it.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Creates a cluster, owned by the caller.
        ///
        /// Origin: signed. Holds [`Config::ClusterDeposit`]. Errors: [`Error::ConfigOutOfBounds`]. Event:
        /// [`Event::ClusterCreated`].
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
        /// Origin: signed by the owner. Errors: [`Error::NoCluster`], [`Error::NotOwner`],
        /// [`Error::ConfigOutOfBounds`], [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::configure_cluster())]
        pub fn configure_cluster(origin: OriginFor<T>, cluster: ClusterId, config: ClusterConfig) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_configure(owner, cluster, config)
        }

        /// Consents to the worker's joining a cluster, or takes the consent back.
        ///
        /// Origin: signed by the worker's operator. Errors: [`Error::NoWorker`], [`Error::NotOperator`],
        /// [`Error::NoCluster`]. Event: [`Event::WorkerOffered`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::offer_worker())]
        pub fn offer_worker(origin: OriginFor<T>, worker: WorkerId, cluster: Option<ClusterId>) -> DispatchResult {
            let operator = ensure_signed(origin)?;
            Self::do_offer(operator, worker, cluster)
        }

        /// Takes a worker into a cluster. Its operator must have consented, or be the caller.
        ///
        /// Origin: signed by the cluster's owner. Errors: [`Error::NotOwner`], [`Error::NoWorker`],
        /// [`Error::NoConsent`], [`Error::AlreadyMember`], [`Error::WorkerSuspended`], [`Error::TooManyMembers`],
        /// [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::add_member())]
        pub fn add_member(origin: OriginFor<T>, cluster: ClusterId, worker: WorkerId) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_add_member(owner, cluster, worker)
        }

        /// Takes a worker out of a cluster. The cluster's keys stay as they are.
        ///
        /// Origin: signed by the cluster's owner or the worker's operator. Errors: [`Error::NotMember`],
        /// [`Error::NotOwner`], [`Error::WordContested`], [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::remove_member())]
        pub fn remove_member(origin: OriginFor<T>, cluster: ClusterId, worker: WorkerId) -> DispatchResult {
            let caller = ensure_signed(origin)?;
            Self::do_remove_member(caller, cluster, worker)
        }

        /// Binds a cluster to the keys that a member has drawn, once.
        ///
        /// Origin: signed by anybody; `signature` is the live boot's over
        /// [`key_commitment_digest`](phala_primitives::report::key_commitment_digest). Errors: [`Error::NotMember`],
        /// [`Error::BadSignature`], [`Error::KeysRefused`]. Event: [`Event::KeysCommitted`].
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

        // Call 6 is kept for the beginning of a new epoch of keys (`Kind::Rotate` in the log), which workers cannot
        // follow yet.

        /// Announces an upload of code: `size` bytes when uncompressed, stored as `stored_bytes` in chunks with these
        /// hashes. Others may announce theirs under the same hash.
        ///
        /// Origin: signed by whom the cluster permits. Holds the cluster's price per stored byte. Errors:
        /// [`Error::NotPermitted`], [`Error::CodeTooLarge`], [`Error::BadChunks`], [`Error::CodeExists`],
        /// [`Error::UploadExists`]. Event: [`Event::CodeDeclared`].
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

        /// Stores a chunk in the nodes' off-chain index. With the last one the upload is in the log; its receipt makes
        /// it code, or drops it.
        ///
        /// Origin: signed by who has declared it. Errors: [`Error::NoUpload`], [`Error::CodeExists`],
        /// [`Error::WrongChunk`], [`Error::ChunkExists`], [`Error::Backlogged`]. Events: [`Event::ChunkStored`],
        /// [`Event::Message`] with the last; with its receipt [`Event::CodeAccepted`] or [`Event::UploadDropped`].
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

        /// Forgets the caller's upload that is not complete, or his code that no contract uses and that has been there
        /// for the cluster's time-out; of a cluster that has ended, either. Returns its deposit.
        ///
        /// Origin: signed by who has uploaded it. Errors: [`Error::NoCode`], [`Error::NotOwner`],
        /// [`Error::UploadComplete`], [`Error::CodeInUse`], [`Error::CodeTooNew`]. Event: [`Event::CodeRemoved`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::remove_code())]
        pub fn remove_code(origin: OriginFor<T>, cluster: ClusterId, code: CodeHash) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_remove_code(owner, cluster, code)
        }

        /// Creates a contract, owned by the caller. `deposit` is for its storage, `value` what it owns at first.
        ///
        /// Origin: signed by whom the cluster permits. Errors: [`Error::NoCluster`], [`Error::NotPermitted`],
        /// [`Error::NoCode`], [`Error::SealedConstructor`], [`Error::PayloadTooLarge`], [`Error::GasTooHigh`],
        /// [`Error::Backlogged`]. Event: [`Event::Message`].
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
        /// [`Error::GasTooHigh`], [`Error::WrongEpoch`], [`Error::NotReady`], [`Error::Backlogged`]. Event:
        /// [`Event::Message`].
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

        /// Gives a contract new code; it takes effect with its receipt. Until then the contract's entry names it beside
        /// the old one: workers have executed it before their report is there, and what they then answer must not look
        /// like a lie.
        ///
        /// Origin: signed by the contract's owner. Errors: as [`Pallet::command`], [`Error::NotOwner`],
        /// [`Error::NoCode`], [`Error::TooManyUpgrades`]. Event: [`Event::Message`].
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

        /// Ends a contract. With the receipt its owner gets the deposit and what the contract owns; a contract whose
        /// constructor failed goes at once.
        ///
        /// Origin: signed by the contract's owner. Errors: [`Error::NoContract`], [`Error::NotOwner`].
        /// Events: [`Event::Message`], [`Event::ContractClosed`].
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::terminate_contract().max(T::WeightInfo::reclaim_contract()))]
        pub fn terminate_contract(origin: OriginFor<T>, contract: ContractId) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_terminate_contract(owner, contract)
        }

        /// Moves `amount` of what a contract owns to its owner, once its receipt says that it owns as much. Weighs as
        /// the end of a contract does: it is appended in the same way and does less.
        ///
        /// Origin: signed by the contract's owner. Errors: [`Error::NoContract`], [`Error::NotOwner`],
        /// [`Error::NothingDue`], [`Error::Backlogged`]. Event: [`Event::Message`].
        #[pallet::call_index(21)]
        #[pallet::weight(T::WeightInfo::terminate_contract())]
        pub fn withdraw(origin: OriginFor<T>, contract: ContractId, amount: Balance) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_withdraw(owner, contract, amount)
        }

        /// Ends a cluster and returns its deposit to its owner. Reports are refused from here on; what it held is given
        /// back by [`Pallet::reclaim`], [`Pallet::reclaim_contract`] and [`Pallet::remove_code`].
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
        /// Origin: signed by anybody; `signature` is the live boot's over [`Report::digest`]. Errors:
        /// [`Error::NotMember`], [`Error::BadSignature`], [`Error::ClusterTerminated`], [`Error::ClusterFrozen`],
        /// [`Error::StaleReport`], [`Error::WrongBoundary`], [`Error::WrongOutcomes`], [`Error::AlreadyVoted`]. Events:
        /// [`Event::Voted`], [`Event::ReportApplied`], [`Event::Settled`], [`Event::CodeAccepted`],
        /// [`Event::UploadDropped`], [`Event::Frozen`], [`Event::MemberSuspended`]. What it did in the end decides what
        /// it weighs.
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

        /// Gives back all that an ended cluster holds for a message, or for an upload.
        ///
        /// Origin: signed by anybody. Errors: [`Error::ClusterAlive`], [`Error::NothingDue`]. Event:
        /// [`Event::Reclaimed`].
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::reclaim())]
        pub fn reclaim(origin: OriginFor<T>, cluster: ClusterId, index: u64) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_reclaim(cluster, index)
        }

        /// Closes a contract of an ended cluster: its owner gets the deposit and what the contract owns.
        ///
        /// Origin: signed by anybody. Errors: [`Error::NoContract`], [`Error::ClusterAlive`]. Event:
        /// [`Event::ContractClosed`].
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::reclaim_contract())]
        pub fn reclaim_contract(origin: OriginFor<T>, contract: ContractId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_reclaim_contract(contract)
        }

        /// Decides a disagreement that no quorum decides: suspends these workers, also ones that have left since, and
        /// thaws the cluster.
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
