//! Benchmarks of all calls, each on its longest way. `cargo xtask weights` runs them.
//!
//! `report` has several: one for each kind of message that it settles, one for the command keys in it, one for the members that
//! contradicted it, and two for reports that do not take effect. [`Effect::weight`] puts them together.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a benchmark that is wrong fails")]

mod calls;
mod setup;

use phala_primitives::{BootSign, WorkerId};

use crate::*;

/// Makes what the registry of workers would.
pub trait BenchmarkHelper<AccountId> {
    /// Gives a worker of this operator a live boot with this signing key.
    fn register(worker: &WorkerId, operator: &AccountId, boot: BootSign);
}
