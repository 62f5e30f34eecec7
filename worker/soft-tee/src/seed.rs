//! The one secret of a software vendor, and the keys that follow from it.

use hkdf::Hkdf;
use p256::ecdsa::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::VendorError;

/// The seed text of development networks. Public on purpose: everybody can make quotes under its root, and no network
/// that holds anything of value may trust that root.
pub const DEVELOPMENT_SEED: &str = "phala-development";

const SALT: &[u8] = b"phala-soft-tee/v1";

/// What a vendor's whole PKI is derived from.
#[derive(ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public seed of development networks.
    pub fn development() -> Self {
        Self::from_text(DEVELOPMENT_SEED)
    }

    /// A seed from what a person writes: 64 hex digits with or without `0x` are the seed itself, any other text is hashed.
    pub fn from_text(text: &str) -> Self {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut bytes = [0; 32];
        if hex::decode_to_slice(digits, &mut bytes).is_err() {
            bytes = Sha256::new().chain_update(SALT).chain_update([0u8]).chain_update(text).finalize().into();
        }
        Self(bytes)
    }

    /// Bytes for one purpose. `context` is one field; callers that have several encode them without ambiguity.
    pub(crate) fn derive<const N: usize>(
        &self,
        purpose: &str,
        context: &[u8],
    ) -> Result<Zeroizing<[u8; N]>, VendorError> {
        let info = codec::Encode::encode(&(purpose, context));
        let mut bytes = Zeroizing::new([0; N]);
        Hkdf::<Sha256>::new(Some(SALT), &self.0)
            .expand(&info, bytes.as_mut_slice())
            .map_err(|_| VendorError::Derivation)?;
        Ok(bytes)
    }

    /// The P-256 key of one role. Tries again in the case, of probability 2⁻³², that the bytes are not a scalar.
    pub(crate) fn signing_key(&self, role: &str) -> Result<SigningKey, VendorError> {
        for attempt in 0..=u8::MAX {
            let bytes = self.derive::<32>(role, &[attempt])?;
            if let Ok(key) = SigningKey::from_slice(bytes.as_slice()) {
                return Ok(key);
            }
        }
        Err(VendorError::Derivation)
    }
}
