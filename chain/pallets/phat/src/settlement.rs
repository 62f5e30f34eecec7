//! Settlement: what a receipt, a time-out, or the end of a cluster does with what is on hold.

use frame_support::{ensure, pallet_prelude::DispatchResult};
use phala_primitives::{
    ClusterId, ContractId,
    cluster::ClusterStatus,
    contract::{ContractEntry, ContractEntryV1, ContractStatus},
    message::Balance,
    report::{Outcome, ReportV1},
};

use crate::{
    Boundaries, Clusters, CommandKeys, Config, Contracts, Error, Event, HoldReason, Judging, Pallet, Pending, Pendings,
    Work,
};

impl<T: Config> Pallet<T> {
    /// Settles all messages of a report that has taken effect.
    pub(crate) fn settle_all(report: &ReportV1, epoch: u32) {
        let cluster = report.cluster;
        for (index, outcome) in (report.first_index..report.boundary.index).zip(&report.outcomes) {
            // The boundary after this message has served, or never was.
            Boundaries::<T>::remove(cluster, index.saturating_add(1));
            if let Some(pending) = Pendings::<T>::take(cluster, index) {
                Self::settle(cluster, index, pending, *outcome);
            } else if let Some((code, owner)) = Judging::<T>::take(cluster, index) {
                Self::settle_upload(cluster, code, owner, outcome.status);
            }
        }
        for (contract, key) in &report.command_keys {
            let ours = Contracts::<T>::get(contract).is_some_and(|entry| entry.latest().cluster == cluster);
            let newer = CommandKeys::<T>::get(contract).is_none_or(|known| key.epoch >= known.epoch);
            if ours && newer && key.epoch <= epoch {
                CommandKeys::<T>::insert(contract, key);
            }
        }
    }

    fn settle(cluster: ClusterId, index: u64, pending: Pending<T::AccountId>, outcome: Outcome) {
        let success = outcome.status.is_success();
        let fee = match pending.work {
            Work::Terminate => 0,
            _ => {
                let used = outcome.gas_used.min(pending.gas_limit);
                Self::price(used, pending.gas_price).map_or(pending.gas, |price| price.min(pending.gas))
            }
        };
        Self::pay_gas(&pending.payer, fee);
        Self::release(HoldReason::Gas, &pending.payer, pending.gas.saturating_sub(fee));
        let arrived = success && Contracts::<T>::contains_key(pending.contract);
        if arrived {
            let moved = Self::pay_value(&pending.payer, pending.value);
            Self::change_contract(pending.contract, |c| c.balance = c.balance.saturating_add(moved));
        } else {
            Self::release(HoldReason::Value, &pending.payer, pending.value);
        }
        match pending.work {
            Work::Command => {}
            Work::Instantiate => Self::settle_constructor(cluster, pending.contract, success),
            Work::Upgrade(code) => {
                let mut former = code;
                Self::change_contract(pending.contract, |c| {
                    c.upgrades.retain(|upgrade| upgrade.index != index);
                    // A contract whose constructor failed has given up its code already.
                    if success && c.status != ContractStatus::Failed {
                        former = core::mem::replace(&mut c.code, code);
                    }
                });
                Self::drop_code(cluster, former);
            }
            Work::Terminate => Self::close(pending.contract),
            Work::Withdraw(amount) if success => Self::pay_from(pending.contract, amount),
            Work::Withdraw(_) => {}
        }
        Self::deposit_event(Event::Settled { cluster, index, status: outcome.status, fee });
    }

    /// A contract whose end is in the log already keeps that status: its end settles the rest.
    fn settle_constructor(cluster: ClusterId, contract: ContractId, success: bool) {
        Self::change_contract(contract, |entry| {
            if entry.status != ContractStatus::Pending {
                return;
            }
            if success {
                entry.status = ContractStatus::Live;
                return;
            }
            entry.status = ContractStatus::Failed;
            Self::drop_code(cluster, entry.code);
        });
    }

    /// An upgrade stays in its contract's entry: it may have been executed, and takes effect with its receipt, however
    /// late.
    pub(crate) fn do_refund_expired(cluster: ClusterId, index: u64) -> DispatchResult {
        let mut pending = Pendings::<T>::get(cluster, index).ok_or(Error::<T>::NothingDue)?;
        let due = pending.gas > 0 && Self::block_number() >= pending.expires;
        ensure!(due, Error::<T>::NothingDue);
        Self::release(HoldReason::Gas, &pending.payer, pending.gas);
        pending.gas = 0;
        if pending.value == 0 && pending.work == Work::Command {
            Pendings::<T>::remove(cluster, index);
        } else {
            Pendings::<T>::insert(cluster, index, pending);
        }
        Self::deposit_event(Event::GasRefunded { cluster, index });
        Ok(())
    }

    pub(crate) fn do_reclaim(cluster: ClusterId, index: u64) -> DispatchResult {
        let ended = Clusters::<T>::get(cluster).ok_or(Error::<T>::NoCluster)?.latest().status;
        ensure!(ended == ClusterStatus::Terminated, Error::<T>::ClusterAlive);
        let after = index.saturating_add(1);
        let (pending, upload) = (Pendings::<T>::take(cluster, index), Judging::<T>::take(cluster, index));
        let due = pending.is_some() || upload.is_some() || Boundaries::<T>::contains_key(cluster, after);
        ensure!(due, Error::<T>::NothingDue);
        Boundaries::<T>::remove(cluster, after);
        if let Some((code, owner)) = upload {
            Self::return_upload(cluster, code, owner);
        }
        if let Some(pending) = pending {
            Self::release(HoldReason::Gas, &pending.payer, pending.gas);
            Self::release(HoldReason::Value, &pending.payer, pending.value);
            match pending.work {
                Work::Upgrade(code) => {
                    Self::change_contract(pending.contract, |c| c.upgrades.retain(|upgrade| upgrade.index != index));
                    Self::drop_code(cluster, code);
                }
                Work::Terminate => Self::close(pending.contract),
                // what the contract owns returns when it is reclaimed
                Work::Command | Work::Instantiate | Work::Withdraw(_) => {}
            }
        }
        Self::deposit_event(Event::Reclaimed { cluster, index });
        Ok(())
    }

    /// Pays out of what a contract owns to its owner; never more than it owns, whatever a quorum says.
    fn pay_from(contract: ContractId, amount: Balance) {
        Self::change_contract(contract, |entry| {
            let amount = amount.min(entry.balance);
            if Self::pay_out(&T::AccountId::from(entry.owner.0), amount) {
                entry.balance = entry.balance.saturating_sub(amount);
            }
        });
    }

    pub(crate) fn change_contract(contract: ContractId, change: impl FnOnce(&mut ContractEntryV1)) {
        Contracts::<T>::mutate(contract, |entry| {
            if let Some(ContractEntry::V1(entry)) = entry {
                change(entry);
            }
        });
    }
}
