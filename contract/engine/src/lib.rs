//! Runs Phat Contracts: Wasmtime components with exact gas, bounded memory and a trait for their world.
//!
//! The world is `contract/wit`. An [`Engine`] of a [`Revision`] checks, meters and compiles components to [`Code`], and calls it in a fresh instance each time. What a contract may
//! do goes through the [`Host`] trait; how it ends is an [`Outcome`], and what of it was not the contract's doing is a [`HostFailure`].
//!
//! What a call computes and costs is a function of code, input, state, limits and revision, and of nothing else. How that is so is told in `structure` (what code may
//! look like), `metering` (gas and stack), `stack` (why the native one never ends first), `revision` (the compiler) and `price`.
//!
//! The engine has no clock, no network and no threads but those that [`Stack`] starts for its callers.

mod compiled;
mod engine;
mod error;
mod host;
mod limits;
mod link;
mod metering;
mod outcome;
mod price;
mod revision;
mod run;
mod stack;
mod structure;
mod world;

pub use compiled::Compiled;
pub use engine::{Code, Engine, Entry};
pub use error::{CodeError, HostFailure};
pub use host::{Caller, Ending, Host, Id, OutOfSpace, Step};
pub use limits::Limits;
pub use outcome::{Finished, Outcome, Trap};
pub use price::FETCH as FETCH_GAS;
pub use revision::{Pool, Revision};
pub use stack::Stack;
pub use world::{
    Action, ActionError, Amount, Assurance, CallMode, ContractError, CryptoError, HashKind, HttpError, KeyError,
    KeyKind, Level, Options, Request, Response, StorageError, VrfOutput, WorkerInfo,
};
