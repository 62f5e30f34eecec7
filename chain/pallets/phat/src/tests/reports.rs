//! Reports: what a quorum does, and what happens to those that contradict it.

use frame_support::assert_noop;
use phala_primitives::cluster::{ClusterStatus, MAX_MEMBERS};

use super::*;

fn status() -> ClusterStatus {
    Clusters::<Test>::get(C0).unwrap().latest().status
}

fn lie() -> ReportV1 {
    ReportV1 { state_root: [66; 32], ..report(Status::Success) }
}

#[test]
fn a_report_must_fit_the_log() {
    run(|| {
        instantiate(upload(1));
        join(3);
        let good = || report(Status::Success);
        let boundary = good().boundary;
        assert_noop!(send_report(4, good()), Error::<Test>::NotMember);
        let report = Report::V1(good());
        let unsigned = || plainly(Phat::report(signed(3), report.clone(), worker(3), [0; 64]));
        assert_noop!(unsigned(), Error::<Test>::BadSignature);
        assert_noop!(send_report(3, ReportV1 { first_index: 1, ..good() }), Error::<Test>::StaleReport);
        let forged = Boundary { log_hash: [0; 32], ..boundary };
        assert_noop!(send_report(3, ReportV1 { boundary: forged, ..good() }), Error::<Test>::WrongBoundary);
        let future = Boundary { index: boundary.index + 1, ..boundary };
        assert_noop!(send_report(3, ReportV1 { boundary: future, ..good() }), Error::<Test>::WrongBoundary);
        let outcomes = good().outcomes[1..].to_vec().try_into().unwrap();
        assert_noop!(send_report(3, ReportV1 { outcomes, ..good() }), Error::<Test>::WrongOutcomes);
        assert_ok!(send_report(3, good()));
        assert_eq!(Phat::reported_index(C0), boundary.index);
    });
}

#[test]
fn nothing_takes_effect_before_the_quorum() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        let word = report(Status::Success);
        assert_ok!(send_report(3, word.clone()));
        assert_noop!(send_report(3, word.clone()), Error::<Test>::AlreadyVoted);
        assert_eq!((Phat::reported_index(C0), PotGot::get()), (0, 0));
        assert_ok!(send_report(4, word.clone()));
        assert_eq!(Phat::reported_index(C0), word.boundary.index);
        assert_eq!(PotGot::get(), 320);
        assert_noop!(send_report(5, word), Error::<Test>::AlreadyVoted);
    });
}

#[test]
fn a_disagreement_freezes_until_a_quorum_agrees_then_the_minority_is_out() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        assert_ok!(send_report(3, lie()));
        assert_ok!(send_report(4, report(Status::Success)));
        assert_eq!(status(), ClusterStatus::Frozen);
        assert_eq!(PotGot::get(), 0);
        assert_ok!(send_report(5, report(Status::Success)));
        assert_eq!(status(), ClusterStatus::Active);
        assert_eq!(PotGot::get(), 320);
        assert_eq!(Members::<Test>::get(C0).to_vec(), [worker(4), worker(5)]);
        assert_ok!(Phat::offer_worker(signed(3), worker(3), Some(C0)));
        assert_noop!(Phat::add_member(signed(OWNER), C0, worker(3)), Error::<Test>::WorkerSuspended);
    });
}

#[test]
fn a_late_contradiction_of_a_quorum_suspends() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        let (truth, lie) = (report(Status::Success), lie());
        assert_ok!(send_report(3, truth.clone()));
        assert_ok!(send_report(4, truth));
        assert_ok!(send_report(5, lie));
        assert_eq!(status(), ClusterStatus::Active);
        assert!(!Phat::is_member(&worker(5)));
    });
}

#[test]
fn with_a_quorum_of_one_a_contradiction_goes_to_governance() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        join(4);
        let truth = report(Status::Success);
        assert_ok!(send_report(3, lie()));
        assert_ok!(send_report(4, truth));
        assert_eq!(status(), ClusterStatus::Frozen);
        assert_ok!(command(id, 0));
        assert_noop!(send_report(3, report(Status::Success)), Error::<Test>::ClusterFrozen);
        // The one that lied cannot get out of it by leaving.
        assert_ok!(Phat::remove_member(signed(3), C0, worker(3)));
        assert_ok!(Phat::resolve(RuntimeOrigin::root(), C0, vec![worker(3)].try_into().unwrap()));
        assert_eq!(status(), ClusterStatus::Active);
        assert!(Suspended::<Test>::contains_key(C0, worker(3)));
        assert_ok!(send_report(4, report(Status::Success)));
    });
}

#[test]
fn a_word_counts_while_its_boot_lives() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        let truth = || report(Status::Success);
        assert_ok!(send_report(3, truth()));
        reboot(3, 30);
        assert_ok!(send_report(4, truth()));
        assert_eq!(Phat::reported_index(C0), 0, "the word of a boot that is gone");
        assert_noop!(send_report_by(3, 3, truth()), Error::<Test>::BadSignature);
        assert_ok!(send_report_by(3, 30, truth()));
        assert_eq!(Phat::reported_index(C0), Phat::next_index(C0));
    });
}

