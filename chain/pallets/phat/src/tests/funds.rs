//! Funds: everything that goes in has a way out, and none is paid twice.

use frame_support::{assert_noop, traits::fungible::Inspect};
use phala_primitives::contract::ContractStatus;

use super::*;

fn everything(n: u8) -> u128 {
    Balances::total_balance(&account(n))
}

#[test]
fn a_receipt_pays_the_gas_that_was_used_and_returns_the_rest() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        assert_eq!(held(HoldReason::Gas, USER), 1_000);
        assert_eq!(held(HoldReason::Value, USER), 50);
        assert_eq!(held(HoldReason::Contract, USER), 130);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(held(HoldReason::Gas, USER), 0);
        assert_eq!((PotGot::get(), TreasuryGot::get()), (320, 80));
        let entry = contract(id).unwrap();
        assert_eq!((entry.status, entry.balance), (ContractStatus::Live, 50));
        assert_eq!(everything(USER), FUNDS - 400 - 50);
    });
}

#[test]
fn a_failed_constructor_leaves_a_trace_and_returns_value_and_deposit() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        assert_ok!(send_report(3, report(Status::Trapped)));
        assert_eq!(held(HoldReason::Value, USER), 0);
        assert_eq!(contract(id).unwrap().status, ContractStatus::Failed);
        assert_noop!(command(id, 0), Error::<Test>::NoContract);
        assert_ok!(Phat::terminate_contract(signed(USER), id));
        assert_eq!(contract(id), None);
        assert_eq!(held(HoldReason::Contract, USER), 0);
        assert_eq!(everything(USER), FUNDS - 400);
        (0..10).for_each(|_| next_block());
        assert_ok!(Phat::remove_code(signed(OWNER), C0, CodeHash([1; 32])));
        assert_eq!(held(HoldReason::Code, OWNER), 0);
    });
}

#[test]
fn a_time_out_returns_gas_only_and_a_late_report_pays_nothing_twice() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        assert_ok!(send_report(3, report(Status::Success)));
        let index = Phat::next_index(C0);
        assert_ok!(command(id, 70));
        let refund = || Phat::refund_expired(signed(5), C0, index);
        (0..9).for_each(|_| next_block());
        assert_noop!(refund(), Error::<Test>::NothingDue);
        next_block();
        assert_ok!(refund());
        assert_noop!(refund(), Error::<Test>::NothingDue);
        assert_eq!((held(HoldReason::Gas, USER), held(HoldReason::Value, USER)), (0, 70));
        let (pot, before) = (PotGot::get(), everything(USER));
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(PotGot::get(), pot, "the gas is gone");
        assert_eq!(everything(USER), before - 70);
        assert_eq!(contract(id).unwrap().balance, 120);
        assert_noop!(refund(), Error::<Test>::NothingDue);
    });
}

#[test]
fn a_contract_that_ends_pays_its_owner_with_the_receipt() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_ok!(command(id, 70));
        assert_noop!(Phat::terminate_contract(signed(3), id), Error::<Test>::NotOwner);
        assert_ok!(Phat::terminate_contract(signed(USER), id));
        assert_noop!(command(id, 0), Error::<Test>::NoContract);
        assert_eq!(contract(id).unwrap().balance, 50);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(contract(id), None);
        assert_eq!(everything(USER), FUNDS - 800);
        assert_eq!(held(HoldReason::Contract, USER), 0);
    });
}

#[test]
fn a_cluster_that_ends_returns_all_and_takes_no_report() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        assert_ok!(send_report(3, report(Status::Success)));
        let index = Phat::next_index(C0);
        assert_ok!(command(id, 70));
        let late = report(Status::Success);
        assert_noop!(Phat::reclaim(signed(5), C0, index), Error::<Test>::ClusterAlive);
        assert_noop!(Phat::reclaim_contract(signed(5), id), Error::<Test>::ClusterAlive);
        assert_ok!(terminate_cluster(signed(OWNER)));
        assert_noop!(send_report(3, late), Error::<Test>::ClusterTerminated);
        assert_noop!(command(id, 0), Error::<Test>::ClusterTerminated);
        assert!(!Phat::is_member(&worker(3)));
        assert_ok!(Phat::reclaim(signed(5), C0, index));
        assert_noop!(Phat::reclaim(signed(5), C0, index), Error::<Test>::NothingDue);
        assert_ok!(Phat::reclaim_contract(signed(5), id));
        assert_ok!(Phat::remove_code(signed(OWNER), C0, CodeHash([1; 32])));
        assert_eq!(everything(USER), FUNDS - 400);
        for reason in [HoldReason::Cluster, HoldReason::Code, HoldReason::Contract, HoldReason::Gas, HoldReason::Value]
        {
            assert_eq!((held(reason, USER), held(reason, OWNER)), (0, 0));
        }
    });
}

#[test]
fn an_owner_withdraws_what_the_contract_owns_and_no_more() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        assert_ok!(send_report(3, report(Status::Success)));
        let before = everything(USER);
        assert_noop!(Phat::withdraw(signed(5), id, 10), Error::<Test>::NotOwner);
        assert_noop!(Phat::withdraw(signed(USER), id, 0), Error::<Test>::NothingDue);

        next_block();
        assert_ok!(Phat::withdraw(signed(USER), id, 20));
        assert_eq!(everything(USER), before, "only the receipt pays");
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!((contract(id).unwrap().balance, everything(USER)), (30, before + 20));

        // the workers have found less
        next_block();
        assert_ok!(Phat::withdraw(signed(USER), id, 1_000));
        assert_ok!(send_report(3, report(Status::Overdrawn)));
        assert_eq!((contract(id).unwrap().balance, everything(USER)), (30, before + 20));

        // a quorum that lies takes nothing from others
        next_block();
        assert_ok!(Phat::withdraw(signed(USER), id, 1_000));
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!((contract(id).unwrap().balance, everything(USER)), (0, before + 50));
    });
}
