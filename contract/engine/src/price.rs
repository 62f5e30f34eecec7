//! What things cost, in gas. One unit is one WebAssembly instruction; instructions are counted by the compiled code itself.
//!
//! The prices belong to the engine revision: changing one is a new revision. Those of revision 1 are **estimates** at 0.5 ns for a unit,
//! rounded up, not yet measurements.

use crate::metering::{BURN_PER_CHUNK, BYTES_PER_CHUNK, CHUNKS_PER_PAGE};

/// A fresh instance: taking it from the pool, linking, and giving it back.
pub(crate) const INSTANCE: u64 = 20_000;
/// A function of the world, before its work.
pub(crate) const HOST_CALL: u64 = 400;
/// Reading a key, wherever the state lies.
pub(crate) const READ: u64 = 20_000;
/// Writing or deleting a key: its share of the new state root.
pub(crate) const WRITE: u64 = 60_000;
/// An entry of a scan.
pub(crate) const SCAN_ENTRY: u64 = 10_000;
/// A byte of a key or a value that is written, in addition to copying: sealing, hashing, disk.
pub(crate) const WRITE_BYTE: u64 = 20;
/// A public key or a derivation: HKDF and a multiplication.
pub(crate) const DERIVE: u64 = 150_000;
/// A signature.
pub(crate) const SIGN: u64 = 300_000;
/// A check of a signature, or a recovery.
pub(crate) const VERIFY: u64 = 300_000;
/// Output and proof of the VRF.
pub(crate) const VRF: u64 = 600_000;
/// A hash, before its bytes.
pub(crate) const HASH: u64 = 1_000;
/// A byte that is hashed, by the slowest of the algorithms.
pub(crate) const HASH_BYTE: u64 = 20;
/// An HTTP exchange.
pub const FETCH: u64 = 1_000_000;
/// An action: a signature and its way to the chain.
pub(crate) const ACTION: u64 = 600_000;
/// A transfer.
pub(crate) const TRANSFER: u64 = 100_000;
/// An event or a line of the log.
pub(crate) const EVENT: u64 = 5_000;

/// Copying bytes between the contract and the host, in either direction: as a bulk operation inside the contract.
pub(crate) fn copy(bytes: usize) -> u64 {
    chunks(bytes as u64)
}

/// Bytes at a price each, and their copying.
pub(crate) fn bytes(bytes: usize, each: u64) -> u64 {
    (bytes as u64).saturating_mul(each).saturating_add(copy(bytes))
}

/// What an instance starts with: its memory as if it had grown it, its tables and segments as if it had copied them.
pub(crate) fn start(memory_pages: u64, table_elements: u64, segment_bytes: u64) -> u64 {
    let pages = memory_pages.saturating_mul(CHUNKS_PER_PAGE).saturating_mul(BURN_PER_CHUNK);
    let copied = table_elements.saturating_mul(8).saturating_add(segment_bytes);
    pages.saturating_add(chunks(copied))
}

fn chunks(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_CHUNK).saturating_mul(BURN_PER_CHUNK)
}
