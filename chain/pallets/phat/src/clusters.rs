//! Clusters: their life, their members, their keys.

use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::Get,
};
use phala_primitives::{
    ClusterId, WorkerId,
    cluster::{ClusterConfig, ClusterEntry, ClusterEntryV1, ClusterStatus, KeyCommitment},
    message::{Kind, Origin, Rotate},
    report::key_commitment_digest,
};
use sp_core::ed25519;

use crate::{
    Clusters, Config, Consents, CurrentBounds, Error, Event, HoldReason, MemberOf, Members, NextCluster, Pallet,
    Suspended, Votes, WorkerRegistry,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn found(owner: T::AccountId, config: ClusterConfig) -> DispatchResult {
        ensure!(CurrentBounds::<T>::get().admit(&config), Error::<T>::ConfigOutOfBounds);
        let cluster = NextCluster::<T>::get();
        let next = cluster.0.checked_add(1).ok_or(Error::<T>::Exhausted)?;
        Self::open_pot(&owner)?;
        Self::hold(HoldReason::Cluster, &owner, T::ClusterDeposit::get())?;
        NextCluster::<T>::put(ClusterId(next));
        let account = Self::account(&owner);
        let entry = ClusterEntryV1 {
            owner: account,
            config: config.clone(),
            status: ClusterStatus::Active,
            epoch: 0,
            keys: None,
            created_at: Self::block_number(),
        };
        Clusters::<T>::insert(cluster, ClusterEntry::V1(entry));
        Self::append(cluster, Origin::Account(account), Kind::ClusterCreated(config))?;
        Self::deposit_event(Event::ClusterCreated { cluster, owner });
        Ok(())
    }

    pub(crate) fn do_configure(owner: T::AccountId, cluster: ClusterId, config: ClusterConfig) -> DispatchResult {
        Self::ensure_owner(&owner, cluster)?;
        Self::ensure_room(cluster)?;
        ensure!(CurrentBounds::<T>::get().admit(&config), Error::<T>::ConfigOutOfBounds);
        Self::change(cluster, |entry| entry.config = config.clone());
        Self::append(cluster, Origin::Account(Self::account(&owner)), Kind::Configuration(config))?;
        Ok(())
    }

    pub(crate) fn do_terminate_cluster(owner: T::AccountId, cluster: ClusterId) -> DispatchResult {
        Self::ensure_owner(&owner, cluster)?;
        Self::append(cluster, Origin::Account(Self::account(&owner)), Kind::TerminateCluster)?;
        Self::change(cluster, |entry| entry.status = ClusterStatus::Terminated);
        for worker in Members::<T>::take(cluster) {
            MemberOf::<T>::remove(worker);
            Votes::<T>::remove(cluster, worker);
        }
        Self::release(HoldReason::Cluster, &owner, T::ClusterDeposit::get());
        Ok(())
    }

    pub(crate) fn do_offer(operator: T::AccountId, worker: WorkerId, cluster: Option<ClusterId>) -> DispatchResult {
        ensure!(T::Workers::operator(&worker).ok_or(Error::<T>::NoWorker)? == operator, Error::<T>::NotOperator);
        if let Some(cluster) = cluster {
            Self::living(cluster)?;
        }
        Consents::<T>::set(worker, cluster);
        Self::deposit_event(Event::WorkerOffered { worker, cluster });
        Ok(())
    }

    pub(crate) fn do_add_member(owner: T::AccountId, cluster: ClusterId, worker: WorkerId) -> DispatchResult {
        Self::ensure_owner(&owner, cluster)?;
        Self::ensure_room(cluster)?;
        let operator = T::Workers::operator(&worker).ok_or(Error::<T>::NoWorker)?;
        let consents = operator == owner || Consents::<T>::get(worker) == Some(cluster);
        ensure!(consents, Error::<T>::NoConsent);
        ensure!(!Suspended::<T>::contains_key(cluster, worker), Error::<T>::WorkerSuspended);
        ensure!(!MemberOf::<T>::contains_key(worker), Error::<T>::AlreadyMember);
        Members::<T>::try_mutate(cluster, |members| members.try_push(worker))
            .map_err(|_| Error::<T>::TooManyMembers)?;
        MemberOf::<T>::insert(worker, cluster);
        Consents::<T>::remove(worker);
        Self::append(cluster, Origin::Account(Self::account(&owner)), Kind::MemberJoined(worker))?;
        Ok(())
    }

    pub(crate) fn do_remove_member(caller: T::AccountId, cluster: ClusterId, worker: WorkerId) -> DispatchResult {
        let entry = Self::living(cluster)?;
        let account = Self::account(&caller);
        let may = entry.owner == account || T::Workers::operator(&worker).as_ref() == Some(&caller);
        ensure!(may, Error::<T>::NotOwner);
        Self::drop_member(cluster, worker, Origin::Account(account))
    }

    /// Takes a member out. Those that stay begin a new epoch, so that the one that left cannot read what comes.
    pub(crate) fn drop_member(cluster: ClusterId, worker: WorkerId, origin: Origin) -> DispatchResult {
        ensure!(MemberOf::<T>::get(worker) == Some(cluster), Error::<T>::NotMember);
        MemberOf::<T>::remove(worker);
        Votes::<T>::remove(cluster, worker);
        let left = Members::<T>::mutate(cluster, |members| {
            members.retain(|member| *member != worker);
            members.len()
        });
        Self::append(cluster, origin, Kind::MemberLeft(worker))?;
        let has_keys = Clusters::<T>::get(cluster).is_some_and(|entry| entry.latest().keys.is_some());
        if left > 0 && has_keys { Self::do_rotate(cluster) } else { Ok(()) }
    }

    pub(crate) fn do_rotate(cluster: ClusterId) -> DispatchResult {
        let entry = Self::living(cluster)?;
        let epoch = entry.epoch.checked_add(1).ok_or(Error::<T>::Exhausted)?;
        let deadline = Self::block_number().saturating_add(entry.config.latest().limits.timeout_blocks);
        Self::change(cluster, |entry| entry.epoch = epoch);
        Self::append(cluster, Origin::Chain, Kind::Rotate(Rotate { epoch, deadline }))?;
        Ok(())
    }

    pub(crate) fn do_commit_keys(
        cluster: ClusterId,
        worker: WorkerId,
        keys: KeyCommitment,
        signature: [u8; 64],
    ) -> DispatchResult {
        let entry = Self::living(cluster)?;
        Self::ensure_member_signed(
            cluster,
            &worker,
            key_commitment_digest(&Self::genesis_hash(), cluster, &keys),
            signature,
        )?;
        let fits = match entry.keys {
            None => true,
            Some(known) => known.identity == keys.identity && known.epoch < keys.epoch,
        };
        ensure!(fits && keys.epoch == entry.epoch, Error::<T>::KeysRefused);
        Self::change(cluster, |entry| entry.keys = Some(keys));
        Self::deposit_event(Event::KeysCommitted { cluster, keys });
        Ok(())
    }

    /// That the live boot of a member signed `digest`.
    pub(crate) fn ensure_member_signed(
        cluster: ClusterId,
        worker: &WorkerId,
        digest: [u8; 32],
        signature: [u8; 64],
    ) -> DispatchResult {
        ensure!(MemberOf::<T>::get(worker) == Some(cluster), Error::<T>::NotMember);
        let boot = T::Workers::live_boot(worker).ok_or(Error::<T>::NoWorker)?;
        let (signature, key) = (ed25519::Signature::from_raw(signature), ed25519::Public::from_raw(boot.0));
        ensure!(sp_io::crypto::ed25519_verify(&signature, &digest, &key), Error::<T>::BadSignature);
        Ok(())
    }

    /// The cluster, if it has not ended.
    pub(crate) fn living(cluster: ClusterId) -> Result<ClusterEntryV1, DispatchError> {
        let ClusterEntry::V1(entry) = Clusters::<T>::get(cluster).ok_or(Error::<T>::NoCluster)?;
        ensure!(entry.status != ClusterStatus::Terminated, Error::<T>::ClusterTerminated);
        Ok(entry)
    }

    pub(crate) fn ensure_owner(caller: &T::AccountId, cluster: ClusterId) -> DispatchResult {
        ensure!(Self::living(cluster)?.owner == Self::account(caller), Error::<T>::NotOwner);
        Ok(())
    }

    pub(crate) fn change(cluster: ClusterId, change: impl FnOnce(&mut ClusterEntryV1)) {
        Clusters::<T>::mutate(cluster, |entry| {
            if let Some(ClusterEntry::V1(entry)) = entry {
                change(entry);
            }
        });
    }

    /// Whether a worker is a member of a cluster: it must not go before it has left.
    pub fn is_member(worker: &WorkerId) -> bool {
        MemberOf::<T>::contains_key(worker)
    }
}
