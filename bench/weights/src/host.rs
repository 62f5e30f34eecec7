//! The host functions that benchmarks call: those of `frame-benchmarking` 50 (`src/utils.rs`), declared once more.
//!
//! The names of the trait and of its methods make the names of the imports (`ext_benchmarking_…_version_1`), so they are the same.
//! To link that crate instead would mean to build the SDK's pallets with their benchmarks for this machine as well.

#![allow(clippy::all, dead_code, missing_docs, unused_mut, reason = "the macro makes the runtime's side as well")]

use std::{sync::LazyLock, time::Instant};

use sp_core::storage::TrackedStorageKey;
use sp_runtime_interface::{
    pass_by::{AllocateAndReturnByCodec, AllocateAndReturnPointer, PassFatPointerAndDecode, PassFatPointerAndRead},
    runtime_interface,
};

/// When this process began to measure. Benchmarks want differences only, and this clock never goes back.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[runtime_interface]
pub trait Benchmarking {
    /// Nanoseconds, little-endian.
    fn current_time() -> AllocateAndReturnPointer<[u8; 16], 16> {
        START.elapsed().as_nanos().to_le_bytes()
    }

    /// Back to the genesis state.
    fn wipe_db(&mut self) {
        self.wipe()
    }

    /// Commits what has changed, and forgets what has been cached.
    fn commit_db(&mut self) {
        self.commit();
    }

    /// Reads, repeated reads, writes, repeated writes.
    fn read_write_count(&self) -> AllocateAndReturnByCodec<(u32, u32, u32, u32)> {
        self.read_write_count()
    }

    /// Counts from zero again.
    fn reset_read_write_count(&mut self) {
        self.reset_read_write_count()
    }

    /// The keys that are not counted.
    fn get_whitelist(&self) -> AllocateAndReturnByCodec<Vec<TrackedStorageKey>> {
        self.get_whitelist()
    }

    /// Sets the keys that are not counted.
    fn set_whitelist(&mut self, new: PassFatPointerAndDecode<Vec<TrackedStorageKey>>) {
        self.set_whitelist(new)
    }

    /// Adds a key that is not counted.
    fn add_to_whitelist(&mut self, add: PassFatPointerAndDecode<TrackedStorageKey>) {
        let mut whitelist = self.get_whitelist();
        match whitelist.iter_mut().find(|known| known.key == add.key && known.child_trie_key == add.child_trie_key) {
            Some(known) => {
                known.reads += add.reads;
                known.writes += add.writes;
                known.whitelisted = known.whitelisted || add.whitelisted;
            }
            None => whitelist.push(add),
        }
        self.set_whitelist(whitelist);
    }

    /// Counts a key again.
    fn remove_from_whitelist(&mut self, remove: PassFatPointerAndRead<Vec<u8>>) {
        let mut whitelist = self.get_whitelist();
        whitelist.retain(|known| known.key != remove);
        self.set_whitelist(whitelist);
    }

    /// What was read and written, by prefix.
    fn get_read_and_written_keys(&self) -> AllocateAndReturnByCodec<Vec<(Vec<u8>, u32, u32, bool)>> {
        self.get_read_and_written_keys()
    }

    /// Bytes of a proof of what was read so far.
    fn proof_size(&self) -> AllocateAndReturnByCodec<Option<u32>> {
        self.proof_size()
    }
}
