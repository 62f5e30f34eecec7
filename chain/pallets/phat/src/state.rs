//! Invariants of the storage.

use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{
    ensure,
    traits::{
        Get,
        fungible::{Inspect, InspectHold},
    },
};
use phala_primitives::{ClusterId, cluster::ClusterStatus, contract::ContractStatus, message::Balance};
use sp_runtime::TryRuntimeError;

use crate::{
    Boundaries, Clusters, Codes, CommandKeys, Config, Contested, Contracts, HoldReason, Judging, LogHeads, MemberOf,
    Members, NextCluster, OpenBoundary, Pallet, Pendings, Uploads, Votes, Work,
};

/// What an account must have on hold: cluster, code, contract, gas, value.
type Owed = [Balance; 5];

impl<T: Config> Pallet<T> {
    /// 1. Every account has on hold exactly what its clusters, codes, uploads, contracts and waiting messages say:
    ///    every hold has an owner and a way back.
    /// 2. The pot covers what contracts own.
    /// 3. [`MemberOf`] is the exact inverse of [`Members`]; only members have a vote, or a word that others
    ///    contradicted.
    /// 4. Reports never outrun the log; the log's head is a boundary until it is reported; messages of this block that
    ///    a boundary moves with are in the log.
    /// 5. No message that has a receipt waits for one.
    /// 6. In a cluster that lives, each code counts its users.
    /// 7. Only contracts have a command key.
    /// 8. What a contract's entry says of upgrades is what waits for a receipt, in the log's order.
    /// 9. In a cluster that lives, exactly the complete uploads wait for their receipts, each once; and nobody uploads
    ///    the code that is his already.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut owed = BTreeMap::<[u8; 32], Owed>::new();
        let mut owe = |who: [u8; 32], slot: usize, amount: Balance| {
            if let Some(sum) = owed.entry(who).or_default().get_mut(slot) {
                *sum = sum.saturating_add(amount);
            }
        };
        let mut users = BTreeMap::new();
        let (mut upgrades, mut judging) = (BTreeSet::new(), BTreeSet::new());
        let mut owned: Balance = 0;

