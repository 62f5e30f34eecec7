//! Recovery after a forced change of authorities, which no proof can follow: people who are part of the attested
//! configuration vouch for a block.

use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode};
use phala_primitives::{
    Domain, Hash256,
    wire::{Wire, WireError},
};
use sp_consensus_grandpa::{AuthorityList, SetId};
use sp_core::{Pair as _, ed25519};

use crate::{
    AuthoritySet, AuthoritySetError, FinalizedHeader, LightClient, Remedy, finality::decode_versioned,
    limits::MAX_CHECKPOINT_BYTES,
};

/// A block that the recovery keys vouch for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Anchor {
    /// Hash of block 0 of the chain.
    pub genesis: Hash256,
    /// Height of the block.
    pub number: u32,
    /// Hash of the block.
    pub hash: Hash256,
    /// Root of the state after the block.
    pub state_root: Hash256,
    /// The number of the authority set that finalises the blocks after it.
    pub set_id: SetId,
    /// The members of that set, with their weights.
    pub authorities: AuthorityList,
}

impl Anchor {
    /// The 32 bytes that a recovery key signs.
    pub fn digest(&self) -> Hash256 {
        Domain::Recovery.digest(&self.genesis, self)
    }
}

/// One key's ed25519 signature over [`Anchor::digest`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct AnchorSignature {
    /// The key's place in the configuration, from 0.
    pub key: u8,
    /// The signature.
    pub signature: [u8; 64],
}

/// An anchor with its signatures, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum SignedAnchor {
    /// The first version.
    #[codec(index = 1)]
    V1 {
        /// What is signed.
        anchor: Anchor,
        /// By whom.
        signatures: Vec<AnchorSignature>,
    },
}

impl Wire for SignedAnchor {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_CHECKPOINT_BYTES;

    fn from_wire(bytes: &[u8]) -> Result<Self, WireError> {
        decode_versioned(bytes)
    }
}

/// Why an anchor was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The configuration has no recovery keys.
    #[error("this configuration has no recovery keys")]
    NoRecoveryKeys,
    /// The anchor is for another chain.
    #[error("the anchor is for another chain")]
    OtherChain,
    /// The anchor would take the client back.
    #[error("the anchor at block {number} and set {set} is not ahead of block {last} and set {last_set}")]
    NotAhead {
        /// The anchor's height.
        number: u32,
        /// The anchor's set.
        set: SetId,
        /// The client's height.
        last: u32,
        /// The client's set.
        last_set: SetId,
    },
    /// A signature names a key that is not configured.
    #[error("recovery key {0} is not configured")]
    UnknownKey(u8),
    /// A signature is not the named key's over this anchor.
    #[error("the signature of recovery key {0} is wrong")]
    BadSignature(u8),
    /// Too few different keys signed.
    #[error("{signed} recovery keys signed, {needed} are needed")]
    TooFewSignatures {
        /// Different keys that signed.
        signed: usize,
        /// The configured threshold.
        needed: u8,
    },
    /// The anchor's authorities are no authority set.
    #[error("the anchor's authorities: {0}")]
    Authorities(AuthoritySetError),
}

impl RecoverError {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::NotAhead { .. } => Remedy::NeedsAnchor,
            _ => Remedy::FixInput,
        }
    }
}

impl LightClient {
    /// Goes on from a block that the recovery keys vouch for, or on error nowhere.
    ///
    /// The anchor's block lies above the client's, or it is the client's very block under a newer authority set: a chain
    /// that stalled at a height may go on from there.
    pub fn recover(&mut self, signed: &SignedAnchor) -> Result<&FinalizedHeader, RecoverError> {
        let SignedAnchor::V1 { anchor, signatures } = signed;
        let recovery = self.recovery.as_ref().ok_or(RecoverError::NoRecoveryKeys)?;
        if anchor.genesis != self.genesis {
            return Err(RecoverError::OtherChain);
        }

        let (last, last_set) = (self.height(), self.authorities.id());
        let same_block = self.finalized.is_some_and(|f| f.number == anchor.number && f.hash == anchor.hash);
        let ahead = if same_block {
            anchor.set_id > last_set && self.finalized.is_some_and(|f| f.state_root == anchor.state_root)
        } else {
            anchor.set_id >= last_set && anchor.number > last
        };
        if !ahead {
            return Err(RecoverError::NotAhead { number: anchor.number, set: anchor.set_id, last, last_set });
        }

        let digest = anchor.digest();
        let mut signers = BTreeSet::new();
        for AnchorSignature { key, signature } in signatures {
            let public = recovery.keys.get(usize::from(*key)).ok_or(RecoverError::UnknownKey(*key))?;
            // A key that signed already adds nothing, and costs nothing.
            if signers.insert(*key) {
                let (public, signature) =
                    (ed25519::Public::from_raw(*public), ed25519::Signature::from_raw(*signature));
                if !ed25519::Pair::verify(&signature, digest, &public) {
                    return Err(RecoverError::BadSignature(*key));
                }
            }
        }
        if signers.len() < usize::from(recovery.threshold) {
            return Err(RecoverError::TooFewSignatures { signed: signers.len(), needed: recovery.threshold });
        }

        self.authorities =
            AuthoritySet::new(anchor.set_id, anchor.authorities.clone()).map_err(RecoverError::Authorities)?;
        let header = FinalizedHeader { number: anchor.number, hash: anchor.hash, state_root: anchor.state_root };
        Ok(self.finalized.insert(header))
    }
}
