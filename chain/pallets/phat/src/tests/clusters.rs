//! Clusters, members and code: who may do what.

use frame_support::assert_noop;
use phala_primitives::{
    cluster::{ClusterStatus, KeyCommitment, RootCertificate},
    message::Sealed,
    report::key_commitment_digest,
};
use sp_runtime::DispatchError::BadOrigin;

use super::*;

#[test]
fn configurations_stay_within_the_bounds_of_the_chain() {
    run(|| {
        let create = |change: fn(&mut ClusterConfigV1)| {
            let mut config = config();
            change(&mut config);
            Phat::create_cluster(signed(3), ClusterConfig::V1(config))
        };
        let bad: [fn(&mut ClusterConfigV1); 10] = [
            |c| c.quorum = 0,
            |c| c.quorum = 65,
            |c| c.gas_price = 2_000_001,
            |c| c.deposit_per_byte = 3,
            |c| c.engine_revision = 0,
            |c| c.engine_revision = 2,
            |c| c.limits.code_bytes = (16 << 20) + 1,
            |c| c.limits.timeout_blocks = 0,
            |c| c.limits.gas_per_message = 1_001,
            |c| c.limits.payload_bytes = 65,
        ];
        for change in bad {
            assert_noop!(create(change), Error::<Test>::ConfigOutOfBounds);
        }
        assert_ok!(create(|_| ()));
        let strict = Bounds { allow_local_http: false, allow_self_seal: false, ..bounds() };
        assert_noop!(Phat::set_bounds(signed(3), strict), BadOrigin);
        assert_ok!(Phat::set_bounds(RuntimeOrigin::root(), strict));
        assert_noop!(create(|c| c.sealing = SealingMode::Peers), Error::<Test>::ConfigOutOfBounds);
        assert_noop!(create(|c| c.http = HttpPolicy::default()), Error::<Test>::ConfigOutOfBounds);
        assert_ok!(create(|c| {
            c.sealing = SealingMode::Peers;
            c.http = HttpPolicy::default();
        }));
    });
}

#[test]
fn only_the_owner_rules_a_cluster() {
    run(|| {
        register(3);
        let config = ClusterConfig::V1(config());
        assert_noop!(Phat::configure_cluster(signed(3), C0, config.clone()), Error::<Test>::NotOwner);
        assert_noop!(Phat::add_member(signed(3), C0, worker(3)), Error::<Test>::NotOwner);
        assert_noop!(terminate_cluster(signed(3)), Error::<Test>::NotOwner);
        assert_noop!(Phat::resolve(signed(OWNER), C0, Default::default()), BadOrigin);
        assert_noop!(Phat::configure_cluster(signed(OWNER), ClusterId(7), config), Error::<Test>::NoCluster);
    });
}

#[test]
fn a_worker_joins_by_both_sides_will_and_only_once() {
    run(|| {
        register(3);
        let add = || Phat::add_member(signed(OWNER), C0, worker(3));
        assert_noop!(add(), Error::<Test>::NoConsent);
        assert_noop!(Phat::offer_worker(signed(4), worker(3), Some(C0)), Error::<Test>::NotOperator);
        assert_ok!(Phat::offer_worker(signed(3), worker(3), Some(C0)));
        assert_ok!(add());
        assert!(Phat::is_member(&worker(3)));
        assert_ok!(Phat::offer_worker(signed(3), worker(3), Some(C0)));
        assert_noop!(add(), Error::<Test>::AlreadyMember);
        assert_noop!(Phat::remove_member(signed(4), C0, worker(3)), Error::<Test>::NotOwner);
        assert_ok!(Phat::remove_member(signed(3), C0, worker(3)));
        assert!(!Phat::is_member(&worker(3)));
    });
}

#[test]
fn an_engine_never_falls_back() {
    run(|| {
        let configure = |engine_revision| {
            let config = ClusterConfigV1 { engine_revision, ..config() };
            Phat::configure_cluster(signed(OWNER), C0, ClusterConfig::V1(config))
        };
        assert_ok!(Phat::set_bounds(RuntimeOrigin::root(), Bounds { engine_revision: 3, ..bounds() }));
        assert_ok!(configure(3));
        assert_ok!(configure(3));
        assert_noop!(configure(2), Error::<Test>::ConfigOutOfBounds);
    });
}

