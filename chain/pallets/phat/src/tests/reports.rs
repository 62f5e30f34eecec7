//! Reports: what a quorum does, and what happens to those that contradict it.

use frame_support::assert_noop;
use phala_primitives::cluster::ClusterStatus;

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
        assert_noop!(Phat::report(signed(3), report, worker(3), [0; 64]), Error::<Test>::BadSignature);
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
        assert_ok!(Phat::resolve(RuntimeOrigin::root(), C0, vec![worker(3)].try_into().unwrap()));
        assert_eq!(status(), ClusterStatus::Active);
        assert_ok!(send_report(4, report(Status::Success)));
    });
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
