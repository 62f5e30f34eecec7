//! Why a step did nothing. There are three kinds, by who can do something about it.

use phala_light_client::{AdvanceError, ReadError, Remedy, log::FoldError};
use phat_engine::HostFailure;

use crate::{checkpoint::CheckpointError, store::StoreError, tree::StateFault};

/// Why a step did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The node lied, is behind, or is damaged: ask another one. The text says which check failed.
    #[error("the node's answer was refused: {0}")]
    Node(String),
    /// The host's storage, memory or platform failed: try again later.
    #[error("{0}")]
    Host(String),
    /// The operator has to do something; until then nothing will change.
    #[error("{0}")]
    Operator(String),
}

impl From<AdvanceError> for StepError {
    fn from(error: AdvanceError) -> Self {
        by_remedy(error.remedy(), error.to_string())
    }
}

impl From<ReadError> for StepError {
    fn from(error: ReadError) -> Self {
        by_remedy(error.remedy(), error.to_string())
    }
}

impl From<FoldError> for StepError {
    fn from(error: FoldError) -> Self {
        by_remedy(error.remedy(), error.to_string())
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Host(error.to_string())
    }
}

impl From<HostFailure> for StepError {
    fn from(error: HostFailure) -> Self {
        Self::Host(error.to_string())
    }
}

impl From<StateFault> for StepError {
    fn from(fault: StateFault) -> Self {
        match fault {
            StateFault::Store(error) => error.into(),
            StateFault::Damaged(_) => Self::Operator(format!(
                "{fault}; move the data directory away: the worker then starts from the log, nothing is lost"
            )),
        }
    }
}

impl From<CheckpointError> for StepError {
    fn from(error: CheckpointError) -> Self {
        Self::Operator(error.to_string())
    }
}

fn by_remedy(remedy: Remedy, text: String) -> StepError {
    match remedy {
        Remedy::AskAnotherNode => StepError::Node(text),
        Remedy::NeedsAnchor => StepError::Operator(format!("{text}; give the worker a signed recovery anchor")),
        Remedy::Upgrade => StepError::Operator(format!("{text}; upgrade the worker")),
        _ => StepError::Operator(text),
    }
}
