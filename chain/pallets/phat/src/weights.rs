//! Weights of the calls.
//!
//! **Provisional.** The benchmarks of this pallet have not been run on reference hardware yet; running them regenerates this
//! file. Until then the figures are built up from parts, on the safe side:
//!
//! - storage: the runtime's `DbWeight` for each read and write that the call makes, counted by hand and rounded up;
//! - proof size: the largest encodings of what is read, plus `TRIE` for the nodes on the way;
//! - a call's own work: `CALL`, five times what the SDK publishes for `pallet_balances::transfer_allow_death` without storage;
//! - `BYTE` for encoding, hashing and indexing a byte, `SIGNATURE` for an ed25519 verification, `MEMBER` for a member's vote.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};
use phala_primitives::cluster::MAX_MEMBERS;

/// Own work of a call, in picoseconds.
const CALL: u64 = 250_000_000;
/// Hashing and off-chain indexing of a byte, in picoseconds.
const BYTE: u64 = 10_000;
/// Verification of an ed25519 signature, in picoseconds.
const SIGNATURE: u64 = 100_000_000;
/// Trie nodes beside one value, in bytes.
const TRIE: u64 = 2_500;
/// Largest encoding of a cluster's entry, in bytes.
const CLUSTER: u64 = 11_000;
/// Largest encoding of a cluster's members, in bytes.
const MEMBERS: u64 = 2_100;
/// Reads and writes of an append: head, reported, bounds, genesis hash, time, open boundary, two boundaries.
const APPEND: (u64, u64) = (6, 4);

macro_rules! weights {
    ($( $name:ident($($arg:ident)?): $time:expr, $proof:expr, $reads:expr, $writes:expr; )*) => {
        /// What the calls weigh. An argument is a length: bytes of the payload or chunk, or messages of the report.
        pub trait WeightInfo {
            $(
                #[doc = concat!("See [`crate::Pallet::", stringify!($name), "`].")]
                fn $name($($arg: u32)?) -> Weight;
            )*
        }

        impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
            $( fn $name($($arg: u32)?) -> Weight {
                $( let $arg = u64::from($arg); )?
                Self::of($time, $proof, $reads, $writes)
            } )*
        }
    };
}

/// See the [module documentation](self).
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    fn of(time: u64, proof: u64, reads: u64, writes: u64) -> Weight {
        let proof = proof.saturating_add(TRIE.saturating_mul(reads));
        Weight::from_parts(CALL.saturating_add(time), proof)
            .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

/// A vote of each member is read, and in the worst case each is removed, and all but one suspended.
const VOTES: u64 = MAX_MEMBERS as u64;

weights! {
    create_cluster(): BYTE.saturating_mul(CLUSTER), CLUSTER, APPEND.0.saturating_add(6), APPEND.1.saturating_add(6);
    configure_cluster(): BYTE.saturating_mul(CLUSTER), CLUSTER, APPEND.0.saturating_add(2), APPEND.1.saturating_add(1);
    offer_worker(): 0, CLUSTER, 3, 1;
    add_member(): 0, CLUSTER.saturating_add(MEMBERS), APPEND.0.saturating_add(6), APPEND.1.saturating_add(3);
    remove_member(): 0, CLUSTER.saturating_add(MEMBERS), APPEND.0.saturating_mul(2).saturating_add(5),
        APPEND.1.saturating_mul(2).saturating_add(4);
    commit_keys(): SIGNATURE, CLUSTER, 4, 1;
    rotate(): 0, CLUSTER, APPEND.0.saturating_add(2), APPEND.1.saturating_add(1);
    declare_code(): 0, CLUSTER, 5, 3;
    upload_chunk(b): BYTE.saturating_mul(b), CLUSTER, APPEND.0.saturating_add(4), APPEND.1.saturating_add(1);
    remove_code(): 0, CLUSTER, 4, 3;
    instantiate(p): BYTE.saturating_mul(p), CLUSTER, APPEND.0.saturating_add(8), APPEND.1.saturating_add(6);
    command(p): BYTE.saturating_mul(p), CLUSTER, APPEND.0.saturating_add(7), APPEND.1.saturating_add(4);
    upgrade(p): BYTE.saturating_mul(p), CLUSTER, APPEND.0.saturating_add(8), APPEND.1.saturating_add(5);
    terminate_contract(): 0, CLUSTER, APPEND.0.saturating_add(8), APPEND.1.saturating_add(8);
    terminate_cluster(): 0, CLUSTER.saturating_add(MEMBERS), APPEND.0.saturating_add(6),
        APPEND.1.saturating_add(6).saturating_add(VOTES.saturating_mul(2));
    report(m): SIGNATURE.saturating_add(CALL.saturating_mul(m)), CLUSTER.saturating_add(MEMBERS),
        VOTES.saturating_mul(14).saturating_add(m.saturating_mul(9)).saturating_add(14),
        VOTES.saturating_mul(14).saturating_add(m.saturating_mul(12)).saturating_add(8);
    refund_expired(): 0, 0, 3, 3;
    reclaim(): 0, CLUSTER, 8, 9;
    reclaim_contract(): 0, CLUSTER, 7, 8;
    resolve(): 0, CLUSTER.saturating_add(MEMBERS), VOTES.saturating_mul(14), VOTES.saturating_mul(14);
    set_bounds(): 0, 0, 0, 1;
}
