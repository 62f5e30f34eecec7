//! Chains in memory, with real headers, real GRANDPA votes and real tries: for tests, benches and simulations.
//!
//! What these make verifies; tests then break it on purpose.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "makes the input of tests: a panic here is a failed test"
)]

mod chain;
mod messages;
mod state;

pub use chain::{TestChain, Vote, justify, validators};
pub use messages::TestLog;
pub use state::TestState;

/// The keys that validators and recovery keys sign with.
pub type KeyPair = sp_core::ed25519::Pair;
