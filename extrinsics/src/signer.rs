//! Accounts that sign.

use std::str::FromStr;

use phala_primitives::AccountId;
use subxt_signer::{SecretUri, sr25519::Keypair};

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// Not a secret URI.
    #[error("'{0}…' is no key: give a development account such as //Alice, a mnemonic, or a 0x-seed")]
    Uri(String),
    /// The file cannot be read.
    #[error("the key file {path} cannot be read: {reason}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

/// An sr25519 account with its secret key.
pub struct Signer(pub(crate) Keypair);

impl Signer {
    /// From a secret URI: `//Alice`, a mnemonic, a `0x`-seed, each with derivations (`//hard/soft///password`).
    pub fn from_uri(uri: &str) -> Result<Self, SignerError> {
        // of what may be a secret the error shows the beginning only
        let shown = || SignerError::Uri(uri.chars().take(4).collect());
        let parsed = SecretUri::from_str(uri).map_err(|_| shown())?;
        Ok(Self(Keypair::from_uri(&parsed).map_err(|_| shown())?))
    }

    /// From a file that holds a secret URI.
    pub fn from_file(path: &std::path::Path) -> Result<Self, SignerError> {
        let failed =
            |reason: std::io::Error| SignerError::File { path: path.display().to_string(), reason: reason.to_string() };
        Self::from_uri(std::fs::read_to_string(path).map_err(failed)?.trim())
    }

    /// Its account.
    pub fn account(&self) -> AccountId {
        AccountId(self.0.public_key().0)
    }

    /// An sr25519 signature with the context `substrate`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_accounts_are_the_known_ones() {
        let alice = Signer::from_uri("//Alice").unwrap();
        assert_eq!(alice.account().to_string(), "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    }

    #[test]
    fn an_error_does_not_show_the_secret() {
        let error =
            Signer::from_uri("bottom drive obey lake curtain smoke basket hold race lonely fit wall").err().unwrap();
        assert!(!error.to_string().contains("drive"), "{error}");
    }
}
