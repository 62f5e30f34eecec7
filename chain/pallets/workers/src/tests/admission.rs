//! Registration: who gets in, and at which check the others fail.

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use phala_primitives::{BootKem, BootSign, offchain_key, worker::WorkerEntry};
use sp_core::{H256, offchain::testing::TestOffchainExt};
use sp_io::hashing::blake2_256;

use super::*;

fn held(n: u8) -> u128 {
    Balances::balance_on_hold(&HoldReason::Registration.into(), &account(n))
}

#[test]
fn a_boot_becomes_live_and_replaces_the_one_before() {
    run(|| {
        let first = Registration { endpoint: Some("https://w.example"), ..Registration::new(1, 11, 8) };
        assert_ok!(first.send());
        let worker = worker_of(1);
        let WorkerEntry::V1(entry) = Registry::<Test>::get(worker).unwrap();
        assert_eq!((entry.boot_count, entry.evidence_block, entry.registered_at), (1, 8, 10));
        assert_eq!(entry.claims.assurance, Assurance::Software);
        assert_eq!(Workers::live_boot(&worker), Some(BootSign([11; 32])));
        assert_eq!(held(1), 100);
        System::assert_last_event(
            Event::<Test>::Registered {
                worker,
                operator: account(1),
                boot_sign: BootSign([11; 32]),
                boot_count: 1,
                evidence: entry.evidence,
            }
            .into(),
        );

        assert_ok!(Registration::new(1, 12, 9).send());
        assert_eq!(Workers::live_boot(&worker), Some(BootSign([12; 32])));
        assert_eq!(BootOwner::<Test>::get(BootSign([11; 32])), None);
        assert_eq!(Registry::<Test>::get(worker).unwrap().latest().boot_count, 2);
        assert_eq!(held(1), 100, "one deposit per worker, not per boot");
    });
}

#[test]
fn every_wrong_registration_names_its_check() {
    run(|| {
        assert_ok!(Registration::new(2, 22, 5).send());
        let good = || Registration::new(1, 11, 8);
        let cases: Vec<(&str, Registration, Error<Test>)> = vec![
            ("another's worker", Registration { worker: worker_of(2), ..good() }, Error::WrongOperator),
            ("future block", Registration { block: 11, ..good() }, Error::BlockNotRecent),
            ("this very block", Registration { block: 10, ..good() }, Error::BlockNotRecent),
            ("wrong hash", Registration { block_hash: H256([0; 32]), ..good() }, Error::WrongBlockHash),
            (
                "a live boot of another worker",
                Registration { boot: Boot { sign: BootSign([22; 32]), kem: BootKem([1; 32]) }, ..good() },
                Error::BootInUse,
            ),
            ("no URL", Registration { endpoint: Some("worker.example"), ..good() }, Error::BadEndpoint),
            ("empty URL", Registration { endpoint: Some("http://"), ..good() }, Error::BadEndpoint),
            ("blank in URL", Registration { endpoint: Some("http://a b"), ..good() }, Error::BadEndpoint),
            ("untrusted root", Registration { change: |s| s.root = vec![9], ..good() }, Error::EvidenceUntrustedRoot),
            ("expired", Registration { change: |s| s.expires = 59, ..good() }, Error::EvidenceExpired),
            (
                "wrong report data",
                Registration { change: |s| s.binding[0] ^= 1, ..good() },
                Error::EvidenceWrongReportData,
            ),
            (
                "unlisted measurement",
                Registration { change: |s| s.measurement = [8; 48], ..good() },
                Error::EvidenceUnlistedMeasurement,
            ),
            (
                "old firmware",
                Registration { change: |s| s.tcb = TcbStatus::OutOfDate, ..good() },
                Error::EvidenceTcbRefused,
            ),
        ];
        for (case, registration, error) in cases {
            let expected: sp_runtime::DispatchError = error.into();
            let before = sp_io::storage::root(sp_runtime::StateVersion::V1);
            assert_eq!(registration.send(), Err(expected), "{case}");
            assert_eq!(sp_io::storage::root(sp_runtime::StateVersion::V1), before, "{case}");
        }
        assert_ok!(good().send());
    });
}

