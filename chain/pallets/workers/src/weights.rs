//! Weights of the calls.
//!
//! **Provisional.** `cargo xtask weights` measures and writes this file anew. Until it has been run on reference hardware, the
//! figures are built up from parts, on the safe side:
//!
//! - storage: the runtime's `DbWeight` for each read and write that the call makes, counted by hand;
//! - proof size: the largest encoding of what is read, plus `TRIE` for the nodes on the way;
//! - a call's own work: `CALL`, five times what the SDK publishes for `pallet_balances::transfer_allow_death` without storage;
//! - evidence: `QUOTE`, twice the design's budget of 15 ms for one verification, and `HASHED_BYTE` for hashing and indexing.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Own work of a call, in picoseconds.
const CALL: u64 = 250_000_000;
/// Verification of a quote with its certificates and collateral, in picoseconds.
const QUOTE: u64 = 30_000_000_000;
/// Hashing and off-chain indexing of a byte, in picoseconds.
const HASHED_BYTE: u64 = 10_000;
/// Trie nodes beside one value, in bytes.
const TRIE: u64 = 2_500;
/// Largest encoding of the policy, in bytes.
const POLICY: u64 = 40_000;

/// What the calls weigh.
pub trait WeightInfo {
    /// See [`crate::Pallet::register`]; without keeping the evidence.
    fn register() -> Weight;
    /// Hashing and indexing of evidence. `e`: its length in bytes.
    fn store_evidence(e: u32) -> Weight;
    /// See [`crate::Pallet::deregister`].
    fn deregister() -> Weight;
    /// See [`crate::Pallet::set_endpoint`].
    fn set_endpoint() -> Weight;
    /// See [`crate::Pallet::expire`].
    fn expire() -> Weight;
    /// See [`crate::Pallet::set_policy`].
    fn set_policy() -> Weight;
    /// See [`crate::Pallet::add_measurement`] and its siblings.
    fn change_policy() -> Weight;
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

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    fn register() -> Weight {
        // Reads: genesis hash, policy, block hash (twice), registry, retired, boot owner, time, account, holds.
        // Writes: both boot owners, registry, retired, account, holds.
        Self::of(QUOTE, POLICY, 10, 6)
    }

    fn store_evidence(e: u32) -> Weight {
        Weight::from_parts(HASHED_BYTE.saturating_mul(e.into()), 0)
    }

    fn deregister() -> Weight {
        Self::of(0, 2_000, 5, 5)
    }

    fn set_endpoint() -> Weight {
        Self::of(0, 1_000, 2, 1)
    }

    fn expire() -> Weight {
        // Besides what `deregister` does: policy; the cluster that it leaves, with an append to its log.
        Self::of(CALL, POLICY, 15, 15)
    }

    fn set_policy() -> Weight {
        Self::of(0, POLICY, 0, 1)
    }

    fn change_policy() -> Weight {
        Self::of(0, POLICY, 1, 1)
    }
}
