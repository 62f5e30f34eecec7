//! Uploads: nobody can keep others from a hash.

use frame_support::assert_noop;

use super::*;

const CODE: CodeHash = CodeHash([1; 32]);
/// Does not want others to have [`CODE`].
const SQUATTER: u8 = 4;
/// On hold for an upload of ten bytes.
const DEPOSIT: u128 = 20;

/// What OWNER, USER and [`SQUATTER`] have on hold for code.
fn deposits() -> [u128; 3] {
    [OWNER, USER, SQUATTER].map(|n| held(HoldReason::Code, n))
}

/// The report on all that has none, which finds these uploads to be something else than their hash says.
fn finding(garbage: &[u64]) -> ReportV1 {
    let mut report = report(Status::Success);
    for index in garbage {
        let place = index.checked_sub(report.first_index).unwrap() as usize;
        report.outcomes[place].status = Status::BadCode;
    }
    report
}

fn code_owner() -> Option<u8> {
    Codes::<Test>::get(C0, CODE).map(|entry| entry.latest().owner.0[0])
}

fn make() -> DispatchResult {
    Phat::instantiate(signed(USER), C0, CODE, plain(1), 1_000, 0, 0)
}

#[test]
fn garbage_keeps_nobody_from_its_hash() {
    run(|| {
        join(3);
        let garbage = send_code(SQUATTER, CODE, 66);
        send_code(OWNER, CODE, 1);
        assert_noop!(make(), Error::<Test>::NoCode);
        assert_eq!(deposits(), [DEPOSIT, 0, DEPOSIT]);
        assert_ok!(send_report(3, finding(&[garbage])));
        assert_eq!(code_owner(), Some(OWNER));
        assert_eq!(deposits(), [DEPOSIT, 0, 0]);
        assert_ok!(make());
    });
}

#[test]
fn a_squatter_who_repeats_keeps_nobody_from_his_hash() {
    run(|| {
        join(3);
        // he is always first, and again in the block of each report
        assert_ok!(declare(OWNER, CODE, 1));
        for _ in 0..3 {
            let garbage = send_code(SQUATTER, CODE, 66);
            assert_ok!(send_report(3, finding(&[garbage])));
            assert_eq!((code_owner(), deposits()), (None, [DEPOSIT, 0, 0]));
            next_block();
        }
        let garbage = send_code(SQUATTER, CODE, 66);
        assert_ok!(send_chunk(OWNER, CODE, 1));
        assert_ok!(send_report(3, finding(&[garbage])));
        assert_eq!(code_owner(), Some(OWNER));
        assert_noop!(declare(SQUATTER, CODE, 66), Error::<Test>::CodeExists);
    });
}

#[test]
fn an_upload_that_is_never_completed_keeps_nobody_from_its_hash() {
    run(|| {
        join(3);
        assert_ok!(declare(SQUATTER, CODE, 66));
        send_code(OWNER, CODE, 1);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(code_owner(), Some(OWNER));
        // what is left of it is worth nothing to anybody, and is his to take back
        assert_noop!(send_chunk(SQUATTER, CODE, 66), Error::<Test>::CodeExists);
        assert_noop!(Phat::remove_code(signed(USER), C0, CODE), Error::<Test>::NotOwner);
        assert_ok!(Phat::remove_code(signed(SQUATTER), C0, CODE));
        assert_eq!((code_owner(), deposits()), (Some(OWNER), [DEPOSIT, 0, 0]));
    });
}

#[test]
fn of_two_that_are_right_the_first_is_the_code_and_the_other_gets_its_deposit() {
    run(|| {
        join(3);
        send_code(USER, CODE, 1);
        send_code(OWNER, CODE, 1);
        assert_eq!(deposits(), [DEPOSIT, DEPOSIT, 0]);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!((code_owner(), deposits()), (Some(USER), [0, DEPOSIT, 0]));
    });
}

