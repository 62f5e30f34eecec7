//! The identity of one boot of a worker. Nothing of it is stored: a restart is another boot.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use phala_primitives::{BootKem, BootSign, Hash256};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::kem::KemSecret;

/// A signing key and a key for envelopes, drawn together and attested together.
pub struct BootIdentity {
    sign: SigningKey,
    kem: KemSecret,
}

impl BootIdentity {
    /// From the operating system's randomness.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self { sign: SigningKey::from_bytes(&seed), kem: KemSecret::generate(rng) }
    }

    /// The public half of the signing key.
    pub fn boot_sign(&self) -> BootSign {
        BootSign(self.sign.verifying_key().to_bytes())
    }

    /// The public half of the key for envelopes.
    pub fn boot_kem(&self) -> BootKem {
        BootKem(self.kem.public())
    }

    /// Signs a digest of [`phala_primitives::Domain::digest`].
    pub fn sign(&self, digest: &Hash256) -> [u8; 64] {
        self.sign.sign(digest).to_bytes()
    }

    /// The key for envelopes.
    pub fn kem(&self) -> &KemSecret {
        &self.kem
    }
}

/// The signature is not of this key over these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// Whether a boot has signed a digest. Strict: no weak keys, no second form of a signature.
pub fn verify_boot(key: &BootSign, digest: &Hash256, signature: &[u8; 64]) -> Result<(), BadSignature> {
    ed25519(&key.0, digest, signature)
}

pub(crate) fn ed25519(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| BadSignature)?;
    key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).map_err(|_| BadSignature)
}
