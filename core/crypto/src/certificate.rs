//! Session certificates: an account signs once in its wallet, a session key signs every request.

use alloc::{format, vec::Vec};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use k256::ecdsa::{self, RecoveryId};
use phala_primitives::{
    AccountId, ClusterId, ContractId, Hash256,
    query::{AccountSignature, Certificate, SignatureBytes, SignedCertificate},
};
use rand_core::{CryptoRng, RngCore};
use schnorrkel::signing_context;
use zeroize::Zeroizing;

use crate::{boot::BadSignature, boot::ed25519, contract_keys::SR25519_CONTEXT};

/// Why a certificate does not stand for what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The account has not signed it for this chain.
    #[error("the account's signature does not verify for this chain")]
    BadSignature,
    /// The session's key is none of which a signature would say anything.
    #[error("its session key is no ed25519 key, or one under which anybody can sign")]
    BadSessionKey,
    /// It is for another cluster.
    #[error("it is for another cluster")]
    OtherCluster,
    /// It is for another contract.
    #[error("it is for another contract")]
    OutOfScope,
    /// It held up to a block that has passed: sign a new one.
    #[error("it has expired at block {0}: sign a new one")]
    Expired(u32),
}

/// A certificate whose signature holds. Only [`verify_certificate`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCertificate {
    account: AccountId,
    /// Decompressed once: it checks every request.
    session_key: VerifyingKey,
    cluster: ClusterId,
    contract: Option<ContractId>,
    expires: u32,
}

impl VerifiedCertificate {
    /// Who asks.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The one contract that it is for, if it is for one.
    pub fn contract(&self) -> Option<ContractId> {
        self.contract
    }

    /// Whether it stands for requests about this contract at this block; without one, for requests about the cluster.
    pub fn covers(&self, cluster: ClusterId, contract: Option<ContractId>, block: u32) -> Result<(), CertificateError> {
        if cluster != self.cluster {
            return Err(CertificateError::OtherCluster);
        }
        if self.contract.is_some() && self.contract != contract {
            return Err(CertificateError::OutOfScope);
        }
        if block > self.expires { Err(CertificateError::Expired(self.expires)) } else { Ok(()) }
    }
}

/// What wallets sign in place of a digest: they never sign bare bytes that could be a transaction.
pub fn wrapped(digest: &Hash256) -> Vec<u8> {
    let digits: alloc::string::String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<Bytes>0x{digits}</Bytes>").into_bytes()
}

/// Checks the account's signature.
pub fn verify_certificate(
    genesis: &Hash256,
    signed: &SignedCertificate,
) -> Result<VerifiedCertificate, CertificateError> {
    let SignedCertificate { certificate, account, signature: AccountSignature { wrapped: is_wrapped, bytes } } = signed;
    let digest = certificate.digest(genesis);
    let message = if *is_wrapped { wrapped(&digest) } else { digest.to_vec() };
    if !signed_by(account, &message, bytes) {
        return Err(CertificateError::BadSignature);
    }
    let Certificate::V1(certificate) = certificate;
    let session_key = VerifyingKey::from_bytes(&certificate.session_key).ok().filter(|key| !key.is_weak());
    Ok(VerifiedCertificate {
        account: *account,
        session_key: session_key.ok_or(CertificateError::BadSessionKey)?,
        cluster: certificate.cluster,
        contract: certificate.contract,
        expires: certificate.expires,
    })
}

fn signed_by(account: &AccountId, message: &[u8], signature: &SignatureBytes) -> bool {
    match signature {
        SignatureBytes::Ed25519(signature) => ed25519(&account.0, message, signature).is_ok(),
        SignatureBytes::Sr25519(signature) => {
            let (Ok(key), Ok(signature)) =
                (schnorrkel::PublicKey::from_bytes(&account.0), schnorrkel::Signature::from_bytes(signature))
            else {
                return false;
            };
            key.verify(signing_context(SR25519_CONTEXT).bytes(message), &signature).is_ok()
        }
        SignatureBytes::Ecdsa(signature) => {
            let Some((rs, [recovery])) = signature.split_at_checked(64) else { return false };
            let (Ok(rs), Some(recovery)) = (ecdsa::Signature::from_slice(rs), RecoveryId::from_byte(*recovery)) else {
                return false;
            };
            let digest = sp_crypto_hashing::blake2_256(message);
            ecdsa::VerifyingKey::recover_from_prehash(&digest, &rs, recovery)
                .is_ok_and(|key| sp_crypto_hashing::blake2_256(&key.to_sec1_bytes()) == account.0)
        }
    }
}

/// Whether the session's key has signed a request.
pub fn verify_ask(
    certificate: &VerifiedCertificate,
    digest: &Hash256,
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    certificate.session_key.verify_strict(digest, &signature).map_err(|_| BadSignature)
}

/// The asker's key for one session.
pub struct SessionKey(SigningKey);

impl SessionKey {
    /// From the operating system's randomness.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public half, for the certificate.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a request's digest.
    pub fn sign(&self, digest: &Hash256) -> [u8; 64] {
        self.0.sign(digest).to_bytes()
    }
}
