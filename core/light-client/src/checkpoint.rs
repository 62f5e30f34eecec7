//! The client as bytes, to go on from after a restart.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use phala_primitives::{
    Hash256,
    wire::{Wire, WireError},
};
use sp_consensus_grandpa::{AuthorityList, SetId};

use crate::{
    AuthoritySet, AuthoritySetError, Config, ConfigError, FinalizedHeader, LightClient, finality::decode_versioned,
    limits::MAX_CHECKPOINT_BYTES,
};

#[derive(Encode, Decode, DecodeWithMemTracking)]
enum Checkpoint {
    #[codec(index = 1)]
    V1 { genesis: Hash256, set_id: SetId, authorities: AuthorityList, finalized: Option<(u32, Hash256, Hash256)> },
}

impl Wire for Checkpoint {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_CHECKPOINT_BYTES;

    fn from_wire(bytes: &[u8]) -> Result<Self, WireError> {
        decode_versioned(bytes)
    }
}

/// Why a checkpoint cannot be used. [`Remedy::FixInput`](crate::Remedy::FixInput), all of them: starting from the genesis
/// is always possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The configuration itself is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bytes are no checkpoint, or one of a newer version.
    #[error("checkpoint: {0}")]
    Wire(WireError),
    /// It belongs to another chain.
    #[error("the checkpoint belongs to another chain")]
    OtherChain,
    /// Its authorities are no authority set.
    #[error("checkpoint: {0}")]
    Authorities(AuthoritySetError),
}

impl LightClient {
    /// The client's knowledge. It does not authenticate itself: keep it where only this program can have written it, and
    /// expect that an older one may be put back. The recovery keys are configuration and stay outside.
    pub fn checkpoint(&self) -> Vec<u8> {
        Checkpoint::V1 {
            genesis: self.genesis,
            set_id: self.authorities.id(),
            authorities: self.authorities.list().clone(),
            finalized: self.finalized.map(|header| (header.number, header.hash, header.state_root)),
        }
        .encode()
    }

    /// The client that [`checkpoint`](Self::checkpoint) described, under this configuration. `bytes` must come from a
    /// place that only this program can write.
    pub fn restore(config: &Config, bytes: &[u8]) -> Result<Self, CheckpointError> {
        let client = Self::new(config)?;
        let Checkpoint::V1 { genesis, set_id, authorities, finalized } =
            Checkpoint::from_wire(bytes).map_err(CheckpointError::Wire)?;
        if genesis != client.genesis {
            return Err(CheckpointError::OtherChain);
        }
        let authorities = AuthoritySet::new(set_id, authorities).map_err(CheckpointError::Authorities)?;
        let finalized = finalized.map(|(number, hash, state_root)| FinalizedHeader { number, hash, state_root });
        Ok(Self { authorities, finalized, ..client })
    }
}
