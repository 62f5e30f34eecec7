//! An upgrade to this runtime on the states that its presets build: what `try-runtime-cli` does on a chain's own state.

use frame_support::traits::TryDecodeEntireStorage;
use frame_try_runtime::{UpgradeCheckSelect, runtime_decl_for_try_runtime::TryRuntimeV1};

use super::chain;
use crate::{
    AllPalletsWithSystem, Block, Executive, Runtime,
    presets::{DEV, LOCAL, MAINNET, TESTNET},
    timing::{Current, Timing},
};

#[test]
fn an_upgrade_leaves_the_state_of_every_preset_valid() {
    for preset in [DEV, LOCAL, TESTNET, MAINNET] {
        chain(preset).execute_with(|| {
            // panics with the reason where a migration or a check fails
            let (used, most) = <Runtime as TryRuntimeV1<Block>>::on_runtime_upgrade(UpgradeCheckSelect::All);
            assert!(used.all_lte(most), "{preset}: {used:?} does not fit into {most:?}");
        });
    }
}

#[test]
fn a_value_that_does_not_decode_is_found() {
    chain(DEV).execute_with(|| {
        let key = Current::<Runtime>::hashed_key();
        sp_io::storage::set(&key, &[0]);
        let errors = AllPalletsWithSystem::try_decode_entire_state().unwrap_err();
        assert_eq!(errors.iter().map(|error| &error.key[..]).collect::<Vec<_>>(), [&key[..]]);
        assert!(Executive::try_runtime_upgrade(UpgradeCheckSelect::All).is_err());
    });
}

#[test]
fn an_invariant_that_does_not_hold_is_found() {
    chain(DEV).execute_with(|| {
        assert_eq!(Executive::try_runtime_upgrade(UpgradeCheckSelect::All).err(), None);
        Current::<Runtime>::put(Timing { bonding_eras: 0, ..Timing::DEVELOPMENT });
        assert!(Executive::try_runtime_upgrade(UpgradeCheckSelect::All).is_err());
    });
}