#[test]
fn expired_evidence_is_judged_by_chain_time() {
    run(|| {
        // Block 10 is 60 seconds after the epoch.
        let edge = Registration { change: |s| s.expires = 60, ..Registration::new(1, 11, 8) };
        assert_ok!(edge.send());
    });
}

#[test]
fn old_blocks_are_not_recent() {
    run(|| {
        (0..15).for_each(|_| next_block());
        assert_noop!(Registration::new(1, 11, 4).send(), Error::<Test>::BlockNotRecent);
        assert_ok!(Registration::new(1, 11, 5).send());
    });
}

#[test]
fn evidence_never_counts_twice() {
    run(|| {
        assert_ok!(Registration::new(1, 11, 8).send());
        assert_noop!(Registration::new(1, 11, 8).send(), Error::<Test>::BlockNotLater);
        assert_noop!(Registration::new(1, 12, 8).send(), Error::<Test>::BlockNotLater);
        assert_noop!(Registration::new(1, 12, 7).send(), Error::<Test>::BlockNotLater);
        assert_noop!(Registration::new(1, 11, 9).send(), Error::<Test>::BootInUse);
        assert_ok!(Workers::deregister(RuntimeOrigin::signed(account(1)), worker_of(1)));
        assert_noop!(Registration::new(1, 11, 8).send(), Error::<Test>::BlockNotLater);
        assert_ok!(Registration::new(1, 12, 9).send());
        assert_eq!(Registry::<Test>::get(worker_of(1)).unwrap().latest().boot_count, 2);
    });
}

#[test]
fn deregistering_returns_the_deposit_unless_somebody_counts_on_the_worker() {
    run(|| {
        assert_ok!(Registration::new(1, 11, 8).send());
        let deregister = |n| Workers::deregister(RuntimeOrigin::signed(account(n)), worker_of(1));
        assert_noop!(deregister(2), Error::<Test>::NotOperator);
        Bound::set(true);
        assert_noop!(deregister(1), Error::<Test>::StillBound);
        Bound::set(false);
        assert_ok!(deregister(1));
        assert_eq!(held(1), 0);
        assert_eq!(Workers::live_boot(&worker_of(1)), None);
        assert_noop!(deregister(1), Error::<Test>::NoWorker);
    });
}

#[test]
fn who_cannot_pay_the_deposit_is_not_registered() {
    run(|| {
        assert!(Registration::new(50, 11, 8).send().is_err());
        assert_eq!(Registry::<Test>::iter().count(), 0);
    });
}

#[test]
fn the_endpoint_is_the_operators() {
    run(|| {
        assert_ok!(Registration::new(1, 11, 8).send());
        let set = |n, url: &str| {
            let url = url.as_bytes().to_vec().try_into().unwrap();
            Workers::set_endpoint(RuntimeOrigin::signed(account(n)), worker_of(1), Some(url))
        };
        assert_noop!(set(2, "http://a"), Error::<Test>::NotOperator);
        assert_noop!(set(1, "ftp://a"), Error::<Test>::BadEndpoint);
        assert_ok!(set(1, "http://127.0.0.1:8000"));
        let entry = Registry::<Test>::get(worker_of(1)).unwrap();
        assert_eq!(entry.latest().endpoint.as_ref().unwrap().to_vec(), b"http://127.0.0.1:8000");
    });
}

#[test]
fn nodes_keep_the_evidence() {
    let (offchain, _) = TestOffchainExt::new();
    let mut ext = ext();
    ext.register_extension(sp_core::offchain::OffchainDbExt::new(offchain.clone()));
    ext.execute_with(|| {
        (0..9).for_each(|_| next_block());
        assert_ok!(Registration::new(1, 11, 8).send());
    });
    let hash = ext.execute_with(|| Registry::<Test>::get(worker_of(1)).unwrap().latest().evidence);
    ext.persist_offchain_overlay();
    let key = offchain_key::evidence(&hash);
    let body = ext.offchain_db().get(&key).unwrap();
    assert_eq!(blake2_256(&body), hash);
}
