//! Any sequence of calls leaves the invariants standing, and no planck appears or vanishes.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Instantiate,
    Command { contract: usize, value: u8 },
    Upgrade { contract: usize, code: u8 },
    Declare { who: u8, code: u8 },
    Chunk { who: u8, code: u8 },
    RemoveCode { who: u8, code: u8 },
    TerminateContract { contract: usize },
    Report { worker: u8, honest: bool, success: bool },
    Refund { index: u64 },
    Leave { worker: u8 },
    Join { worker: u8 },
    Reboot { worker: u8, seed: u8 },
    Quorum { quorum: u16 },
    Evict { worker: u8 },
    Resolve,
    TerminateCluster,
    Reclaim { index: u64 },
    ReclaimContract { contract: usize },
    Blocks(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Instantiate),
        6 => (0..4usize, any::<u8>()).prop_map(|(contract, value)| Step::Command { contract, value }),
        2 => (0..4usize, 1..4u8).prop_map(|(contract, code)| Step::Upgrade { contract, code }),
        2 => (1..4u8, 1..4u8).prop_map(|(who, code)| Step::Declare { who, code }),
        2 => (1..4u8, 1..4u8).prop_map(|(who, code)| Step::Chunk { who, code }),
        2 => (1..4u8, 1..4u8).prop_map(|(who, code)| Step::RemoveCode { who, code }),
        1 => (0..4usize).prop_map(|contract| Step::TerminateContract { contract }),
        8 => (3..6u8, prop::bool::weighted(0.9), any::<bool>())
            .prop_map(|(worker, honest, success)| Step::Report { worker, honest, success }),
        2 => (0..40u64).prop_map(|index| Step::Refund { index }),
        1 => (3..6u8).prop_map(|worker| Step::Leave { worker }),
        1 => (3..6u8).prop_map(|worker| Step::Join { worker }),
        1 => (3..6u8, 10..12u8).prop_map(|(worker, seed)| Step::Reboot { worker, seed }),
        1 => (1..4u16).prop_map(|quorum| Step::Quorum { quorum }),
        1 => (3..6u8).prop_map(|worker| Step::Evict { worker }),
        1 => Just(Step::Resolve),
        1 => Just(Step::TerminateCluster),
        2 => (0..40u64).prop_map(|index| Step::Reclaim { index }),
        1 => (0..4usize).prop_map(|contract| Step::ReclaimContract { contract }),
        3 => (1..8u8).prop_map(Step::Blocks),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn hold_the_invariants(steps in prop::collection::vec(step(), 1..40), quorum in 1u16..3) {
        ext().execute_with(|| {
            let codes = [upload(1), upload(2)];
            (3..6).for_each(join);
            set_quorum(quorum);
            let mut contracts = vec![instantiate(codes[0])];
            let mut boots = [0, 1, 2, 3, 4, 5];
            let issuance = pallet_balances::TotalIssuance::<Test>::get();
            for step in steps {
                let pick = |i: usize| contracts[i % contracts.len()];
                // Refusals are part of the game; what counts is the state they leave.
                let outcome = frame_support::storage::with_storage_layer(|| match step {
                    Step::Instantiate => Phat::instantiate(signed(USER), C0, codes[0], plain(1), 1_000, 50, 30),
                    Step::Command { contract, value } => command(pick(contract), value.into()),
                    Step::Upgrade { contract, code } => {
                        Phat::upgrade(signed(USER), pick(contract), CodeHash([code; 32]), plain(1), 10)
                    }
                    Step::Declare { who, code } => declare(who, CodeHash([code; 32]), who),
                    Step::Chunk { who, code } => send_chunk(who, CodeHash([code; 32]), who),
                    Step::RemoveCode { who, code } => Phat::remove_code(signed(who), C0, CodeHash([code; 32])),
                    Step::TerminateContract { contract } => Phat::terminate_contract(signed(USER), pick(contract)),
                    Step::Report { worker, honest, success } => {
                        if !Boundaries::<Test>::contains_key(C0, Phat::next_index(C0)) {
                            return Ok(());
                        }
                        let status = if success { Status::Success } else { Status::Trapped };
                        let mut report = report(status);
                        if !honest {
                            report.state_root = [worker; 32];
                        }
                        send_report_by(worker, boots[usize::from(worker)], report)
                    }
                    Step::Refund { index } => Phat::refund_expired(signed(9), C0, index),
                    Step::Leave { worker: n } => Phat::remove_member(signed(n), C0, worker(n)),
                    Step::Join { worker: n } => {
                        Phat::offer_worker(signed(n), worker(n), Some(C0))?;
                        Phat::add_member(signed(OWNER), C0, worker(n))
                    }
                    Step::Reboot { worker: n, seed } => {
                        boots[usize::from(n)] = seed;
                        reboot(n, seed);
                        Ok(())
                    }
                    Step::Quorum { quorum } => {
                        let config = ClusterConfigV1 { quorum, ..config() };
                        Phat::configure_cluster(signed(OWNER), C0, ClusterConfig::V1(config))
                    }
                    Step::Evict { worker: n } => Phat::evict(&worker(n)),
                    Step::Resolve => Phat::resolve(RuntimeOrigin::root(), C0, Default::default()),
                    Step::TerminateCluster => terminate_cluster(signed(OWNER)),
                    Step::Reclaim { index } => Phat::reclaim(signed(9), C0, index),
                    Step::ReclaimContract { contract } => Phat::reclaim_contract(signed(9), pick(contract)),
                    Step::Blocks(blocks) => {
                        (0..blocks).for_each(|_| next_block());
                        Ok(())
                    }
                });
                if outcome.is_ok() {
                    let fresh: Vec<_> = Contracts::<Test>::iter_keys().filter(|id| !contracts.contains(id)).collect();
                    contracts.extend(fresh);
                }
                prop_assert_eq!(Phat::do_try_state(), Ok(()));
                let now = pallet_balances::TotalIssuance::<Test>::get();
                prop_assert_eq!(now + PotGot::get() + TreasuryGot::get(), issuance, "funds appear or vanish");
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
