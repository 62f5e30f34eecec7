//! The worker as a pure state machine: the cluster's log in; state, reports and answers out.
//!
//! ```text
//! Worker  ── want() ──▶ the daemon asks nodes, peers and the platform ── step(input, now) ──▶ effects
//!   │ executes the log: Executor ─▶ CallHost ─▶ phat_engine      state: Overlay ─▶ Tree ─▶ Store
//!   └ publishes a View ─▶ Queries: sessions, answers, hand-over of keys
//! ```
//!
//! No sockets, no clock, no randomness of its own: all of these are arguments, so that whole networks run in a test with virtual
//! time. Nothing that comes in is believed: the chain by the light client's proofs, bodies by their hash, code by its hash,
//! the disk by seals and the root of the state.

mod chain;
mod checkpoint;
mod cluster;
mod exchange;
mod execute;
mod following;
mod host;
pub mod memory;
mod node_cache;
mod outside;
mod overlay;
mod queries;
mod record;
mod sessions;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tree;
mod view;
mod worker;

pub use cluster::Codes;
pub use exchange::{Effect, Input, Page, Submission, Want};
pub use following::Executed;
pub use host::{CallHost, Event, Line};
pub use outside::Outside;
pub use queries::{Accepted, Deadline, Members, Queries, QueryError};
pub use tree::StateFault;
pub use view::View;
pub use worker::{Config, Parts, Phase, StepError, Worker};