#[test]
fn a_worker_without_a_lease_is_no_member_any_more() {
    run(|| {
        join(3);
        join(4);
        let before = Phat::next_index(C0);
        assert_ok!(Phat::evict(&worker(3)));
        assert_eq!(Members::<Test>::get(C0).to_vec(), [worker(4)]);
        assert_eq!(Phat::next_index(C0), before + 1, "its leaving is in the log");
        assert_ok!(Phat::evict(&worker(3)));
        assert_eq!(Phat::next_index(C0), before + 1);
    });
}

#[test]
fn governance_ends_a_cluster_too_and_the_owner_gets_the_deposit() {
    run(|| {
        join(3);
        let root: RootCertificate = vec![1; 2_048].try_into().unwrap();
        let http = HttpPolicy { extra_roots: vec![root].try_into().unwrap(), ..config().http };
        let permission = Permission::List(vec![phala_primitives::AccountId([7; 32])].try_into().unwrap());
        let wide = ClusterConfigV1 { http, permission, ..config() };
        assert_ok!(Phat::configure_cluster(signed(OWNER), C0, ClusterConfig::V1(wide)));
        assert_ok!(terminate_cluster(RuntimeOrigin::root()));
        let entry = Clusters::<Test>::get(C0).unwrap();
        let config = entry.latest().config.latest();
        assert_eq!(entry.latest().status, ClusterStatus::Terminated);
        assert_eq!((&config.permission, config.http.extra_roots.len()), (&Permission::OwnerOnly, 0));
        assert_eq!(held(HoldReason::Cluster, OWNER), 0);
        assert!(!Phat::is_member(&worker(3)));
        assert_noop!(terminate_cluster(RuntimeOrigin::root()), Error::<Test>::ClusterTerminated);
    });
}

#[test]
fn keys_are_bound_once() {
    run(|| {
        join(3);
        join(4);
        let commit = |n: u8, epoch, identity: u8| {
            let keys = KeyCommitment { identity: [identity; 32], epoch, epoch_root: [n; 32] };
            let signature = boot(n).sign(&key_commitment_digest(&Phat::genesis_hash(), C0, &keys));
            Phat::commit_keys(signed(9), C0, worker(n), keys, signature.0)
        };
        assert_noop!(commit(3, 1, 1), Error::<Test>::KeysRefused);
        assert_ok!(commit(3, 0, 1));
        assert_noop!(commit(4, 0, 1), Error::<Test>::KeysRefused);
        assert_noop!(commit(4, 1, 1), Error::<Test>::KeysRefused);
        let keys = KeyCommitment { identity: [1; 32], epoch: 1, epoch_root: [0; 32] };
        assert_noop!(Phat::commit_keys(signed(9), C0, worker(3), keys, [0; 64]), Error::<Test>::BadSignature);
        assert_noop!(Phat::commit_keys(signed(9), C0, worker(5), keys, [0; 64]), Error::<Test>::NotMember);
        assert_ok!(Phat::remove_member(signed(3), C0, worker(3)));
        let entry = Clusters::<Test>::get(C0).unwrap();
        let keys = entry.latest().keys.map(|keys| keys.epoch_root);
        assert_eq!((entry.latest().epoch, keys), (0, Some([3; 32])), "the keys outlive the member that drew them");
    });
}

