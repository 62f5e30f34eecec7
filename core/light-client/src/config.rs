//! What the client trusts without proof: the hash of block 0, and who may anchor it anew.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use phala_primitives::{Hash256, storage_key};

use crate::{
    AuthorityList, AuthoritySet, AuthoritySetError, FinalizedHeader, Header, ReadError, header_hash,
    limits::MAX_RECOVERY_KEYS,
};

/// The root of trust of one chain. It is the genesis hash alone: the first authorities are read from block 0 by proof, so that
/// nobody can name others for a chain, and whoever is told the hash is told everything.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Config {
    /// Block 0.
    pub genesis: Header,
    /// Trie nodes of the state of block 0 that lead to [`storage_key::grandpa_authorities`], as of `state_getReadProof`.
    pub authorities: Vec<Vec<u8>>,
    /// Who may anchor the client anew after a forced change of authorities; `None` if nobody.
    pub recovery: Option<RecoveryKeys>,
}

/// `threshold` of `keys` must sign a recovery anchor.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct RecoveryKeys {
    /// How many must sign; from 1 to the number of keys.
    pub threshold: u8,
    /// ed25519 public keys, all different.
    pub keys: Vec<[u8; 32]>,
}

/// Why a configuration cannot be used. [`Remedy::FixInput`](crate::Remedy::FixInput), all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The header is not of block 0.
    #[error("the header of the genesis is of block {0}")]
    NotGenesis(u32),
    /// The state of block 0 does not show who its authorities are.
    #[error("genesis authorities: {0}")]
    Unproven(#[from] ReadError),
    /// The genesis authorities are no authority set.
    #[error("genesis authorities: {0}")]
    Authorities(#[from] AuthoritySetError),
    /// More recovery keys than [`MAX_RECOVERY_KEYS`].
    #[error("more than {MAX_RECOVERY_KEYS} recovery keys")]
    TooManyRecoveryKeys,
    /// The threshold is 0 or above the number of keys.
    #[error("recovery threshold {threshold} of {keys} keys")]
    RecoveryThreshold {
        /// As configured.
        threshold: u8,
        /// Number of configured keys.
        keys: usize,
    },
    /// A recovery key is listed twice, so that its holder would count twice.
    #[error("a recovery key is listed twice")]
    RepeatedRecoveryKey,
}

impl Config {
    /// Hash of block 0.
    pub fn genesis_hash(&self) -> Hash256 {
        header_hash(&self.genesis)
    }

    /// The first authorities, by proof.
    pub(crate) fn first_authorities(&self) -> Result<AuthoritySet, ConfigError> {
        if self.genesis.number != 0 {
            return Err(ConfigError::NotGenesis(self.genesis.number));
        }
        let key = storage_key::grandpa_authorities();
        let read = FinalizedHeader::of(&self.genesis).open(&self.authorities, &[&key])?;
        Ok(AuthoritySet::new(0, read.require::<AuthorityList>(&key)?.into_inner())?)
    }
}

impl RecoveryKeys {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.keys.len() > MAX_RECOVERY_KEYS {
            return Err(ConfigError::TooManyRecoveryKeys);
        }
        if self.threshold == 0 || usize::from(self.threshold) > self.keys.len() {
            return Err(ConfigError::RecoveryThreshold { threshold: self.threshold, keys: self.keys.len() });
        }
        let mut sorted = self.keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() == self.keys.len() { Ok(()) } else { Err(ConfigError::RepeatedRecoveryKey) }
    }
}
