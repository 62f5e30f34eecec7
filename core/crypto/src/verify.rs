//! What contracts may check and hash at native speed: no secrets here. The shapes are those of `contract/wit/crypto.wit`.

use alloc::vec::Vec;
use hkdf::hmac::{Hmac, KeyInit as _, Mac as _};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use schnorrkel::signing_context;
use sha2::{Digest as _, Sha256, Sha512};

use crate::contract_keys::{SR25519_CONTEXT, SigningKind, VRF_CONTEXT};

/// Why nothing was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The public key has the wrong length, or is none.
    #[error("not a public key")]
    PublicKey,
    /// The signature has the wrong length or form.
    #[error("not a signature")]
    Signature,
    /// secp256k1 works on digests.
    #[error("secp256k1 works on digests of 32 bytes")]
    DigestLength,
}

/// An algorithm for hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha512,
    /// Ethereum's.
    Keccak256,
    /// RFC 7693, no key.
    Blake2b256,
}

/// The hash of `data`.
pub fn hash(kind: HashKind, data: &[u8]) -> Vec<u8> {
    match kind {
        HashKind::Sha256 => Sha256::digest(data).to_vec(),
        HashKind::Sha512 => Sha512::digest(data).to_vec(),
        HashKind::Keccak256 => sp_crypto_hashing::keccak_256(data).to_vec(),
        HashKind::Blake2b256 => sp_crypto_hashing::blake2_256(data).to_vec(),
    }
}

/// HMAC-SHA256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    // keys of every length are taken
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac.chain_update(data).finalize().into_bytes().into(),
        Err(_) => [0; 32],
    }
}

/// Whether a signature is right.
pub fn verify(kind: SigningKind, key: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, VerifyError> {
    match kind {
        SigningKind::Ed25519 => {
            let key = key.try_into().map_err(|_| VerifyError::PublicKey)?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| VerifyError::PublicKey)?;
            let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| VerifyError::Signature)?;
            Ok(key.verify_strict(message, &signature).is_ok())
        }
        SigningKind::Sr25519 => {
            let key = schnorrkel::PublicKey::from_bytes(key).map_err(|_| VerifyError::PublicKey)?;
            let signature = schnorrkel::Signature::from_bytes(signature).map_err(|_| VerifyError::Signature)?;
            Ok(key.verify(signing_context(SR25519_CONTEXT).bytes(message), &signature).is_ok())
        }
        SigningKind::Secp256k1 => {
            let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| VerifyError::PublicKey)?;
            if message.len() != 32 {
                return Err(VerifyError::DigestLength);
            }
            let (signature, _) = split(signature)?;
            Ok(key.verify_prehash(message, &signature).is_ok())
        }
    }
}

/// The compressed public key behind a secp256k1 signature of 65 bytes.
pub fn recover(digest: &[u8], signature: &[u8]) -> Result<Vec<u8>, VerifyError> {
    if digest.len() != 32 {
        return Err(VerifyError::DigestLength);
    }
    let (signature, recovery) = split(signature)?;
    let recovery = recovery.ok_or(VerifyError::Signature)?;
    let key = VerifyingKey::recover_from_prehash(digest, &signature, recovery).map_err(|_| VerifyError::Signature)?;
    Ok(key.to_sec1_bytes().to_vec())
}

/// A signature of 64 or 65 bytes with a low `s`: the other form of a signature is none.
fn split(bytes: &[u8]) -> Result<(Signature, Option<RecoveryId>), VerifyError> {
    let (rs, rest) = bytes.split_at_checked(64).ok_or(VerifyError::Signature)?;
    let recovery = match rest {
        [] => None,
        [id @ (0 | 1)] => RecoveryId::from_byte(*id),
        _ => return Err(VerifyError::Signature),
    };
    let signature = Signature::from_slice(rs).map_err(|_| VerifyError::Signature)?;
    if signature.normalize_s().is_some() {
        return Err(VerifyError::Signature);
    }
    Ok((signature, recovery))
}

/// Whether `output` is what the holder of an sr25519 key must come to for `input`.
pub fn verify_vrf(key: &[u8; 32], input: &[u8], output: &[u8; 32], proof: &[u8; 64]) -> bool {
    let (Ok(key), Ok(output), Ok(proof)) = (
        schnorrkel::PublicKey::from_bytes(key),
        schnorrkel::vrf::VRFPreOut::from_bytes(output),
        schnorrkel::vrf::VRFProof::from_bytes(proof),
    ) else {
        return false;
    };
    let transcript = signing_context(VRF_CONTEXT).bytes(input);
    let extra = signing_context(VRF_CONTEXT).bytes(b"proof");
    key.vrf_verify_extra(transcript, &output, &proof, extra).is_ok()
}