#[test]
fn code_is_what_was_declared() {
    run(|| {
        let code = CodeHash([1; 32]);
        let chunks = [vec![1; 1 << 20], vec![2; 5]];
        let hashes: Vec<_> = chunks.iter().map(|chunk| blake2_256(chunk)).collect();
        let declare = |size, stored, hashes: &[[u8; 32]]| {
            Phat::declare_code(signed(OWNER), C0, code, size, stored, hashes.to_vec().try_into().unwrap())
        };
        assert_noop!(declare((3 << 20) + 1, 10, &hashes[..1]), Error::<Test>::CodeTooLarge);
        assert_noop!(declare(10, (1 << 20) + 5, &hashes[..1]), Error::<Test>::BadChunks);
        assert_noop!(declare(10, 0, &[]), Error::<Test>::BadChunks);
        let restricted = ClusterConfigV1 { deposit_per_byte: 0, permission: Permission::OwnerOnly, ..config() };
        assert_ok!(Phat::configure_cluster(signed(OWNER), C0, ClusterConfig::V1(restricted)));
        assert_noop!(
            Phat::declare_code(signed(USER), C0, code, 10, 5, hashes[..1].to_vec().try_into().unwrap()),
            Error::<Test>::NotPermitted
        );
        assert_ok!(declare(2 << 20, (1 << 20) + 5, &hashes));
        assert_noop!(declare(2 << 20, (1 << 20) + 5, &hashes), Error::<Test>::UploadExists);
        let send =
            |n, i: u32, bytes: &Vec<u8>| Phat::upload_chunk(signed(n), C0, code, i, bytes.clone().try_into().unwrap());
        assert_noop!(send(USER, 0, &chunks[0]), Error::<Test>::NoUpload);
        assert_noop!(send(OWNER, 0, &chunks[1]), Error::<Test>::WrongChunk);
        assert_noop!(send(OWNER, 2, &chunks[1]), Error::<Test>::WrongChunk);
        assert_ok!(send(OWNER, 1, &chunks[1]));
        assert_noop!(send(OWNER, 1, &chunks[1]), Error::<Test>::ChunkExists);
        let before = Phat::next_index(C0);
        assert_ok!(send(OWNER, 0, &chunks[0]));
        assert_eq!(Phat::next_index(C0), before + 1, "the upload is in the log");
        let make = || Phat::instantiate(signed(OWNER), C0, code, plain(1), 1_000, 0, 0);
        assert_noop!(make(), Error::<Test>::NoCode);
        join(3);
        assert_ok!(send_report(3, report(Status::Success)));
        assert_ok!(make());
        assert_noop!(declare(2 << 20, (1 << 20) + 5, &hashes), Error::<Test>::CodeExists);
        assert_noop!(Phat::remove_code(signed(OWNER), C0, code), Error::<Test>::CodeInUse);
    });
}

#[test]
fn bad_messages_are_refused_before_anything_is_paid() {
    run(|| {
        let id = instantiate(upload(1));
        let sealed =
            |epoch| Payload::Sealed(Sealed { epoch, enc: [0; 32], ciphertext: vec![0; 10].try_into().unwrap() });
        let send = |id, payload, gas| Phat::command(signed(USER), id, payload, gas, 0);
        assert_noop!(send(ContractId([9; 32]), plain(1), 1), Error::<Test>::NoContract);
        assert_noop!(send(id, plain(65), 1), Error::<Test>::PayloadTooLarge);
        assert_noop!(send(id, plain(64), 1_001), Error::<Test>::GasTooHigh);
        assert_noop!(send(id, sealed(1), 1), Error::<Test>::WrongEpoch);
        assert_noop!(send(id, sealed(0), 1), Error::<Test>::NotReady);
        let code = CodeHash([1; 32]);
        let make = |payload| Phat::instantiate(signed(USER), C0, code, payload, 1, 0, 0);
        assert_noop!(make(sealed(0)), Error::<Test>::SealedConstructor);

        join(3);
        let keys = vec![(id, CommandKey { epoch: 0, kem: [5; 32] })].try_into().unwrap();
        assert_ok!(send_report(3, ReportV1 { command_keys: keys, ..report(Status::Success) }));
        assert_ok!(send(id, sealed(0), 1));
        join(4);
        assert_ok!(Phat::remove_member(signed(3), C0, worker(3)));
        assert_ok!(send(id, sealed(0), 1));
        assert_noop!(send(id, sealed(1), 1), Error::<Test>::WrongEpoch);
        assert_ok!(send(id, plain(64), 1_000));
    });
}
