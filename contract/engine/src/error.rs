//! Why code is refused, and why a call was given up.

/// Why bytes are not code that this engine runs. All of it is decided by the bytes and the engine revision alone, so every worker of a
/// cluster refuses the same code for the same reason. Never worth a retry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Longer than the limit, in bytes.
    #[error("the component has {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Neither a module nor a component, or a module where a component belongs.
    #[error("not a WebAssembly component")]
    NotAComponent,
    /// Does not validate under the features of the engine revision.
    #[error("invalid at byte {offset}: {message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where, in bytes from the start of the component.
        offset: usize,
    },
    /// Imports something that is not part of the world.
    #[error("imports `{0}`, which is not part of the world phala:contract/phat-contract@0.1.0")]
    UnknownImport(String),
    /// Imports of the right names with wrong types, or exports missing or of wrong types.
    #[error("does not fit the world phala:contract/phat-contract@0.1.0: {0}")]
    WrongWorld(String),
    /// Uses a part of the component model that this revision does not run.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// A count or size in the component's structure is over its limit.
    #[error("{what}: {found}, the limit is {limit}")]
    Structure {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The compiler gave up although the component validates.
    #[error("does not compile: {0}")]
    Compile(String),
}

impl From<wasmparser::BinaryReaderError> for CodeError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Invalid { message: error.message().to_owned(), offset: error.offset() }
    }
}

/// The host failed in a way that another worker, or the same one a moment later, might not have: the whole step must be given up and
/// tried again. **Never** to be turned into a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("host failure: {0}")]
pub struct HostFailure(pub String);
