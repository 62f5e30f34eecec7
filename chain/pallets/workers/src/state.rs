//! Invariants of the storage.

use alloc::collections::BTreeMap;
use frame_support::{
    ensure,
    traits::{Get, fungible::InspectHold},
};
use sp_runtime::TryRuntimeError;

use crate::{BootOwner, Config, HoldReason, Pallet, Registry, Retired};

impl<T: Config> Pallet<T> {
    /// 1. [`BootOwner`] is the exact inverse of the live boots of [`Registry`]: no signing key is live for two workers.
    /// 2. No worker is both registered and retired.
    /// 3. Boots count from 1, and no evidence names a block after its registration.
    /// 4. Each operator has a deposit on hold for each of its workers.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut workers = BTreeMap::<[u8; 32], u128>::new();
        let mut boots = 0usize;
        for (worker, entry) in Registry::<T>::iter() {
            let entry = entry.latest();
            ensure!(BootOwner::<T>::get(entry.boot_sign) == Some(worker), "a live boot without its inverse");
            ensure!(!Retired::<T>::contains_key(worker), "a registered worker is retired");
            ensure!(entry.boot_count > 0, "a registered worker without a boot");
            ensure!(entry.evidence_block < entry.registered_at, "evidence names a later block");
            boots = boots.saturating_add(1);
            let count = workers.entry(entry.operator.0).or_default();
            *count = count.saturating_add(1);
        }
        ensure!(BootOwner::<T>::iter().count() == boots, "a boot of no worker");
        for (operator, count) in workers {
            let held = T::Currency::balance_on_hold(&HoldReason::Registration.into(), &operator.into());
            ensure!(held >= T::Deposit::get().saturating_mul(count), "a registration without its deposit");
        }
        Ok(())
    }
}
