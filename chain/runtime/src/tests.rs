//! Tests of the wiring: what the presets build, and what no pallet can see alone.

#[cfg(feature = "try-runtime")]
mod upgrade;

use codec::{Decode, Encode};
use frame_support::{
    assert_ok,
    dispatch::{DispatchClass, GetDispatchInfo},
    traits::{Contains, Get, OnFinalize, fungible::Inspect},
};
use pallet_staking::EraPayout;
use phala_primitives::{
    Assurance, BootKem, BootSign, Boundary, ClusterId, ContractId, Report, WorkerId,
    report::{CommandKey, MAX_REPORT_MESSAGES, Outcome, ReportV1, Status},
    storage_key,
    worker::{ClaimsSummary, Measurement, TcbStatus, WorkerEntry, WorkerEntryV1},
};
use sp_genesis_builder::runtime_decl_for_genesis_builder::GenesisBuilderV1;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{BuildStorage, DispatchError, traits::Dispatchable};

use crate::{
    Balances, Block, OriginCaller, Phat, Runtime, RuntimeCall, RuntimeGenesisConfig, RuntimeOrigin, System, Workers,
    config::{
        money::account,
        staking::MAX_VOTERS,
        system::{BlockWeights, SS58Prefix},
    },
    currency::{EXISTENTIAL_DEPOSIT, PHA, TOTAL_SUPPLY, allocation},
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

/// The genesis of a preset, as a node gives it to the runtime.
fn genesis(preset: &str) -> serde_json::Value {
    let patch = presets::get(&preset.into()).expect("the preset exists");
    let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
    merge(&mut config, serde_json::from_slice(&patch).expect("the patch is JSON"));
    config
}

/// The state that a preset builds, through the same JSON that a node reads.
fn chain(preset: &str) -> sp_io::TestExternalities {
    let config: RuntimeGenesisConfig = serde_json::from_value(genesis(preset)).expect("the patch fits the genesis");
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
fn a_genesis_that_forgets_a_part_of_the_supply_is_refused() {
    let build = |config: &serde_json::Value| {
        let json = serde_json::to_vec(config).unwrap();
        sp_io::TestExternalities::default().execute_with(|| <Runtime as GenesisBuilderV1<Block>>::build_state(json))
    };
    let mut config = genesis(MAINNET);
    assert_eq!(build(&config), Ok(()));
    config["balances"]["balances"].as_array_mut().unwrap().pop();
    assert!(build(&config).unwrap_err().contains("the supply is"));
}

#[test]
fn public_chains_have_no_sudo_and_no_development_account() {
    for preset in [TESTNET, MAINNET] {
        chain(preset).execute_with(|| {
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
            let alice = Sr25519Keyring::Alice.to_account_id();
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

/// A report as large as there can be.
fn largest_report() -> RuntimeCall {
    let outcome = Outcome { status: Status::Success, gas_used: u64::MAX };
    let key = |i: u32| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&i.to_le_bytes());
        (ContractId(id), CommandKey { epoch: 0, kem: [1; 32] })
    };
    let report = ReportV1 {
        cluster: ClusterId(0),
        first_index: 0,
        boundary: Boundary { block: 1, index: MAX_REPORT_MESSAGES.into(), log_hash: [0; 32] },
        state_root: [0; 32],
        receipts_root: [0; 32],
        outcomes: vec![outcome; MAX_REPORT_MESSAGES as usize].try_into().unwrap(),
        command_keys: (0..MAX_REPORT_MESSAGES).map(key).collect::<Vec<_>>().try_into().unwrap(),
    };
    let report = Report::V1(report);
    RuntimeCall::Phat(pallet_phat::Call::report { report, worker: WorkerId([0; 32]), signature: [0; 64] })
}

/// Workers report as many messages as a report can hold: one that no block can hold would stop its cluster for good.
#[test]
fn every_chain_has_room_for_the_largest_report() {
    for preset in [DEV, LOCAL, TESTNET, MAINNET] {
        chain(preset).execute_with(|| {
            let weight = largest_report().get_dispatch_info().call_weight;
            let most = BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap();
            assert!(weight.all_lte(most), "{preset}: {weight:?} does not fit into {most:?}");
        });
    }
}

#[test]
fn an_era_is_remembered_for_as_long_as_its_stake_is_bonded() {
    for timing in [Timing::MAINNET, Timing::TESTNET, Timing::DEVELOPMENT] {
        let depth: u32 = <Runtime as pallet_staking::Config>::HistoryDepth::get();
        assert!(depth >= timing.bonding_eras, "{timing:?}");
    }
}

#[test]
fn an_equivocation_can_be_reported_for_as_long_as_its_stake_is_bonded() {
    for timing in [Timing::MAINNET, Timing::TESTNET, Timing::DEVELOPMENT] {
        // a set of authorities lives for a session or longer
        let sessions: u64 = <Runtime as pallet_grandpa::Config>::MaxSetIdSessionEntries::get();
        assert!(sessions >= u64::from(timing.bonding_eras * timing.sessions_per_era), "{timing:?}");
    }
}

#[test]
fn public_chains_bound_who_votes_to_what_an_election_considers() {
    for preset in [TESTNET, MAINNET] {
        chain(preset).execute_with(|| {
            let most = [
                pallet_staking::MaxValidatorsCount::<Runtime>::get(),
                pallet_staking::MaxNominatorsCount::<Runtime>::get(),
            ];
            assert_eq!(most.map(Option::unwrap).iter().sum::<u32>(), MAX_VOTERS);
            assert!(pallet_staking::MinNominatorBond::<Runtime>::get() > EXISTENTIAL_DEPOSIT);
            assert!(
                pallet_staking::MinValidatorBond::<Runtime>::get() > pallet_staking::MinNominatorBond::<Runtime>::get()
            );
        });
    }
}

/// Each way to carry a call inside of another one.
fn wrapped(call: RuntimeCall) -> Vec<RuntimeCall> {
    let boxed = || Box::new(call.clone());
    let alice = Sr25519Keyring::Alice.to_account_id();
    let root = Box::new(OriginCaller::system(frame_system::RawOrigin::Root));
    vec![
        RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: boxed() }),
        RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight { call: boxed(), weight: Default::default() }),
        RuntimeCall::Sudo(pallet_sudo::Call::sudo_as { who: alice.clone().into(), call: boxed() }),
        RuntimeCall::Utility(pallet_utility::Call::batch { calls: vec![call.clone()] }),
        RuntimeCall::Utility(pallet_utility::Call::batch_all { calls: vec![call.clone()] }),
        RuntimeCall::Utility(pallet_utility::Call::force_batch { calls: vec![call.clone()] }),
        RuntimeCall::Utility(pallet_utility::Call::as_derivative { index: 0, call: boxed() }),
        RuntimeCall::Utility(pallet_utility::Call::dispatch_as { as_origin: root, call: boxed() }),
        RuntimeCall::Utility(pallet_utility::Call::with_weight { call: boxed(), weight: Default::default() }),
        RuntimeCall::Utility(pallet_utility::Call::if_else { main: boxed(), fallback: boxed() }),
        RuntimeCall::Multisig(pallet_multisig::Call::as_multi_threshold_1 {
            other_signatories: vec![alice.clone()],
            call: boxed(),
        }),
        RuntimeCall::Proxy(pallet_proxy::Call::proxy {
            real: alice.clone().into(),
            force_proxy_type: None,
            call: boxed(),
        }),
        RuntimeCall::Scheduler(pallet_scheduler::Call::schedule {
            when: 5,
            maybe_periodic: None,
            priority: 0,
            call: boxed(),
        }),
    ]
}

#[test]
fn no_extrinsic_mints_not_even_with_the_development_key() {
    chain(DEV).execute_with(|| {
        System::set_block_number(1);
        let alice = Sr25519Keyring::Alice.to_account_id();
        let mint = RuntimeCall::Balances(pallet_balances::Call::force_set_balance {
            who: alice.clone().into(),
            new_free: TOTAL_SUPPLY,
        });
        let inflate = RuntimeCall::Balances(pallet_balances::Call::force_adjust_total_issuance {
            direction: pallet_balances::AdjustmentDirection::Increase,
            delta: 1,
        });
        let refused = |call: &RuntimeCall| {
            let error = call.clone().dispatch(RuntimeOrigin::signed(alice.clone())).unwrap_err().error;
            assert_eq!(error, DispatchError::from(frame_system::Error::<Runtime>::CallFiltered), "{call:?}");
        };
        for call in [mint, inflate] {
            refused(&call);
            for once in wrapped(call) {
                refused(&once);
                for twice in wrapped(once) {
                    refused(&twice);
                }
            }
        }
        let remark = RuntimeCall::System(frame_system::Call::remark { remark: vec![] });
        assert!(wrapped(remark).iter().all(<Runtime as frame_system::Config>::BaseCallFilter::contains));
        assert_eq!(Balances::total_issuance(), TOTAL_SUPPLY);
    });
}

#[test]
fn the_supply_can_only_fall() {
    chain(DEV).execute_with(|| {
        System::set_block_number(1);
        let alice = Sr25519Keyring::Alice.to_account_id();
        let burn = RuntimeCall::Balances(pallet_balances::Call::burn { value: PHA, keep_alive: true });
        assert!(burn.dispatch(RuntimeOrigin::signed(alice)).is_ok());
        assert_eq!(Balances::total_issuance(), TOTAL_SUPPLY - PHA);
        let paid = <Runtime as pallet_staking::Config>::EraPayout::era_payout(PHA, TOTAL_SUPPLY, 60_000);
        assert_eq!(paid, (0, 0), "an era mints nothing");
    });
}

/// Workers follow finality by proofs of this value.
#[test]
fn the_authorities_lie_where_light_clients_look() {
    chain(LOCAL).execute_with(|| {
        let key = storage_key::grandpa_authorities();
        assert_eq!(pallet_grandpa::Authorities::<Runtime>::hashed_key().to_vec(), key);
        let value = sp_io::storage::get(&key).unwrap();
        let authorities = Vec::<([u8; 32], u64)>::decode(&mut &value[..]).unwrap();
        assert_eq!(authorities.len(), 4);
        assert_eq!(authorities.encode(), pallet_grandpa::Pallet::<Runtime>::grandpa_authorities().encode());
    });
}

/// The pallets know each other only here: a worker whose lease is ended is a member no longer.
#[test]
fn a_worker_that_loses_its_lease_leaves_its_cluster() {
    chain(DEV).execute_with(|| {
        System::initialize(&1, &Default::default(), &Default::default());
        Phat::on_finalize(1);
        let (alice, cluster) = (Sr25519Keyring::Alice.to_account_id(), ClusterId(0));
        let worker = WorkerId([1; 32]);
        let claims = ClaimsSummary {
            measurement: Measurement([9; 48]),
            tcb: TcbStatus::UpToDate,
            assurance: Assurance::Software,
        };
        let entry = WorkerEntryV1 {
            operator: phala_primitives::AccountId(alice.clone().into()),
            boot_sign: BootSign([2; 32]),
            boot_kem: BootKem([3; 32]),
            boot_count: 1,
            claims,
            evidence: [0; 32],
            evidence_block: 0,
            registered_at: 1,
            endpoint: None,
        };
        pallet_workers::Registry::<Runtime>::insert(worker, WorkerEntry::V1(entry));
        pallet_workers::BootOwner::<Runtime>::insert(BootSign([2; 32]), worker);
        let origin = || RuntimeOrigin::signed(alice.clone());
        assert_ok!(Phat::add_member(origin(), cluster, worker));
        assert!(Phat::is_member(&worker));
        // the policy lists no program
        assert_ok!(Workers::expire(origin(), worker));
        assert!(!Phat::is_member(&worker));
    });
}
