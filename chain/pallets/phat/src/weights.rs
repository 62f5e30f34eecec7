//! Weights of the calls.
//!
//! **Provisional.** `cargo xtask weights` measures and writes this file anew. Until it has been run on reference hardware, the
//! figures are built up from parts, on the safe side:
//!
//! - storage: the runtime's `DbWeight` for each read and write that the call makes, counted by hand;
//! - proof size: the largest encodings of what is read, plus `TRIE` for the nodes on the way;
//! - a call's own work: `CALL`, five times what the SDK publishes for `pallet_balances::transfer_allow_death` without storage, and
//!   `PART` for each message, command key or member of which there can be many;
//! - `BYTE` for encoding, hashing and indexing a byte, `SIGNATURE` for an ed25519 verification.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};
use phala_primitives::cluster::MAX_MEMBERS;

/// Own work of a call, in picoseconds.
const CALL: u64 = 250_000_000;
/// Own work for a message, command key or member, in picoseconds.
const PART: u64 = 150_000_000;
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
/// Reads of an append: head, reported, bounds, genesis hash, time, open boundary. Writes: head, open boundary, two boundaries.
const APPEND: (u64, u64) = (6, 4);
/// The members of the largest cluster.
const ALL: u64 = MAX_MEMBERS as u64;
/// Reads of a settlement: the message, its payer's account and holds, the contract, its code. Writes: the same, the boundary after
/// it, the command key.
const SETTLEMENT: (u64, u64) = (5, 7);
/// Reads of a report besides: cluster, membership, boot, genesis hash, reported, boundary, vote, members, the pot, the accounts that
/// get the gas. Writes: vote, reported, its digest, the cluster, the pot, the accounts that get the gas.
const REPORT: (u64, u64) = (11, 7);

macro_rules! weights {
    ($( $name:ident($($arg:ident)?): $time:expr, $proof:expr, $reads:expr, $writes:expr; )*) => {
        /// What the calls weigh. `b`: bytes of a chunk. `p`: bytes of a payload. `m`: messages, `k`: command keys of a report.
        /// `s`: members that are suspended. `v`: members of a cluster.
        pub trait WeightInfo {
            $(
                #[doc = concat!("The benchmark `", stringify!($name), "`.")]
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

/// `base + each × count`.
const fn line(base: u64, each: u64, count: u64) -> u64 {
    base.saturating_add(each.saturating_mul(count))
}

weights! {
    create_cluster(): line(0, BYTE, CLUSTER), CLUSTER, line(6, 1, APPEND.0), line(6, 1, APPEND.1);
    configure_cluster(): line(0, BYTE, CLUSTER), line(MEMBERS, 1, CLUSTER), line(3, 1, APPEND.0), line(ALL, 1, APPEND.1);
    offer_worker(): 0, CLUSTER, 3, 1;
    add_member(): PART, line(MEMBERS, 1, CLUSTER), line(6, 1, APPEND.0), line(3, 1, APPEND.1);
    remove_member(): PART, line(MEMBERS, 1, CLUSTER), line(5, 1, APPEND.0), line(4, 1, APPEND.1);
    commit_keys(): SIGNATURE, CLUSTER, 4, 1;
    declare_code(): 0, CLUSTER, 5, 3;
    upload_chunk(b): line(0, BYTE, b), CLUSTER, line(4, 1, APPEND.0), line(1, 1, APPEND.1);
    remove_code(): 0, CLUSTER, 4, 3;
    instantiate(p): line(0, BYTE, p), CLUSTER, line(8, 1, APPEND.0), line(6, 1, APPEND.1);
    command(p): line(0, BYTE, p), CLUSTER, line(7, 1, APPEND.0), line(4, 1, APPEND.1);
    upgrade(p): line(0, BYTE, p), CLUSTER, line(8, 1, APPEND.0), line(5, 1, APPEND.1);
    terminate_contract(): 0, CLUSTER, line(8, 1, APPEND.0), line(8, 1, APPEND.1);
    terminate_cluster(v): 0, line(MEMBERS, 1, CLUSTER), line(6, 1, APPEND.0), line(line(6, 1, APPEND.1), 3, v);
    report_vote(): SIGNATURE, line(MEMBERS, 1, CLUSTER), line(REPORT.0, 3, ALL), line(REPORT.1, 1, ALL);
    report_late(): line(PART, 1, SIGNATURE), line(MEMBERS, 1, CLUSTER), line(REPORT.0, 1, APPEND.0), line(5, 1, APPEND.1);
    report_instantiates(m): line(SIGNATURE, PART, m), line(MEMBERS, 1, CLUSTER),
        line(REPORT.0, SETTLEMENT.0, m), line(REPORT.1, SETTLEMENT.1, m);
    report_upgrades(m): line(SIGNATURE, PART, m), line(MEMBERS, 1, CLUSTER),
        line(REPORT.0, SETTLEMENT.0, m), line(REPORT.1, SETTLEMENT.1, m);
    report_terminates(m): line(SIGNATURE, PART, m), line(MEMBERS, 1, CLUSTER),
        line(REPORT.0, SETTLEMENT.0, m), line(REPORT.1, SETTLEMENT.1, m);
    report_keys(k): line(SIGNATURE, BYTE, k), line(MEMBERS, 1, CLUSTER), line(REPORT.0, 2, k), line(REPORT.1, 1, k);
    report_suspends(s): line(SIGNATURE, PART, s), line(MEMBERS, 1, CLUSTER),
        line(line(REPORT.0, 3, ALL), 1, s), line(line(line(REPORT.1, 2, ALL), 1, APPEND.1), 3, s);
    refund_expired(): 0, 0, 3, 3;
    reclaim(): 0, CLUSTER, 8, 9;
    reclaim_contract(): 0, CLUSTER, 7, 8;
    resolve(s): line(0, PART, s), line(MEMBERS, 1, CLUSTER),
        line(line(APPEND.0, 2, ALL), 1, s), line(line(line(3, 2, ALL), 1, APPEND.1), 3, s);
    set_bounds(): 0, 0, 0, 1;
}