#[test]
fn a_new_boot_does_not_answer_for_what_nobody_contradicted() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        assert_ok!(send_report(3, lie()));
        reboot(3, 30);
        assert_ok!(send_report(4, report(Status::Success)));
        assert_eq!(status(), ClusterStatus::Active);
        assert_ok!(send_report_by(3, 30, report(Status::Success)));
        assert!(Phat::is_member(&worker(3)));
        assert_eq!(Phat::reported_index(C0), Phat::next_index(C0));
    });
}

#[test]
fn another_quorum_asks_again() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        let (truth, lie) = (report(Status::Success), lie());
        assert_ok!(send_report(3, lie));
        next_block();
        set_quorum(1);
        assert_ok!(send_report(4, truth));
        assert_eq!((status(), Phat::is_member(&worker(3))), (ClusterStatus::Active, true), "a lone word judges nobody");
    });
}

#[test]
fn what_one_member_said_judges_nobody_under_a_larger_quorum() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        let truth = report(Status::Success);
        assert_ok!(send_report(3, lie()));
        set_quorum(2);
        assert_noop!(send_report(4, truth), Error::<Test>::StaleReport);
        assert!(Phat::is_member(&worker(4)));
    });
}

#[test]
fn a_liar_that_votes_on_or_would_leave_is_judged() {
    run(|| {
        let id = instantiate(upload(1));
        (3..7).for_each(join);
        set_quorum(2);
        let (truth, lie) = (report(Status::Success), lie());
        next_block();
        assert_ok!(command(id, 0));
        let further = report(Status::Success);
        assert_ok!(send_report(3, lie));
        assert_ok!(send_report(4, truth.clone()));
        assert_eq!(status(), ClusterStatus::Frozen);
        assert_ok!(send_report(3, further));
        assert_noop!(Phat::remove_member(signed(3), C0, worker(3)), Error::<Test>::WordContested);
        assert_noop!(Phat::remove_member(signed(OWNER), C0, worker(4)), Error::<Test>::WordContested);
        assert_ok!(send_report(5, truth));
        assert_eq!(status(), ClusterStatus::Active);
        assert_eq!(Members::<Test>::get(C0).to_vec(), [worker(4), worker(5), worker(6)]);
        assert_eq!(Contested::<Test>::iter().count(), 0);
        assert_ok!(Phat::remove_member(signed(4), C0, worker(4)));
    });
}

#[test]
fn a_key_of_an_older_epoch_replaces_none() {
    run(|| {
        let id = instantiate(upload(1));
        join(3);
        Phat::change(C0, |entry| entry.epoch = 2);
        let report_key = |epoch, kem: u8| {
            next_block();
            assert_ok!(command(id, 0));
            let command_keys = vec![(id, CommandKey { epoch, kem: [kem; 32] })].try_into().unwrap();
            assert_ok!(send_report(3, ReportV1 { command_keys, ..report(Status::Success) }));
            CommandKeys::<Test>::get(id).map(|key| key.kem[0])
        };
        assert_eq!(report_key(1, 10), Some(10));
        assert_eq!(report_key(0, 11), Some(10));
        assert_eq!(report_key(2, 12), Some(12));
        assert_eq!(report_key(3, 13), Some(12), "an epoch that has not begun");
    });
}

#[test]
fn a_report_weighs_what_it_did() {
    run(|| {
        instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        let send = |n: u8, report: ReportV1| {
            let report = Report::V1(report);
            let most = Effect::most::<Test>(report.latest());
            let signature = boot(n).sign(&report.digest(&Phat::genesis_hash()));
            let weight = match Phat::report(signed(9), report, worker(n), signature.0) {
                Ok(info) => info.actual_weight,
                Err(error) => error.post_info.actual_weight,
            };
            let weight = weight.unwrap();
            assert!(weight.all_lte(most), "{weight:?} is more than {most:?}");
            weight
        };
        let truth = report(Status::Success);
        let messages = truth.outcomes.len() as u32;
        let voted = Effect::Voted.weight::<Test>();
        assert_eq!(send(3, truth.clone()), voted);
        assert_eq!(send(3, truth.clone()), voted, "refused, before anything was settled");
        let applied = Effect::Applied { messages, keys: 0, suspended: 0 };
        assert_eq!(send(4, truth), applied.weight::<Test>());
        assert_eq!(send(5, late_lie(messages)), Effect::Late.weight::<Test>());
        let more = |suspended| Effect::Applied { messages, keys: 0, suspended }.weight::<Test>();
        assert!(more(MAX_MEMBERS - 2).ref_time() > more(0).ref_time());
    });
}

/// Another word on the report that took effect last.
fn late_lie(messages: u32) -> ReportV1 {
    let reported = Reported::<Test>::get(C0).unwrap();
    let outcomes = vec![Outcome { status: Status::Success, gas_used: 1 }; messages as usize].try_into().unwrap();
    ReportV1 {
        cluster: C0,
        first_index: 0,
        boundary: reported.latest().boundary,
        state_root: [66; 32],
        receipts_root: [0; 32],
        outcomes,
        command_keys: Default::default(),
    }
}

#[test]
fn the_same_words_up_to_different_places_are_no_disagreement() {
    run(|| {
        let id = instantiate(upload(1));
        (3..6).for_each(join);
        set_quorum(2);
        let early = report(Status::Success);
        next_block();
        assert_ok!(command(id, 0));
        assert_ok!(send_report(3, early));
        assert_ok!(send_report(4, report(Status::Success)));
        assert_eq!(status(), ClusterStatus::Active);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_eq!(Phat::reported_index(C0), Phat::next_index(C0));
    });
}
