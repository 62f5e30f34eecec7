//! Blinded commitments: what is public must not let anybody test guesses about what is not.

use phala_primitives::{ContractId, Domain, Hash256};
use zeroize::ZeroizeOnDrop;

use crate::kdf::expand;

/// What is committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, codec::Encode)]
pub enum Purpose {
    /// A message's output.
    #[codec(index = 0)]
    Output,
    /// A message's events.
    #[codec(index = 1)]
    Events,
}

/// Gives blindings and salts. All members of a cluster have the same one.
#[derive(ZeroizeOnDrop)]
pub struct CommitmentKey([u8; 32]);

impl CommitmentKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The blinding for a message. Given to its sender, it opens this commitment and no other.
    pub fn blinding(&self, purpose: Purpose, index: u64) -> [u8; 32] {
        *expand(&self.0, &codec::Encode::encode(&("receipt", purpose, index)))
    }

    /// The salt of a leaf of the state.
    pub fn leaf_salt(&self, contract: ContractId, key: &[u8]) -> [u8; 16] {
        // the secret comes first and has a fixed length: a keyed hash. This runs for every write
        sp_crypto_hashing::blake2_128(&codec::Encode::encode(&(&self.0, "leaf", contract, key)))
    }
}

/// `H(domain ‖ genesis ‖ (purpose, blinding, H(data)))`.
pub fn commit(genesis: &Hash256, blinding: &[u8; 32], purpose: Purpose, data: &[u8]) -> Hash256 {
    Domain::Receipt.digest(genesis, &(3u8, purpose, blinding, sp_crypto_hashing::blake2_256(data)))
}
