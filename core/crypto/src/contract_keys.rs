//! The keys of one contract: for signing, for deriving, for verifiable randomness. The shapes are those of `contract/wit/keys.wit`.

use alloc::vec::Vec;
use ed25519_dalek::Signer as _;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use phala_primitives::{ClusterId, ContractId, Hash256};
use rand_core::{CryptoRng, RngCore};
use schnorrkel::{ExpansionMode, MiniSecretKey, context::attach_rng, signing_context};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::kdf::Label;

/// The context of Schnorrkel signatures, as Substrate has it.
pub(crate) const SR25519_CONTEXT: &[u8] = b"substrate";
/// The context of the VRF's inputs.
pub(crate) const VRF_CONTEXT: &[u8] = b"phala/vrf/v1";

/// An algorithm for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKind {
    /// RFC 8032: 32-byte key, 64-byte signature.
    Ed25519,
    /// Schnorrkel: 32-byte key, 64-byte signature.
    Sr25519,
    /// ECDSA over digests: 33-byte compressed key; 65-byte signature of r, s (low), recovery id.
    Secp256k1,
}

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// secp256k1 signs digests.
    #[error("secp256k1 signs digests of 32 bytes")]
    DigestLength,
    /// The seed gives no key, which happens once in 2^128 labels.
    #[error("this label gives no key: take another one")]
    NoKey,
}

/// A contract's part of the identity root.
#[derive(ZeroizeOnDrop)]
pub struct ContractKeys {
    root: [u8; 32],
    #[zeroize(skip)]
    genesis: Hash256,
    #[zeroize(skip)]
    cluster: ClusterId,
    #[zeroize(skip)]
    contract: ContractId,
}

impl ContractKeys {
    pub(crate) fn new(root: [u8; 32], genesis: Hash256, cluster: ClusterId, contract: ContractId) -> Self {
        Self { root, genesis, cluster, contract }
    }

    fn seed(&self, purpose: &str, algorithm: &str, user: &str) -> Zeroizing<[u8; 32]> {
        let label =
            Label { epoch: None, purpose, algorithm, cluster: self.cluster, contract: Some(self.contract), user };
        label.derive(&self.genesis, &self.root)
    }

    fn ed25519(&self, label: &str) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.seed("sign", "ed25519", label))
    }

    fn sr25519(&self, label: &str) -> Option<schnorrkel::Keypair> {
        let mini = MiniSecretKey::from_bytes(&*self.seed("sign", "sr25519", label)).ok()?;
        Some(mini.expand_to_keypair(ExpansionMode::Ed25519))
    }

    fn secp256k1(&self, label: &str) -> Result<k256::ecdsa::SigningKey, KeyError> {
        let seed = self.seed("sign", "secp256k1", label);
        k256::ecdsa::SigningKey::from_slice(&*seed).map_err(|_| KeyError::NoKey)
    }

    /// The public half of the key with this label; empty if the label gives no key.
    pub fn public_key(&self, kind: SigningKind, label: &str) -> Vec<u8> {
        match kind {
            SigningKind::Ed25519 => self.ed25519(label).verifying_key().to_bytes().to_vec(),
            SigningKind::Sr25519 => self.sr25519(label).map_or_else(Vec::new, |pair| pair.public.to_bytes().to_vec()),
            SigningKind::Secp256k1 => {
                self.secp256k1(label).map_or_else(|_| Vec::new(), |key| key.verifying_key().to_sec1_bytes().to_vec())
            }
        }
    }

    /// A signature. The same for the same message: all members of a cluster must come to the same bytes.
    pub fn sign(&self, kind: SigningKind, label: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match kind {
            SigningKind::Ed25519 => Ok(self.ed25519(label).sign(message).to_bytes().to_vec()),
            SigningKind::Sr25519 => {
                let pair = self.sr25519(label).ok_or(KeyError::NoKey)?;
                let transcript = attach_rng(signing_context(SR25519_CONTEXT).bytes(message), NoRandomness);
                Ok(pair.sign(transcript).to_bytes().to_vec())
            }
            SigningKind::Secp256k1 => {
                if message.len() != 32 {
                    return Err(KeyError::DigestLength);
                }
                let key = self.secp256k1(label)?;
                let (signature, recovery): (k256::ecdsa::Signature, k256::ecdsa::RecoveryId) =
                    key.sign_prehash(message).map_err(|_| KeyError::NoKey)?;
                let mut bytes = signature.to_bytes().to_vec();
                bytes.push(recovery.to_byte());
                Ok(bytes)
            }
        }
    }

    /// Secret bytes for the contract's own use, unrelated to its signing keys.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        self.seed("derive", "hkdf-sha256", label)
    }

    /// Output and proof of the VRF of the sr25519 key with this label. The output is the compressed output point; see
    /// [`verify_vrf`](crate::verify_vrf).
    pub fn vrf(&self, label: &str, input: &[u8]) -> ([u8; 32], [u8; 64]) {
        let Some(pair) = self.sr25519(label) else { return ([0; 32], [0; 64]) };
        let transcript = signing_context(VRF_CONTEXT).bytes(input);
        let extra = attach_rng(signing_context(VRF_CONTEXT).bytes(b"proof"), NoRandomness);
        let (output, proof, _) = pair.vrf_sign_extra(transcript, extra);
        (output.to_preout().to_bytes(), proof.to_bytes())
    }
}

/// In place of the randomness that Schnorrkel mixes into its nonces. These already hang on a secret part of the key and on the whole
/// transcript, so that they are unforeseeable and different for different messages; members must come to the same bytes.
struct NoRandomness;

impl RngCore for NoRandomness {
    fn next_u32(&mut self) -> u32 {
        0
    }

    fn next_u64(&mut self) -> u64 {
        0
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        bytes.fill(0);
        Ok(())
    }
}

impl CryptoRng for NoRandomness {}
