//! Clusters: their life, their members, their keys.

use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::Get,
};
use phala_primitives::{
    BootSign, ClusterId, WorkerId,
    cluster::{ClusterConfig, ClusterConfigV1, ClusterEntry, ClusterEntryV1, ClusterStatus, KeyCommitment, Permission},
    message::{Kind, Origin},
    report::key_commitment_digest,
};
use sp_core::ed25519;

use crate::{
    Clusters, Config, Consents, Contested, CurrentBounds, Error, Event, HoldReason, LastReport, MemberOf, Members,
    NextCluster, Pallet, Suspended, Votes, WorkerRegistry,
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
        let before = Self::owned(&owner, cluster)?.config;
        Self::ensure_room_for_changes(cluster)?;
        let fits = CurrentBounds::<T>::get().admit(&config)
            && config.latest().engine_revision >= before.latest().engine_revision;
        ensure!(fits, Error::<T>::ConfigOutOfBounds);
        if config.latest().quorum != before.latest().quorum {
            // Words under another quorum judge nobody under this one: neither those that wait, nor what took effect last.
            LastReport::<T>::remove(cluster);
            for worker in Members::<T>::get(cluster) {
                Votes::<T>::remove(cluster, worker);
            }
        }
        Self::change(cluster, |entry| entry.config = config.clone());
        Self::append(cluster, Origin::Account(Self::account(&owner)), Kind::Configuration(config))?;
        Ok(())
    }

    /// Ends a cluster, at the will of this account or of the chain, and gives the number of members that it had.
    pub(crate) fn do_terminate_cluster(caller: Option<T::AccountId>, cluster: ClusterId) -> Result<u32, DispatchError> {
        let entry = match &caller {
            Some(caller) => Self::owned(caller, cluster)?,
            None => Self::living(cluster)?,
        };
        let origin = caller.map_or(Origin::Chain, |_| Origin::Account(entry.owner));
        Self::append(cluster, origin, Kind::TerminateCluster)?;
        Self::change(cluster, |entry| {
            entry.status = ClusterStatus::Terminated;
            let ClusterConfig::V1(config) = &mut entry.config;
            forget_lists(config);
        });
        let members = Members::<T>::take(cluster);
        for worker in &members {
            MemberOf::<T>::remove(worker);
            Votes::<T>::remove(cluster, worker);
            Contested::<T>::remove(cluster, worker);
        }
        Self::release(HoldReason::Cluster, &T::AccountId::from(entry.owner.0), T::ClusterDeposit::get());
        Ok(members.len() as u32)
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
        Self::owned(&owner, cluster)?;
        Self::ensure_room_for_changes(cluster)?;
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
        ensure!(!Contested::<T>::contains_key(cluster, worker), Error::<T>::WordContested);
        Self::ensure_room_for_changes(cluster)?;
        Self::drop_member(cluster, worker, Origin::Account(account))
    }

    /// Takes a worker out of its cluster, if it is in one, since it has no live boot any more.
    pub fn evict(worker: &WorkerId) -> DispatchResult {
        match MemberOf::<T>::get(worker) {
            Some(cluster) => Self::drop_member(cluster, *worker, Origin::Chain),
            None => Ok(()),
        }
    }

    pub(crate) fn drop_member(cluster: ClusterId, worker: WorkerId, origin: Origin) -> DispatchResult {
        ensure!(MemberOf::<T>::get(worker) == Some(cluster), Error::<T>::NotMember);
        MemberOf::<T>::remove(worker);
        Votes::<T>::remove(cluster, worker);
        Contested::<T>::remove(cluster, worker);
        Members::<T>::mutate(cluster, |members| members.retain(|member| *member != worker));
        Self::append(cluster, origin, Kind::MemberLeft(worker))?;
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
        ensure!(entry.keys.is_none() && keys.epoch == entry.epoch, Error::<T>::KeysRefused);
        Self::change(cluster, |entry| entry.keys = Some(keys));
        Self::deposit_event(Event::KeysCommitted { cluster, keys });
        Ok(())
    }

    /// That the live boot of a member signed `digest`; which boot that is.
    pub(crate) fn ensure_member_signed(
        cluster: ClusterId,
        worker: &WorkerId,
        digest: [u8; 32],
        signature: [u8; 64],
    ) -> Result<BootSign, DispatchError> {
        ensure!(MemberOf::<T>::get(worker) == Some(cluster), Error::<T>::NotMember);
        let boot = T::Workers::live_boot(worker).ok_or(Error::<T>::NoWorker)?;
        let (signature, key) = (ed25519::Signature::from_raw(signature), ed25519::Public::from_raw(boot.0));
        ensure!(sp_io::crypto::ed25519_verify(&signature, &digest, &key), Error::<T>::BadSignature);
        Ok(boot)
    }

    /// The cluster, if it has not ended.
    pub(crate) fn living(cluster: ClusterId) -> Result<ClusterEntryV1, DispatchError> {
        let ClusterEntry::V1(entry) = Clusters::<T>::get(cluster).ok_or(Error::<T>::NoCluster)?;
        ensure!(entry.status != ClusterStatus::Terminated, Error::<T>::ClusterTerminated);
        Ok(entry)
    }

    /// The cluster, if it has not ended and is the caller's.
    fn owned(caller: &T::AccountId, cluster: ClusterId) -> Result<ClusterEntryV1, DispatchError> {
        let entry = Self::living(cluster)?;
        ensure!(entry.owner == Self::account(caller), Error::<T>::NotOwner);
        Ok(entry)
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

/// Lets go of what makes a configuration long, once nobody acts by it any more.
fn forget_lists(config: &mut ClusterConfigV1) {
    if matches!(config.permission, Permission::List(_)) {
        config.permission = Permission::OwnerOnly;
    }
    config.http.extra_roots = Default::default();
}
