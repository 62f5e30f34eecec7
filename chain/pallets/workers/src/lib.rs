//! # Workers
//!
//! Admits workers by attestation evidence and keeps the registry of their live boots: `protocol.md` §3.
//!
//! A worker is named by `worker_id = H(operator ‖ salt)`, so only its operator can register it. Each start of it makes a fresh
//! boot identity; [`Pallet::register`] checks the evidence that binds this identity to a machine and a program, and puts it in
//! the place of the one before. **The entry in [`Registry`] is the lease**: a boot identity is live in a block if the state of
//! that block says so, and no two boots of a worker are ever live together.
//!
//! Evidence is checked by [`Config::Verifier`] against the [`Policy`], which is data that [`Config::AdminOrigin`] keeps. Nothing in
//! here can be told to skip a check.
//!
//! ## What trust remains
//!
//! - The evidence is worth what its root is worth: `claims.assurance` of an entry tells which kind it was.
//! - A boot that stays registered keeps its lease until its operator deregisters it, until the next boot, or until somebody calls
//!   [`Pallet::expire`] once the policy has no place for its program or its kind of root any more, or its evidence is older than
//!   the policy's period.
//! - The endpoint is the operator's word. It proves nothing, and nothing secret rests on it.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod admission;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod policy;
mod refusal;
#[cfg(any(feature = "try-runtime", test))]
mod state;
#[cfg(test)]
mod tests;
mod verifier;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use pallet::*;
pub use phala_attestation::{AllowedMeasurement, TrustedRoot};
pub use phala_primitives::report_data::BootBinding;
pub use policy::Policy;
pub use verifier::{Attestation, Verifier};
pub use weights::WeightInfo;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, pallet_prelude::DispatchResult, traits::ConstU32};
use phala_primitives::{BootKem, BootSign, WorkerId};
use scale_info::TypeInfo;

/// Length of a piece of evidence with its collateral, in bytes.
pub const MAX_EVIDENCE: u32 = 64 * 1024;

/// Evidence as it travels: a versioned encoding that the verifier knows.
pub type Evidence = BoundedVec<u8, ConstU32<MAX_EVIDENCE>>;

/// The public half of a boot identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Boot {
    /// Signs reports and answers.
    pub sign: BootSign,
    /// Receives sealed requests and keys.
    pub kem: BootKem,
}

/// What stays of a worker that has no live boot, so that its numbers never fall back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RetiredWorker {
    /// Boots admitted so far.
    pub boot_count: u64,
    /// The block that the last evidence named.
    pub evidence_block: u32,
}

/// Whoever relies on workers. Wired by the runtime.
pub trait Obligations {
    /// Whether something still counts on this worker, so that its operator cannot let it go.
    fn bound(worker: &WorkerId) -> bool;
    /// Hears that the worker has lost its lease: nothing can count on it any more.
    fn ended(worker: &WorkerId) -> DispatchResult;
}

impl Obligations for () {
    fn bound(_: &WorkerId) -> bool {
        false
    }

    fn ended(_: &WorkerId) -> DispatchResult {
        Ok(())
    }
}

#[frame_support::pallet]
#[allow(
    clippy::expect_used,
    clippy::too_many_arguments,
    clippy::unreachable,
    reason = "FRAME's expansion; the calls below hand on to modules behind the wall"
)]
pub mod pallet {
    use super::*;
    use frame_support::{
        pallet_prelude::*,
        traits::{UnixTime, fungible::hold},
    };
    use frame_system::pallet_prelude::*;
    use phala_primitives::{
        Hash256,
        message::Balance,
        worker::{Endpoint, Measurement, WorkerEntry},
    };
    use sp_core::H256;

    /// The version of this pallet's storage.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId: From<[u8; 32]> + Into<[u8; 32]>, Hash = H256, RuntimeEvent: From<Event<Self>>>
    {
        /// Holds the deposit.
        type Currency: hold::Mutate<Self::AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
        /// The runtime's reasons for holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Who keeps the policy.
        type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Chain time.
        type Time: UnixTime;
        /// Verifies evidence.
        type Verifier: Verifier;
        /// Who may still count on a worker.
        type Obligations: Obligations;
        /// Held while a worker is registered.
        #[pallet::constant]
        type Deposit: Get<Balance>;
        /// Gives evidence to be verified, and somebody who counts on a worker.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: BenchmarkHelper;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds funds.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A worker is registered. Returned when its entry goes.
        Registration,
    }

    /// The live boot of each worker. Key frozen in `phala_primitives::storage_key`.
    #[pallet::storage]
    pub type Registry<T: Config> = StorageMap<_, Blake2_128Concat, WorkerId, WorkerEntry>;

    /// Whose boot a live signing key is. Inverse of [`Registry`].
    #[pallet::storage]
    pub type BootOwner<T: Config> = StorageMap<_, Blake2_128Concat, BootSign, WorkerId>;

