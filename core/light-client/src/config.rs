//! What the client trusts without proof. Part of a worker's attested configuration.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use phala_primitives::Hash256;

use crate::{AuthorityList, AuthoritySetError, limits::MAX_RECOVERY_KEYS};

/// The root of trust of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Config {
    /// Hash of block 0.
    pub genesis: Hash256,
    /// The authorities of set 0, with their weights.
    pub authorities: AuthorityList,
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
