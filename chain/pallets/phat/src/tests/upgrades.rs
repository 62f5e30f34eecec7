//! Upgrades: what the chain says of a contract's code while workers are ahead of their report.

use frame_support::assert_noop;
use phala_primitives::contract::{ContractStatus, MAX_PENDING_UPGRADES};

use super::*;

/// A contract that runs code 1, in a cluster with one member.
fn running() -> ContractId {
    let id = instantiate(upload(1));
    join(3);
    assert_ok!(send_report(3, report(Status::Success)));
    id
}

/// Sends an upgrade. Its index.
fn upgrade(id: ContractId, code: CodeHash) -> u64 {
    let index = Phat::next_index(C0);
    assert_ok!(Phat::upgrade(signed(USER), id, code, plain(1), 10));
    index
}

/// The code that reports have settled, and the upgrades that wait for one.
fn shown(id: ContractId) -> (CodeHash, Vec<(u64, CodeHash)>) {
    let entry = contract(id).unwrap();
    (entry.code, entry.upgrades.iter().map(|upgrade| (upgrade.index, upgrade.code)).collect())
}

#[test]
fn an_upgrade_is_shown_until_its_receipt_and_takes_effect_with_it() {
    run(|| {
        let (old, new) = (CodeHash([1; 32]), upload(2));
        let id = running();
        assert_noop!(Phat::upgrade(signed(3), id, new, plain(1), 10), Error::<Test>::NotOwner);
        let first = upgrade(id, new);
        assert_eq!(shown(id), (old, vec![(first, new)]));
        assert_ok!(send_report(3, report(Status::Trapped)));
        assert_eq!(shown(id), (old, vec![]), "it had no effect");
        next_block();
        let second = upgrade(id, new);
        assert_noop!(Phat::remove_code(signed(OWNER), C0, new), Error::<Test>::CodeInUse);
        assert_eq!(shown(id), (old, vec![(second, new)]));
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(shown(id), (new, vec![]));
        (0..10).for_each(|_| next_block());
        assert_ok!(Phat::remove_code(signed(OWNER), C0, old));
        assert_noop!(Phat::remove_code(signed(OWNER), C0, new), Error::<Test>::CodeInUse);
    });
}

#[test]
fn a_report_settles_the_upgrades_that_it_speaks_of_and_no_others() {
    run(|| {
        let id = running();
        let (second, third) = (upload(2), upload(3));
        let early = upgrade(id, second);
        let word = report(Status::Success);
        next_block();
        let late = upgrade(id, third);
        assert_eq!(shown(id), (CodeHash([1; 32]), vec![(early, second), (late, third)]));
        assert_ok!(send_report(3, word));
        assert_eq!(shown(id), (second, vec![(late, third)]));
        assert_ok!(send_report(3, report(Status::Refused)));
        assert_eq!(shown(id), (second, vec![]));
    });
}

#[test]
fn only_so_many_upgrades_wait() {
    run(|| {
        let id = running();
        let new = upload(2);
        for _ in 0..MAX_PENDING_UPGRADES {
            upgrade(id, new);
        }
        let more = || Phat::upgrade(signed(USER), id, new, plain(1), 10);
        assert_noop!(more(), Error::<Test>::TooManyUpgrades);
        assert_ok!(send_report(3, report(Status::Success)));
        next_block();
        assert_ok!(more());
    });
}

/// Members may have executed it, and whoever reports late still reports it.
#[test]
fn a_time_out_hides_no_upgrade() {
    run(|| {
        let id = running();
        let new = upload(2);
        let index = upgrade(id, new);
        let late = report(Status::Success);
        (0..10).for_each(|_| next_block());
        assert_ok!(Phat::refund_expired(signed(5), C0, index));
        assert_eq!(shown(id), (CodeHash([1; 32]), vec![(index, new)]));
        assert_ok!(send_report(3, late));
        assert_eq!(shown(id), (new, vec![]));
    });
}

#[test]
fn a_contract_without_a_constructor_or_an_end_shows_its_upgrades_too() {
    run(|| {
        let (old, new) = (upload(1), upload(2));
        join(3);
        let (failed, ending) = (instantiate(old), instantiate(old));
        let indices = [failed, ending].map(|id| upgrade(id, new));
        assert_ok!(Phat::terminate_contract(signed(USER), ending));
        assert_eq!(shown(ending), (old, vec![(indices[1], new)]));
        // of one contract the constructor fails, of the other one all goes well
        let mut word = report(Status::Success);
        let first = word.first_index;
        let constructor = indices[0].checked_sub(2 + first).unwrap() as usize;
        word.outcomes[constructor].status = Status::Trapped;
        word.outcomes[constructor + 2].status = Status::NoContract;
        assert_ok!(send_report(3, word));
        assert_eq!((contract(failed).unwrap().status, shown(failed)), (ContractStatus::Failed, (old, vec![])));
        assert_eq!(contract(ending), None);
    });
}

#[test]
fn an_ended_cluster_forgets_its_upgrades_one_by_one() {
    run(|| {
        let id = running();
        let new = upload(2);
        let indices = [upgrade(id, new), upgrade(id, new)];
        assert_ok!(terminate_cluster(signed(OWNER)));
        assert_ok!(Phat::reclaim(signed(5), C0, indices[0]));
        assert_eq!(shown(id).1, [(indices[1], new)]);
        assert_ok!(Phat::reclaim_contract(signed(5), id));
        assert_ok!(Phat::reclaim(signed(5), C0, indices[1]));
    });
}
