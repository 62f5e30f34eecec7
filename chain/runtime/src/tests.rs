//! Tests of the wiring: what the presets build, and what no pallet can see alone.

use frame_support::traits::{Get, fungible::Inspect};
use sp_runtime::{BuildStorage, traits::Dispatchable};

use crate::{
    Balances, Runtime, RuntimeCall, RuntimeGenesisConfig, RuntimeOrigin, System,
    config::{
        money::account,
        system::{BlockWeights, SS58Prefix},
    },
    currency::{TOTAL_SUPPLY, allocation},
    presets::{self, DEV, LOCAL, MAINNET, TESTNET},
    timing::{self, Timing},
};

/// Merges an object over another, as RFC 7386 has it.
fn merge(target: &mut serde_json::Value, patch: serde_json::Value) {
    match (target, patch) {
        (serde_json::Value::Object(target), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

/// The state that a preset builds, through the same JSON that a node reads.
fn chain(preset: &str) -> sp_io::TestExternalities {
    let patch = presets::get(&preset.into()).expect("the preset exists");
    let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
    merge(&mut config, serde_json::from_slice(&patch).expect("the patch is JSON"));
    let config: RuntimeGenesisConfig = serde_json::from_value(config).expect("the patch fits the genesis");
    config.build_storage().expect("the genesis builds").into()
}

#[test]
fn every_preset_mints_the_whole_supply_and_no_more() {
    assert_eq!(presets::names().len(), 4);
    for preset in [DEV, LOCAL, TESTNET, MAINNET] {
        chain(preset).execute_with(|| {
            assert_eq!(Balances::total_issuance(), TOTAL_SUPPLY, "{preset}");
            assert_eq!(
                Balances::total_balance(&account::incentives()),
                TOTAL_SUPPLY / 100 * allocation::INCENTIVES,
                "{preset}"
            );
        });
    }
}

#[test]
fn public_chains_have_no_sudo_and_no_development_account() {
    for preset in [TESTNET, MAINNET] {
        chain(preset).execute_with(|| {
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
            let alice = sp_keyring::Sr25519Keyring::Alice.to_account_id();
            assert_eq!(Balances::total_balance(&alice), 0);
            let remark = Box::new(RuntimeCall::System(frame_system::Call::remark { remark: vec![] }));
            let seize = RuntimeCall::Sudo(pallet_sudo::Call::set_key { new: alice.clone().into() });
            for call in [RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: remark }), seize] {
                assert!(call.dispatch(RuntimeOrigin::signed(alice.clone())).is_err());
            }
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
        });
    }
}

#[test]
fn durations_and_weight_follow_the_preset() {
    for (preset, expected) in [
        (DEV, Timing::DEVELOPMENT),
        (LOCAL, Timing::DEVELOPMENT),
        (TESTNET, Timing::TESTNET),
        (MAINNET, Timing::MAINNET),
    ] {
        chain(preset).execute_with(|| {
            assert_eq!(timing::current(), expected, "{preset}");
            assert_eq!(<Runtime as pallet_babe::Config>::EpochDuration::get(), u64::from(expected.epoch_slots));
            assert_eq!(<Runtime as pallet_babe::Config>::ExpectedBlockTime::get(), expected.slot_ms);
            assert_eq!(<Runtime as pallet_timestamp::Config>::MinimumPeriod::get() * 2, expected.slot_ms);
            assert_eq!(BlockWeights::get().max_block, expected.block_weight());
        });
    }
}

#[test]
fn development_chains_have_their_validators() {
    for (preset, validators) in [(DEV, 1), (LOCAL, 4)] {
        chain(preset).execute_with(|| {
            assert_eq!(pallet_session::Validators::<Runtime>::get().len(), validators, "{preset}");
            assert_eq!(pallet_grandpa::Pallet::<Runtime>::grandpa_authorities().len(), validators, "{preset}");
            assert!(pallet_sudo::Key::<Runtime>::get().is_some());
        });
    }
}

#[test]
fn where_there_is_no_state_mainnet_durations_apply() {
    sp_io::TestExternalities::default().execute_with(|| assert_eq!(timing::current(), Timing::MAINNET));
}

#[test]
fn addresses_and_units_are_those_of_pha() {
    assert_eq!(SS58Prefix::get(), 30);
    chain(DEV).execute_with(|| assert_eq!(System::block_number(), 0));
    assert_eq!(TOTAL_SUPPLY, 1_000_000_000 * 10u128.pow(12));
}
