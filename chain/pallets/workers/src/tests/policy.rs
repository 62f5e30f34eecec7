//! The policy: who keeps it, and what a change of it does to live boots.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError::BadOrigin;

use super::*;

fn admin() -> RuntimeOrigin {
    RuntimeOrigin::signed(Admin::get())
}

#[test]
fn only_the_admin_changes_it() {
    run(|| {
        let stranger = || RuntimeOrigin::signed(account(1));
        let root = TrustedRoot { certificate: vec![1].try_into().unwrap(), assurance: Assurance::Hardware };
        let hash = sp_io::hashing::blake2_256(&[1]);
        let measurement = Measurement([1; 48]);
        assert_noop!(Workers::set_policy(stranger(), Policy::default()), BadOrigin);
        assert_noop!(Workers::add_measurement(stranger(), measured(1)), BadOrigin);
        assert_noop!(Workers::remove_measurement(stranger(), measurement), BadOrigin);
        assert_noop!(Workers::add_root(stranger(), root.clone()), BadOrigin);
        assert_noop!(Workers::remove_root(stranger(), hash), BadOrigin);
        assert_ok!(Workers::add_measurement(admin(), measured(1)));
        assert_noop!(Workers::add_measurement(admin(), measured(1)), Error::<Test>::PolicyItemRefused);
        assert_ok!(Workers::remove_measurement(admin(), measurement));
        assert_noop!(Workers::remove_measurement(admin(), measurement), Error::<Test>::NoPolicyItem);
        assert_ok!(Workers::add_root(admin(), root.clone()));
        assert_noop!(Workers::add_root(admin(), root.clone()), Error::<Test>::PolicyItemRefused);
        assert_ok!(Workers::remove_root(admin(), hash));
        assert_noop!(Workers::remove_root(admin(), hash), Error::<Test>::NoPolicyItem);
    });
}

#[test]
fn a_chain_without_a_policy_admits_nobody() {
    run(|| {
        assert_ok!(Workers::set_policy(admin(), Policy { max_evidence_age: 20, ..Default::default() }));
        assert_noop!(Registration::new(1, 11, 8).send(), Error::<Test>::EvidenceUntrustedRoot);
    });
}

#[test]
fn a_removed_program_loses_its_lease() {
    run(|| {
        assert_ok!(Registration::new(1, 11, 8).send());
        let expire = || Workers::expire(RuntimeOrigin::signed(account(2)), worker_of(1));
        assert_noop!(expire(), Error::<Test>::NotExpired);
        assert_ok!(Workers::remove_measurement(admin(), Measurement([7; 48])));
        assert_noop!(Registration::new(2, 12, 8).send(), Error::<Test>::EvidenceUnlistedMeasurement);
        assert_ok!(expire());
        assert_eq!(Workers::live_boot(&worker_of(1)), None);
        assert_eq!(Ended::take(), [worker_of(1)], "whoever counts on the worker hears of it");
        assert_noop!(expire(), Error::<Test>::NoWorker);
    });
}

#[test]
fn boots_under_a_root_that_is_no_longer_trusted_lose_their_lease() {
    run(|| {
        assert_ok!(Registration::new(1, 11, 8).send());
        let expire = || Workers::expire(RuntimeOrigin::signed(account(2)), worker_of(1));
        // Another root of the same kind keeps it.
        let other = TrustedRoot { certificate: vec![1].try_into().unwrap(), assurance: Assurance::Software };
        assert_ok!(Workers::add_root(admin(), other));
        assert_ok!(Workers::remove_root(admin(), sp_io::hashing::blake2_256(ROOT)));
        assert_noop!(expire(), Error::<Test>::NotExpired);
        let hardware = TrustedRoot { certificate: vec![2].try_into().unwrap(), assurance: Assurance::Hardware };
        assert_ok!(Workers::add_root(admin(), hardware));
        assert_ok!(Workers::remove_root(admin(), sp_io::hashing::blake2_256(&[1])));
        assert_ok!(expire());
        assert_eq!(Workers::live_boot(&worker_of(1)), None);
    });
}

#[test]
fn a_lease_ends_with_the_period_of_attestation() {
    run(|| {
        assert_ok!(Registration::new(1, 11, 8).send());
        (0..30).for_each(|_| next_block());
        let expire = || Workers::expire(RuntimeOrigin::signed(account(2)), worker_of(1));
        assert_noop!(expire(), Error::<Test>::NotExpired);
        next_block();
        assert_ok!(expire());
    });
}

#[test]
fn a_policy_is_json_in_a_chain_specification() {
    let text = serde_json::to_string(&policy()).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy());
    let unknown = text.replacen("{", "{\"skipAllChecks\":true,", 1);
    assert!(serde_json::from_str::<Policy>(&unknown).is_err());
}