        for (cluster, entry) in Clusters::<T>::iter() {
            ensure!(cluster < NextCluster::<T>::get(), "a cluster without a number");
            let entry = entry.latest();
            let alive = entry.status != ClusterStatus::Terminated;
            if alive {
                owe(entry.owner.0, 0, T::ClusterDeposit::get());
            }
            let head = LogHeads::<T>::get(cluster).ok_or("a cluster without a log")?;
            let reported = Self::reported_index(cluster);
            ensure!(reported <= head.next_index, "reports outrun the log");
            if alive && reported < head.next_index {
                let last = Boundaries::<T>::get(cluster, head.next_index).ok_or("the head is no boundary")?;
                ensure!(last.log_hash == head.hash, "the last boundary is not the head");
            }
            for member in Members::<T>::get(cluster) {
                ensure!(alive && MemberOf::<T>::get(member) == Some(cluster), "a member without its inverse");
            }
        }
        for (worker, cluster) in MemberOf::<T>::iter() {
            ensure!(Members::<T>::get(cluster).contains(&worker), "an inverse without its member");
        }
        for (cluster, worker, _) in Votes::<T>::iter().chain(Contested::<T>::iter()) {
            ensure!(MemberOf::<T>::get(worker) == Some(cluster), "a vote of nobody");
        }
        for (cluster, (block, first)) in OpenBoundary::<T>::iter() {
            let there = LogHeads::<T>::get(cluster).is_some_and(|head| first < head.next_index);
            ensure!(there && block <= Self::block_number(), "a boundary is open that the log has not reached");
        }
        for contract in CommandKeys::<T>::iter_keys() {
            ensure!(Contracts::<T>::contains_key(contract), "a command key of no contract");
        }
        for (cluster, index, boundary) in Boundaries::<T>::iter() {
            ensure!(boundary.index == index && index > Self::reported_index(cluster), "a boundary out of place");
        }
        for (contract, entry) in Contracts::<T>::iter() {
            let entry = entry.latest();
            ensure!(entry.upgrades.is_sorted_by_key(|upgrade| upgrade.index), "upgrades out of order");
            for upgrade in &entry.upgrades {
                let new = upgrades.insert((entry.cluster, upgrade.index, contract, upgrade.code));
                ensure!(new, "an upgrade is noted twice");
            }
            owe(entry.owner.0, 2, entry.deposit);
            owned = owned.saturating_add(entry.balance);
            if entry.status != ContractStatus::Failed {
                let count = users.entry((entry.cluster, entry.code)).or_insert(0u32);
                *count = count.saturating_add(1);
            }
        }
        for (cluster, index, pending) in Pendings::<T>::iter() {
            ensure!(index >= Self::reported_index(cluster), "a message waits that has its receipt");
            owe(pending.payer.clone().into(), 3, pending.gas);
            owe(pending.payer.into(), 4, pending.value);
            if let Work::Upgrade(code) = pending.work {
                let count = users.entry((cluster, code)).or_insert(0);
                *count = count.saturating_add(1);
                let noted = upgrades.remove(&(cluster, index, pending.contract, code));
                ensure!(noted || !Contracts::<T>::contains_key(pending.contract), "an upgrade that its contract hides");
            }
        }
        ensure!(upgrades.is_empty(), "an upgrade that waits for nothing");
        for (cluster, index, (code, owner)) in Judging::<T>::iter() {
            ensure!(index >= Self::reported_index(cluster), "an upload waits that has its receipt");
            ensure!(judging.insert((cluster, code, owner)), "an upload waits twice");
        }
        for (cluster, (code, owner), entry) in Uploads::<T>::iter() {
            let entry = entry.latest();
            owe(owner.0, 1, entry.deposit);
            let has = Codes::<T>::get(cluster, code).is_some_and(|known| known.latest().owner == owner);
            ensure!(!has, "somebody uploads what is his");
            let waits = judging.remove(&(cluster, code, owner));
            ensure!(!Self::is_alive(cluster) || waits == entry.is_complete(), "a complete upload does not wait");
        }
        ensure!(
            !judging.into_iter().any(|(cluster, ..)| Self::is_alive(cluster)),
            "a receipt of no upload is waited for"
        );
        for (cluster, code, entry) in Codes::<T>::iter() {
            let entry = entry.latest();
            owe(entry.owner.0, 1, entry.deposit);
            let counted = users.remove(&(cluster, code)).unwrap_or(0);
            ensure!(!Self::is_alive(cluster) || counted == entry.users, "code does not count its users");
        }
        for (cluster, _) in users.into_keys() {
            ensure!(!Self::is_alive(cluster), "code that is used is gone");
        }
        ensure!(
            owned == 0 || T::Currency::total_balance(&Self::pot()) >= owned,
            "the pot does not cover the contracts"
        );
        // every account, not only those that are owed something: a hold that nothing accounts for could never be
        // released
        let accounts = frame_system::Account::<T>::iter_keys().map(|who| -> [u8; 32] { who.into() });
        for who in accounts.chain(owed.keys().copied()).collect::<BTreeSet<[u8; 32]>>() {
            let sums = owed.get(&who).copied().unwrap_or_default();
            let reasons =
                [HoldReason::Cluster, HoldReason::Code, HoldReason::Contract, HoldReason::Gas, HoldReason::Value];
            for (reason, sum) in reasons.into_iter().zip(sums) {
                let held = T::Currency::balance_on_hold(&reason.into(), &who.into());
                ensure!(held == sum, "a hold is not what it is for");
            }
        }
        Ok(())
    }

    fn is_alive(cluster: ClusterId) -> bool {
        Self::living(cluster).is_ok()
    }
}
