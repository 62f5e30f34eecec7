//! The log: hashes, bodies, boundaries.

use frame_support::assert_noop;
use phala_primitives::{
    LogHead, Message, Wire,
    message::{Kind, Origin},
    offchain_key::{LogBody, log_body},
};
use sp_core::offchain::{OffchainDbExt, testing::TestOffchainExt};

use super::*;

#[test]
fn a_genesis_cluster_begins_its_log_in_the_first_block() {
    run(|| {
        assert_eq!(Phat::next_index(C0), 1);
        assert_eq!(InitialClusters::<Test>::get().len(), 0);
        assert_eq!(held(HoldReason::Cluster, OWNER), 1_000);
        let boundary = Boundaries::<Test>::get(C0, 1).unwrap();
        assert_eq!(boundary.block, 1);
    });
}

#[test]
fn bodies_fold_from_genesis_to_the_head() {
    let (offchain, _) = TestOffchainExt::new();
    let mut ext = ext();
    ext.register_extension(OffchainDbExt::new(offchain));
    let (head, genesis) = ext.execute_with(|| {
        let contract = instantiate(upload(1));
        next_block();
        assert_ok!(command(contract, 5));
        (LogHeads::<Test>::get(C0).unwrap(), Phat::genesis_hash())
    });
    ext.persist_offchain_overlay();
    let db = ext.offchain_db();
    let (mut hash, mut messages) = (head.hash, Vec::new());
    for index in (0..head.next_index).rev() {
        let body = db.get(&log_body(C0, index, &hash)).unwrap();
        let body: LogBody = codec::Decode::decode(&mut &body[..]).unwrap();
        let Message::V1(message) = Message::from_wire(&body.message).unwrap();
        assert_eq!(message.index, index);
        if index == head.next_index - 1 {
            assert_eq!((message.block, message.time_ms), (3, 18_000));
            assert_eq!(message.origin, Origin::Account(phala_primitives::AccountId([USER; 32])));
            assert!(matches!(message.kind, Kind::Command(_)));
        }
        hash = body.parent;
        messages.push(body.message);
    }
    messages.reverse();
    let start = LogHead::genesis(&genesis, C0);
    assert_eq!(hash, start.hash);
    let folded = messages.iter().try_fold(start, |head, message| head.append(message)).unwrap();
    assert_eq!(folded, head);
}

#[test]
fn a_boundary_per_block_and_where_a_report_can_reach_no_further() {
    run(|| {
        let contract = instantiate(upload(1));
        let start = Phat::next_index(C0);
        assert!(Boundaries::<Test>::get(C0, start - 1).is_none(), "it moved along inside the block");
        next_block();
        for _ in 0..300 {
            assert_ok!(command(contract, 0));
        }
        let boundaries: Vec<_> = (start..=start + 300).filter(|i| Boundaries::<Test>::contains_key(C0, i)).collect();
        assert_eq!(boundaries, [start, start + 256, start + 300]);
    });
}

#[test]
fn messages_wait_only_up_to_the_bound() {
    run(|| {
        let contract = instantiate(upload(1));
        assert_ok!(Phat::set_bounds(RuntimeOrigin::root(), Bounds { backlog: 4, ..bounds() }));
        assert_ok!(command(contract, 0));
        assert_noop!(command(contract, 0), Error::<Test>::Backlogged);
    });
}

#[test]
fn users_cannot_lock_the_owner_out() {
    run(|| {
        let contract = instantiate(upload(1));
        let waiting = Phat::next_index(C0);
        let backlog = waiting as u32;
        assert_ok!(Phat::set_bounds(RuntimeOrigin::root(), Bounds { backlog, ..bounds() }));
        assert_noop!(command(contract, 0), Error::<Test>::Backlogged);
        join(3);
        join(4);
        assert_ok!(Phat::remove_member(signed(3), C0, worker(3)));
        let configure = || Phat::configure_cluster(signed(OWNER), C0, ClusterConfig::V1(config()));
        while Phat::next_index(C0) < waiting + crate::log::OWNER_RESERVE {
            assert_ok!(configure());
        }
        assert_noop!(configure(), Error::<Test>::Backlogged);
        assert_noop!(Phat::remove_member(signed(4), C0, worker(4)), Error::<Test>::Backlogged);
        assert_ok!(Phat::offer_worker(signed(3), worker(3), Some(C0)));
        assert_noop!(Phat::add_member(signed(OWNER), C0, worker(3)), Error::<Test>::Backlogged);
        assert_ok!(Phat::evict(&worker(4)));
    });
}

/// The same code under other chunks: members unpack those that the message of the upload names.
#[test]
fn an_upload_names_its_chunks() {
    let (offchain, _) = TestOffchainExt::new();
    let mut ext = ext();
    ext.register_extension(OffchainDbExt::new(offchain));
    let heads = ext.execute_with(|| {
        [(OWNER, 1), (USER, 9)].map(|(n, byte)| {
            send_code(n, CodeHash([1; 32]), byte);
            LogHeads::<Test>::get(C0).unwrap()
        })
    });
    ext.persist_offchain_overlay();
    let db = ext.offchain_db();
    let chunks = heads.map(|head| {
        let body = db.get(&log_body(C0, head.next_index - 1, &head.hash)).unwrap();
        let body: LogBody = codec::Decode::decode(&mut &body[..]).unwrap();
        let Message::V1(message) = Message::from_wire(&body.message).unwrap();
        let Kind::Upload(upload) = message.kind else { panic!("an upload") };
        upload.chunks.to_vec()
    });
    assert_eq!(chunks, [vec![blake2_256(&[1; 10])], vec![blake2_256(&[9; 10])]]);
}
