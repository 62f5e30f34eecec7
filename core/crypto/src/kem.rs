//! The X25519 half of HPKE, and sealing to it.

use alloc::vec::Vec;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

pub(crate) type Suite = hpke::kem::X25519HkdfSha256;
pub(crate) type Aead = hpke::aead::ChaCha20Poly1305;
pub(crate) type Kdf = hpke::kdf::HkdfSha256;
pub(crate) type Sender = hpke::aead::AeadCtxS<Aead, Kdf, Suite>;
pub(crate) type Receiver = hpke::aead::AeadCtxR<Aead, Kdf, Suite>;

/// The bytes do not open: other key, other context, or changed on the way. Which of them, nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the envelope does not open: it was sealed to another key or for another purpose, or was changed")]
pub struct OpenError;

/// The public key is none, or the plaintext is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be sealed to this key")]
pub struct SealError;

/// A secret key for envelopes. Wipes itself.
pub struct KemSecret(<Suite as Kem>::PrivateKey);

impl KemSecret {
    /// From the operating system's randomness.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::derive(&seed)
    }

    /// The key pair of a seed, as RFC 9180 derives it.
    pub fn derive(seed: &[u8; 32]) -> Self {
        Self(Suite::derive_keypair(seed).0)
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        Suite::sk_to_pk(&self.0).to_bytes().into()
    }

    pub(crate) fn receive(&self, enc: &[u8; 32], info: &[u8]) -> Result<Receiver, OpenError> {
        let enc = <Suite as Kem>::EncappedKey::from_bytes(enc).map_err(|_| OpenError)?;
        hpke::setup_receiver::<Aead, Kdf, Suite>(&OpModeR::Base, &self.0, &enc, info).map_err(|_| OpenError)
    }

    pub(crate) fn open(
        &self,
        enc: &[u8; 32],
        info: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut receiver = self.receive(enc, info)?;
        receiver.open(ciphertext, aad).map(Zeroizing::new).map_err(|_| OpenError)
    }
}

pub(crate) fn send(
    to: &[u8; 32],
    info: &[u8],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<([u8; 32], Sender), SealError> {
    let to = <Suite as Kem>::PublicKey::from_bytes(to).map_err(|_| SealError)?;
    let (enc, sender) =
        hpke::setup_sender::<Aead, Kdf, Suite, _>(&OpModeS::Base, &to, info, rng).map_err(|_| SealError)?;
    Ok((enc.to_bytes().into(), sender))
}

pub(crate) fn seal(
    to: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<([u8; 32], Vec<u8>), SealError> {
    let (enc, mut sender) = send(to, info, rng)?;
    let ciphertext = sender.seal(plaintext, aad).map_err(|_| SealError)?;
    Ok((enc, ciphertext))
}
