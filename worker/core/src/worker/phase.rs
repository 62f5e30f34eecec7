//! How far a worker has come on its way to answers.
//!
//! ```text
//! Syncing ─▶ Registering ─▶ Joining ─▶ Keyless ─▶ Following
//!                 ▲______________|_________|__________|        whenever the registry no longer names this boot
//!
//! any of them ─▶ Ended                                         when the cluster has ended
//! ```
//!
//! The phase is not kept: it is found again after each read, from what the chain says and from what the worker has.

use phala_primitives::cluster::ClusterStatus;

use super::{error::StepError, identity::Identity};
use crate::chain::Chain;

/// How far a worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It has not proven any state yet.
    Syncing,
    /// The registry does not name this boot yet.
    Registering,
    /// It is registered, and no member of the cluster yet.
    Joining,
    /// It is a member without the cluster's keys.
    Keyless,
    /// It follows the log and answers.
    Following,
    /// The cluster has ended.
    Ended,
}

impl Phase {
    /// By what the chain says; `follows` is whether the worker has the keys and its place in the log.
    pub(super) fn at(chain: &Chain, identity: &Identity, follows: bool) -> Result<Self, StepError> {
        let Some(cluster) = &chain.cluster else {
            return Err(StepError::Operator(format!(
                "there is no cluster {}: check the configuration",
                identity.config.cluster
            )));
        };
        Ok(if cluster.status == ClusterStatus::Terminated {
            Self::Ended
        } else if !identity.is_live(chain) {
            Self::Registering
        } else if !chain.members.contains(&identity.worker) {
            Self::Joining
        } else if !follows {
            Self::Keyless
        } else {
            Self::Following
        })
    }
}
