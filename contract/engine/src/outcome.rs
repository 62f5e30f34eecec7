//! How calls end.

use crate::{HostFailure, world::ContractError};

/// What a call came to. In `init`, `command` and `migrate` equal on every worker.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost. Never more than the limit.
    pub gas_used: u64,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It returned an output. The only case in which its effects are kept.
    Ok(Vec<u8>),
    /// The contract refused.
    Err(ContractError),
    /// It was stopped.
    Trap(Trap),
}

/// Why a call was stopped.
///
/// Traps that the metered code raises on purpose cost what was used. The others ([`Trap::costs_all`]) cost the whole limit: the compiled code does not write its gas down
/// before every instruction that could fault, and a contract must not work in a loop and get away with it by a division by zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Trap {
    /// The gas is used up.
    #[error("out of gas")]
    OutOfGas,
    /// Too many functions within each other, by the counted stack.
    #[error("stack exhausted")]
    StackExhausted,
    /// It started with more memory than allowed, or gave up after it was refused more.
    #[error("out of memory")]
    OutOfMemory,
    /// It gave up: Rust's panic ends here.
    #[error("unreachable executed")]
    Unreachable,
    /// An access outside of its memory.
    #[error("memory access out of bounds")]
    Memory,
    /// A bad access to a table, or a bad indirect call.
    #[error("bad table access or indirect call")]
    Table,
    /// A division by zero, or an overflow in a division or conversion.
    #[error("arithmetic fault")]
    Arithmetic,
    /// Values handed to the host or back from an export are not what the component model wants: text that is no UTF-8, pointers outside of the memory, or more bytes than
    /// one call may hand over.
    #[error("malformed values at the boundary")]
    Boundary,
    /// The output is longer than allowed.
    #[error("output too long")]
    OutputTooLong,
    /// A query's time is over.
    #[error("timed out")]
    TimedOut,
}

impl Trap {
    /// Whether it costs the whole gas limit.
    pub const fn costs_all(self) -> bool {
        matches!(self, Self::OutOfGas | Self::Memory | Self::Table | Self::Arithmetic | Self::Boundary)
    }

    /// The reason for one of Wasmtime's traps; nothing if a metered contract cannot raise it, which makes it the host's fault.
    pub(crate) fn of(trap: wasmtime::Trap) -> Option<Self> {
        use wasmtime::Trap as T;
        Some(match trap {
            T::OutOfFuel => Self::OutOfGas,
            // The mark of `metering::overflow`; all others of a contract have become `unreachable`.
            T::BadConversionToInteger => Self::StackExhausted,
            T::UnreachableCodeReached => Self::Unreachable,
            T::MemoryOutOfBounds => Self::Memory,
            T::TableOutOfBounds | T::IndirectCallToNull | T::BadSignature => Self::Table,
            T::IntegerOverflow | T::IntegerDivisionByZero => Self::Arithmetic,
            T::CannotEnterComponent => Self::Boundary,
            T::Interrupt => Self::TimedOut,
            _ => return None,
        })
    }
}

/// What the functions of the world throw through a contract.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interruption {
    #[error("{0}")]
    Trap(Trap),
    #[error("{0}")]
    Abort(HostFailure),
}

impl From<HostFailure> for Interruption {
    fn from(failure: HostFailure) -> Self {
        Self::Abort(failure)
    }
}
