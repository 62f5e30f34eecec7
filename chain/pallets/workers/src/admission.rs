//! Admission and its end: the checks of `register`, in the order that its documentation promises.

use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::{
        EnsureOrigin, Get, UnixTime,
        fungible::{InspectHold, MutateHold},
        tokens::Precision,
    },
};
use frame_system::pallet_prelude::{BlockNumberFor, OriginFor};
use phala_primitives::{
    AccountId, BootSign, Hash256, WorkerId, offchain_key,
    worker::{Endpoint, WorkerEntry, WorkerEntryV1},
};
use sp_core::H256;
use sp_io::hashing::blake2_256;
use sp_runtime::SaturatedConversion;

use crate::{
    Boot, BootBinding, BootOwner, Config, CurrentPolicy, Error, Event, Evidence, HoldReason, Pallet, Policy, Registry,
    Retired, RetiredWorker, Verifier,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn admit(
        operator: T::AccountId,
        worker: WorkerId,
        salt: [u8; 32],
        boot: Boot,
        (block, block_hash): (u32, H256),
        evidence: Evidence,
        endpoint: Option<Endpoint>,
    ) -> DispatchResult {
        Self::ensure_endpoint(endpoint.as_ref())?;
        let genesis = Self::genesis_hash();
        let account = AccountId(operator.clone().into());
        ensure!(WorkerId::derive(&genesis, &account, &salt) == worker, Error::<T>::WrongOperator);

        let policy = CurrentPolicy::<T>::get();
        let now = Self::block_number();
        ensure!(block < now && now.saturating_sub(block) <= policy.max_evidence_age, Error::<T>::BlockNotRecent);
        let number = BlockNumberFor::<T>::from(block);
        ensure!(frame_system::BlockHash::<T>::contains_key(number), Error::<T>::BlockNotRecent);
        ensure!(frame_system::Pallet::<T>::block_hash(number) == block_hash, Error::<T>::WrongBlockHash);

        let before = Registry::<T>::get(worker);
        let last =
            before.as_ref().map(|entry| RetiredWorker::from(entry.latest())).or_else(|| Retired::<T>::get(worker));
        ensure!(last.is_none_or(|last| block > last.evidence_block), Error::<T>::BlockNotLater);
        ensure!(!BootOwner::<T>::contains_key(boot.sign), Error::<T>::BootInUse);
        let boot_count = last.map_or(0, |last| last.boot_count).checked_add(1).ok_or(Error::<T>::BootCountExhausted)?;

        let binding = BootBinding {
            genesis,
            boot_sign: boot.sign,
            boot_kem: boot.kem,
            worker,
            operator: account,
            block,
            block_hash: block_hash.0,
        };
        let claims = T::Verifier::verify(&evidence, &policy.attestation, &binding, T::Time::now().as_secs())
            .map_err(Error::<T>::from)?;

        match &before {
            Some(entry) => BootOwner::<T>::remove(entry.latest().boot_sign),
            None => T::Currency::hold(&HoldReason::Registration.into(), &operator, T::Deposit::get())?,
        }
        let hash = Self::store_evidence(&evidence);
        Retired::<T>::remove(worker);
        BootOwner::<T>::insert(boot.sign, worker);
        let entry = WorkerEntryV1 {
            operator: account,
            boot_sign: boot.sign,
            boot_kem: boot.kem,
            boot_count,
            claims,
            evidence: hash,
            evidence_block: block,
            registered_at: now,
            endpoint,
        };
        Registry::<T>::insert(worker, WorkerEntry::V1(entry));
        Self::deposit_event(Event::Registered { worker, operator, boot_sign: boot.sign, boot_count, evidence: hash });
        Ok(())
    }

    /// Leaves the evidence to the nodes, and gives the hash that it is found by.
    pub(crate) fn store_evidence(evidence: &[u8]) -> Hash256 {
        let hash = blake2_256(evidence);
        sp_io::offchain_index::set(&offchain_key::evidence(&hash), evidence);
        hash
    }

    /// Ends the lease of the worker's boot, keeps its numbers, and returns the deposit.
    pub(crate) fn retire(worker: &WorkerId) -> DispatchResult {
        let entry = Registry::<T>::take(worker).ok_or(Error::<T>::NoWorker)?;
        let entry = entry.latest();
        BootOwner::<T>::remove(entry.boot_sign);
        Retired::<T>::insert(worker, RetiredWorker::from(entry));
        let operator = T::AccountId::from(entry.operator.0);
        let reason = HoldReason::Registration.into();
        // The deposit may have been another one when it was taken; the last worker takes all that is left.
        let amount = T::Deposit::get().min(T::Currency::balance_on_hold(&reason, &operator));
        T::Currency::release(&reason, &operator, amount, Precision::BestEffort)?;
        Ok(())
    }

    pub(crate) fn change_policy(
        origin: OriginFor<T>,
        change: impl FnOnce(&mut Policy) -> bool,
        refusal: Error<T>,
    ) -> DispatchResult {
        T::AdminOrigin::ensure_origin(origin)?;
        CurrentPolicy::<T>::try_mutate(|policy| if change(policy) { Ok(()) } else { Err(refusal) })?;
        Self::deposit_event(Event::PolicyChanged);
        Ok(())
    }

    pub(crate) fn ensure_operator(caller: &T::AccountId, worker: &WorkerId) -> DispatchResult {
        let operator = Self::operator(worker).ok_or(Error::<T>::NoWorker)?;
        ensure!(operator == *caller, Error::<T>::NotOperator);
        Ok(())
    }

    pub(crate) fn ensure_endpoint(endpoint: Option<&Endpoint>) -> Result<(), DispatchError> {
        let Some(url) = endpoint else { return Ok(()) };
        let host = url.strip_prefix(b"https://").or_else(|| url.strip_prefix(b"http://"));
        let good = host.is_some_and(|host| !host.is_empty() && host.iter().all(u8::is_ascii_graphic));
        ensure!(good, Error::<T>::BadEndpoint);
        Ok(())
    }

    pub(crate) fn genesis_hash() -> Hash256 {
        frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::from(0u32)).0
    }

    pub(crate) fn block_number() -> u32 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// The account that runs a worker that has a live boot.
    pub fn operator(worker: &WorkerId) -> Option<T::AccountId> {
        Registry::<T>::get(worker).map(|entry| entry.latest().operator.0.into())
    }

    /// The signing key of a worker's live boot.
    pub fn live_boot(worker: &WorkerId) -> Option<BootSign> {
        Registry::<T>::get(worker).map(|entry| entry.latest().boot_sign)
    }
}

impl From<&WorkerEntryV1> for RetiredWorker {
    fn from(entry: &WorkerEntryV1) -> Self {
        Self { boot_count: entry.boot_count, evidence_block: entry.evidence_block }
    }
}
