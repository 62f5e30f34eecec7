//! Bounds of everything that a node may send. What lies above is refused before it costs anything.

/// Authorities of one set. Five to ten times what large Substrate networks run.
pub const MAX_AUTHORITIES: usize = 4096;

/// Votes per authority in a justification: an equivocator may have two, further ones prove nothing.
pub const MAX_VOTES_PER_AUTHORITY: usize = 2;

/// Headers between the lowest and the highest vote of a justification. Honest votes are a few blocks apart; a round in
/// which validators recover from a long stall is the exception that needs room.
pub const MAX_ANCESTRY: usize = 4096;

/// Steps of a finality proof: hand-offs, and the newest header.
pub const MAX_STEPS: usize = 1024;

/// An encoded finality proof, in bytes.
pub const MAX_FINALITY_PROOF_BYTES: usize = 8 * 1024 * 1024;

/// Heap that decoding may use, per byte of input: SCALE can say in one byte what takes 32 in memory.
pub const DECODE_MEMORY_FACTOR: usize = 4;

/// An encoded checkpoint or anchor, in bytes: an authority set, and little else.
pub const MAX_CHECKPOINT_BYTES: usize = MAX_AUTHORITIES * 40 + 8 * 1024;

/// Recovery keys of a network.
pub const MAX_RECOVERY_KEYS: usize = 32;

/// Trie nodes of a read proof.
pub const MAX_READ_NODES: usize = 16 * 1024;

/// All nodes of a read proof, in bytes.
pub const MAX_READ_BYTES: usize = 8 * 1024 * 1024;

/// Keys that one read proof may open.
pub const MAX_READ_KEYS: usize = 4096;

/// Nesting of a value that is decoded from the chain's state.
pub const MAX_VALUE_DEPTH: u32 = 32;

/// Bodies that one [`fold`](crate::log::fold) holds, in bytes. Longer stretches are surveyed and folded in chunks.
pub const MAX_FOLD_BYTES: usize = 32 * 1024 * 1024;

/// Messages of one chunk of a survey.
pub const MAX_CHUNK_MESSAGES: u64 = 16 * 1024;
