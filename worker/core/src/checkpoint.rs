//! What the worker goes on from after a restart, sealed under the cluster's keys.

use codec::{Decode, Encode};
use phala_crypto::SealKey;
use phala_primitives::{
    ClusterId, ContractId, Hash256, LogHead, Receipt,
    cluster::ClusterConfig,
    report::CommandKey,
    wire::{Wire, WireError},
};

use crate::execute::Mark;

const CONTEXT: &[u8] = b"checkpoint";

/// A position in the log, with the state there and what is still to be reported.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Checkpoint {
    /// The first version.
    #[codec(index = 1)]
    V1(CheckpointV1),
}

/// See [`Checkpoint`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CheckpointV1 {
    /// The chain.
    pub genesis: Hash256,
    /// The cluster.
    pub cluster: ClusterId,
    /// Up to where the log is executed.
    pub position: LogHead,
    /// Root of the state there.
    pub root: Hash256,
    /// The configuration that the log has set.
    pub config: Option<ClusterConfig>,
    /// Receipts that no effective report covers.
    pub receipts: Vec<Receipt>,
    /// Boundaries at which such a report may end.
    pub marks: Vec<Mark>,
    /// Command keys for such a report: message, contract, key.
    pub command_keys: Vec<(u64, ContractId, CommandKey)>,
}

impl Wire for Checkpoint {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 64 * 1024 * 1024;
}

/// Why a checkpoint cannot be used. Nothing is deleted: the operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It was not sealed by this cluster's keys, or was changed.
    #[error(
        "the checkpoint does not open with the cluster's keys: the data directory is damaged or of another cluster; move it away to start from the log"
    )]
    Sealed,
    /// A newer worker wrote it, or it is damaged.
    #[error(
        "the checkpoint cannot be read ({0}): the data directory was written by another version; run that one, or move the directory away to start from the log"
    )]
    Wire(WireError),
    /// It is of another chain or cluster.
    #[error("the checkpoint is of another chain or cluster: give this worker a data directory of its own")]
    Foreign,
}

impl Checkpoint {
    /// Sealed, with a fresh nonce.
    pub fn seal(&self, key: &SealKey, rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng)) -> Vec<u8> {
        key.seal_fresh(CONTEXT, &self.encode(), rng)
    }

    /// What was sealed, if it belongs here.
    pub fn open(
        bytes: &[u8],
        key: &SealKey,
        genesis: &Hash256,
        cluster: ClusterId,
    ) -> Result<CheckpointV1, CheckpointError> {
        let plain = key.open_fresh(CONTEXT, bytes).map_err(|_| CheckpointError::Sealed)?;
        let Self::V1(checkpoint) = Self::from_wire(&plain).map_err(CheckpointError::Wire)?;
        let ours = checkpoint.genesis == *genesis && checkpoint.cluster == cluster;
        if ours { Ok(checkpoint) } else { Err(CheckpointError::Foreign) }
    }
}