#[test]
fn an_upload_belongs_to_the_log_once_it_is_complete() {
    run(|| {
        join(3);
        assert_ok!(declare(OWNER, CODE, 1));
        assert_noop!(declare(OWNER, CODE, 2), Error::<Test>::UploadExists);
        assert_ok!(Phat::remove_code(signed(OWNER), C0, CODE));
        assert_eq!(deposits(), [0; 3]);
        assert_noop!(Phat::remove_code(signed(OWNER), C0, CODE), Error::<Test>::NoCode);
        let garbage = send_code(OWNER, CODE, 2);
        assert_noop!(Phat::remove_code(signed(OWNER), C0, CODE), Error::<Test>::UploadComplete);
        assert_noop!(declare(OWNER, CODE, 1), Error::<Test>::UploadExists);
        // a mistake: the next try is free to come
        assert_ok!(send_report(3, finding(&[garbage])));
        send_code(OWNER, CODE, 1);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(code_owner(), Some(OWNER));
    });
}

/// Otherwise who has uploaded the true bytes could take them away whenever somebody is about to use them.
#[test]
fn code_stays_long_enough_to_be_used() {
    run(|| {
        join(3);
        send_code(SQUATTER, CODE, 1);
        assert_ok!(send_report(3, report(Status::Success)));
        let remove = || Phat::remove_code(signed(SQUATTER), C0, CODE);
        (0..9).for_each(|_| next_block());
        assert_noop!(remove(), Error::<Test>::CodeTooNew);
        next_block();
        assert_noop!(Phat::remove_code(signed(USER), C0, CODE), Error::<Test>::NotOwner);
        assert_ok!(remove());
        assert_eq!(deposits(), [0; 3]);
        assert_noop!(make(), Error::<Test>::NoCode);
        // anew, and in use
        send_code(OWNER, CODE, 1);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_ok!(make());
        (0..10).for_each(|_| next_block());
        assert_noop!(Phat::remove_code(signed(OWNER), C0, CODE), Error::<Test>::CodeInUse);
    });
}

/// While code is used, uploads under its hash that were in the log before it was found change nothing.
#[test]
fn garbage_that_is_judged_late_leaves_code_and_contracts_alone() {
    run(|| {
        join(3);
        send_code(OWNER, CODE, 1);
        let word = report(Status::Success);
        next_block();
        let garbage = send_code(SQUATTER, CODE, 66);
        assert_ok!(send_report(3, word));
        let id = instantiate(CODE);
        assert_ok!(send_report(3, finding(&[garbage])));
        assert_eq!((code_owner(), deposits()), (Some(OWNER), [DEPOSIT, 0, 0]));
        assert_eq!(contract(id).unwrap().code, CODE);
        assert_eq!(Codes::<Test>::get(C0, CODE).unwrap().latest().users, 1);
    });
}

#[test]
fn no_message_names_an_upload_that_was_not_judged() {
    run(|| {
        let id = instantiate(upload(2));
        send_code(USER, CODE, 1);
        assert_noop!(make(), Error::<Test>::NoCode);
        assert_noop!(Phat::upgrade(signed(USER), id, CODE, plain(1), 10), Error::<Test>::NoCode);
    });
}

#[test]
fn an_ended_cluster_returns_every_upload_once() {
    run(|| {
        let mine = send_code(OWNER, CODE, 1);
        let others = send_code(USER, CODE, 2);
        assert_ok!(declare(SQUATTER, CODE, 3));
        assert_noop!(Phat::reclaim(signed(9), C0, mine), Error::<Test>::ClusterAlive);
        assert_ok!(terminate_cluster(signed(OWNER)));
        // by anybody, or by who has uploaded it; a message that waits for a receipt goes either way
        assert_ok!(Phat::reclaim(signed(9), C0, mine));
        assert_noop!(Phat::remove_code(signed(OWNER), C0, CODE), Error::<Test>::NoCode);
        assert_ok!(Phat::remove_code(signed(USER), C0, CODE));
        assert_ok!(Phat::reclaim(signed(9), C0, others));
        assert_ok!(Phat::remove_code(signed(SQUATTER), C0, CODE));
        assert_eq!((deposits(), Judging::<Test>::iter().count()), ([0; 3], 0));
        assert_noop!(Phat::reclaim(signed(9), C0, mine), Error::<Test>::NothingDue);
    });
}