    /// Workers without an entry that had one.
    #[pallet::storage]
    pub type Retired<T: Config> = StorageMap<_, Blake2_128Concat, WorkerId, RetiredWorker>;

    /// What evidence must show.
    #[pallet::storage]
    pub type CurrentPolicy<T: Config> = StorageValue<_, Policy, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A boot has become the live one of its worker.
        Registered {
            /// The worker.
            worker: WorkerId,
            /// Its operator.
            operator: T::AccountId,
            /// The boot's signing key.
            boot_sign: BootSign,
            /// Number of this boot.
            boot_count: u64,
            /// Hash of the evidence.
            evidence: Hash256,
        },
        /// A worker has no live boot any more, by its operator's will.
        Deregistered {
            /// The worker.
            worker: WorkerId,
        },
        /// A worker has no live boot any more, since the policy does not admit it any longer.
        Expired {
            /// The worker.
            worker: WorkerId,
        },
        /// A worker is reached elsewhere.
        EndpointChanged {
            /// The worker.
            worker: WorkerId,
        },
        /// The policy has changed.
        PolicyChanged,
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The worker's id is not the hash of the caller and the salt: another operator's worker, or a wrong salt.
        WrongOperator,
        /// The evidence names a block that this chain does not remember, has not reached, or that is older than the policy allows.
        BlockNotRecent,
        /// The evidence names a hash that the block does not have.
        WrongBlockHash,
        /// The evidence names no later block than the previous one of this worker.
        BlockNotLater,
        /// The boot's signing key is live already.
        BootInUse,
        /// The endpoint is not an `http://` or `https://` URL of printable ASCII.
        BadEndpoint,
        /// There is no such worker.
        NoWorker,
        /// The caller is not the worker's operator.
        NotOperator,
        /// A cluster still counts on the worker: leave it first.
        StillBound,
        /// The worker's evidence is as the policy wants it.
        NotExpired,
        /// Evidence: does not decode, or is too long.
        EvidenceMalformed,
        /// Evidence: is of a kind or version that is not known.
        EvidenceUnsupported,
        /// Evidence: its collateral does not decode, or is of another kind.
        EvidenceMalformedCollateral,
        /// Evidence: does not chain to a root that this chain trusts.
        EvidenceUntrustedRoot,
        /// A trusted root in the policy is not a certificate.
        PolicyRootMalformed,
        /// Evidence: a certificate chain is broken.
        EvidenceCertificateInvalid,
        /// Evidence: a certificate is revoked.
        EvidenceRevoked,
        /// Evidence: collateral or a certificate has expired.
        EvidenceExpired,
        /// Evidence: collateral or a certificate is not valid yet.
        EvidenceNotYetValid,
        /// Evidence: the collateral is not signed by its signer.
        EvidenceCollateralSignature,
        /// Evidence: the quoting enclave is not the vendor's.
        EvidenceQuotingEnclave,
        /// Evidence: the quote's signature is wrong.
        EvidenceQuoteSignature,
        /// Evidence: the collateral does not know the platform.
        EvidencePlatformUnknown,
        /// Evidence: the program can be debugged from outside.
        EvidenceDebug,
        /// Evidence: an attribute breaks isolation.
        EvidenceAttributes,
        /// Evidence: the platform's TCB is revoked.
        EvidenceTcbRevoked,
        /// Evidence: the platform's TCB status is not accepted.
        EvidenceTcbRefused,
        /// Evidence: does not bind this boot, worker, operator, block and chain.
        EvidenceWrongReportData,
        /// Evidence: the measurement is not on the list.
        EvidenceUnlistedMeasurement,
        /// Evidence: refused for a reason without a name.
        EvidenceUnverified,
        /// The policy has no room, or has the item already.
        PolicyItemRefused,
        /// The policy has no such item.
        NoPolicyItem,
        /// No number is left for another boot.
        BootCountExhausted,
    }

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// The policy from the first block on.
        pub policy: Policy,
        /// The runtime.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            CurrentPolicy::<T>::put(&self.policy);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes `boot` the live boot of `worker`, in the place of the one before.
        ///
        /// Origin: signed by the operator. Holds [`Config::Deposit`] at the first boot.
        /// Errors name the first check that failed: [`Error::BadEndpoint`], [`Error::WrongOperator`], [`Error::BlockNotRecent`],
        /// [`Error::WrongBlockHash`], [`Error::BlockNotLater`], [`Error::BootInUse`], then those of the evidence.
        /// Event: [`Event::Registered`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register().saturating_add(T::WeightInfo::store_evidence(evidence.len() as u32)))]
        pub fn register(
            origin: OriginFor<T>,
            worker: WorkerId,
            salt: [u8; 32],
            boot: Boot,
            block: u32,
            block_hash: H256,
            evidence: Evidence,
            endpoint: Option<Endpoint>,
        ) -> DispatchResult {
            let operator = ensure_signed(origin)?;
            Self::admit(operator, worker, salt, boot, (block, block_hash), evidence, endpoint)
        }

        /// Ends the lease of the worker's boot and returns the deposit.
        ///
        /// Origin: signed by the operator.
        /// Errors: [`Error::NoWorker`], [`Error::NotOperator`], [`Error::StillBound`]. Event: [`Event::Deregistered`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::deregister())]
        pub fn deregister(origin: OriginFor<T>, worker: WorkerId) -> DispatchResult {
            let caller = ensure_signed(origin)?;
            Self::ensure_operator(&caller, &worker)?;
            ensure!(!T::Obligations::bound(&worker), Error::<T>::StillBound);
            Self::retire(&worker)?;
            Self::deposit_event(Event::Deregistered { worker });
            Ok(())
        }

        /// Says where the worker is reached.
        ///
        /// Origin: signed by the operator.
        /// Errors: [`Error::NoWorker`], [`Error::NotOperator`], [`Error::BadEndpoint`]. Event: [`Event::EndpointChanged`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_endpoint())]
        pub fn set_endpoint(origin: OriginFor<T>, worker: WorkerId, endpoint: Option<Endpoint>) -> DispatchResult {
            let caller = ensure_signed(origin)?;
            Self::ensure_operator(&caller, &worker)?;
            Self::ensure_endpoint(endpoint.as_ref())?;
            Registry::<T>::mutate(worker, |entry| {
                if let Some(WorkerEntry::V1(entry)) = entry {
                    entry.endpoint = endpoint;
                }
            });
            Self::deposit_event(Event::EndpointChanged { worker });
            Ok(())
        }

        /// Ends the lease of a boot whose measurement, TCB status or kind of root the policy does not admit any longer, or whose
        /// evidence is older than the policy's period. Its operator gets the deposit back, and whoever counts on the worker hears
        /// of it.
        ///
        /// Origin: signed by anybody. Errors: [`Error::NoWorker`], [`Error::NotExpired`]. Event: [`Event::Expired`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::expire())]
        pub fn expire(origin: OriginFor<T>, worker: WorkerId) -> DispatchResult {
            ensure_signed(origin)?;
            let entry = Registry::<T>::get(worker).ok_or(Error::<T>::NoWorker)?;
            let now = Self::block_number();
            ensure!(!CurrentPolicy::<T>::get().still_admits(entry.latest(), now), Error::<T>::NotExpired);
            Self::retire(&worker)?;
            Self::deposit_event(Event::Expired { worker });
            T::Obligations::ended(&worker)
        }

        /// Replaces the whole policy.
        ///
        /// Origin: [`Config::AdminOrigin`]. Event: [`Event::PolicyChanged`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::set_policy())]
        pub fn set_policy(origin: OriginFor<T>, policy: Policy) -> DispatchResult {
            T::AdminOrigin::ensure_origin(origin)?;
            CurrentPolicy::<T>::put(policy);
            Self::deposit_event(Event::PolicyChanged);
            Ok(())
        }

        /// Admits a program.
        ///
        /// Origin: [`Config::AdminOrigin`]. Errors: [`Error::PolicyItemRefused`]. Event: [`Event::PolicyChanged`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::change_policy())]
        pub fn add_measurement(origin: OriginFor<T>, measurement: AllowedMeasurement) -> DispatchResult {
            Self::change_policy(origin, |policy| policy.add_measurement(measurement), Error::PolicyItemRefused)
        }

        /// Admits a program no longer. Boots that run it can be ended by [`Pallet::expire`].
        ///
        /// Origin: [`Config::AdminOrigin`]. Errors: [`Error::NoPolicyItem`]. Event: [`Event::PolicyChanged`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::change_policy())]
        pub fn remove_measurement(origin: OriginFor<T>, measurement: Measurement) -> DispatchResult {
            Self::change_policy(origin, |policy| policy.remove_measurement(&measurement), Error::NoPolicyItem)
        }

        /// Trusts a root of evidence.
        ///
        /// Origin: [`Config::AdminOrigin`]. Errors: [`Error::PolicyItemRefused`]. Event: [`Event::PolicyChanged`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::change_policy())]
        pub fn add_root(origin: OriginFor<T>, root: TrustedRoot) -> DispatchResult {
            Self::change_policy(origin, |policy| policy.add_root(root), Error::PolicyItemRefused)
        }

        /// Trusts a root no longer, named by the BLAKE2b-256 of its certificate. Boots whose assurance no other root gives can be
        /// ended by [`Pallet::expire`].
        ///
        /// Origin: [`Config::AdminOrigin`]. Errors: [`Error::NoPolicyItem`]. Event: [`Event::PolicyChanged`].
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::change_policy())]
        pub fn remove_root(origin: OriginFor<T>, certificate: Hash256) -> DispatchResult {
            Self::change_policy(origin, |policy| policy.remove_root(&certificate), Error::NoPolicyItem)
        }
    }
}
