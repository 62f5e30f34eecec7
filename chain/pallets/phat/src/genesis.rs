//! What a chain begins with: a part of [`pallet`](crate::pallet).

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod genesis {
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
}
