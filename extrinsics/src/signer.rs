//! Accounts that sign.

use std::{path::Path, str::FromStr};

use phala_primitives::AccountId;
use subxt_signer::{
    SecretUri,
    polkadot_js_compat::{Error as KeystoreError, decrypt_json},
    sr25519::Keypair,
};

/// Longer files are no keystores, in bytes.
const MAX_KEYSTORE: usize = 64 * 1024;
/// Characters of the base64 that an encrypted key has at least: salt, parameters, nonce, tag, and 117 bytes of the key.
const MIN_ENCODED: usize = 268;

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
    /// The keystore opens with another password.
    #[error("the password does not open the keystore {0}")]
    Password(String),
    /// The file is no keystore that can be read.
    #[error("{path} is no keystore of an sr25519 account as polkadot.js and wallets export it: {reason}")]
    Keystore {
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
    pub fn from_file(path: &Path) -> Result<Self, SignerError> {
        Self::from_uri(read(path)?.trim())
    }

    /// From a JSON keystore as polkadot.js and wallets export it: PKCS #8, encrypted with a password.
    pub fn from_keystore(path: &Path, password: &str) -> Result<Self, SignerError> {
        #[derive(serde::Deserialize)]
        struct Encoded {
            encoded: String,
        }
        let shown = path.display().to_string();
        let no_keystore =
            |reason: &dyn std::fmt::Display| SignerError::Keystore { path: shown.clone(), reason: reason.to_string() };
        let text = read(path)?;
        if text.len() > MAX_KEYSTORE {
            return Err(no_keystore(&format!("{} bytes are too many", text.len())));
        }
        let Encoded { encoded } = serde_json::from_str(&text).map_err(|error| no_keystore(&error))?;
        // what is shorter, the library does not survive
        if encoded.len() < MIN_ENCODED {
            return Err(no_keystore(&"its key is cut short, or not encrypted"));
        }
        match decrypt_json(&text, password) {
            Ok(pair) => Ok(Self(pair)),
            Err(KeystoreError::Secretbox(_)) => Err(SignerError::Password(shown)),
            Err(error) => Err(no_keystore(&error)),
        }
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

fn read(path: &Path) -> Result<String, SignerError> {
    std::fs::read_to_string(path)
        .map_err(|error| SignerError::File { path: path.display().to_string(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alice, exported by polkadot.js under the password `whoisalice`.
    const KEYSTORE: &str = r#"{
        "encoded": "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84IQ8oamLn9DZe9Ouhgunr7i36J1XxUnTI801axqL/ym1gil0U8440Qvj0lFVKwGuxq38zuifgoj0B3Yru0CI6QKEvQPU5xxj4MpyxdSxP+2PnTzYao0HDH0fulaGvlAYXfqtU89xrx2/z9z7IjSwS3oDFPXRQ9kAdDebtyCVreZ9Otw9v3",
        "encoding": { "content": ["pkcs8", "sr25519"], "type": ["scrypt", "xsalsa20-poly1305"], "version": "3" },
        "address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "meta": { "genesisHash": "", "name": "Alice" }
    }"#;

    fn opened(text: &str, password: &str) -> Result<Signer, SignerError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keystore.json");
        std::fs::write(&path, text).unwrap();
        Signer::from_keystore(&path, password)
    }

    #[test]
    fn a_keystore_opens_with_its_password_alone() {
        let alice = Signer::from_uri("//Alice").unwrap();
        assert_eq!(opened(KEYSTORE, "whoisalice").ok().unwrap().account(), alice.account());
        assert!(matches!(opened(KEYSTORE, "whoisbob"), Err(SignerError::Password(_))));
    }

    #[test]
    fn what_is_no_keystore_is_refused() {
        for (text, expected) in [
            ("//Alice".to_owned(), "expected value"),
            ("{}".to_owned(), "encoded"),
            (
                KEYSTORE.replace(
                    "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84",
                    "",
                ),
                "cut short",
            ),
            (KEYSTORE.replace("scrypt", "none"), "encoding"),
            (KEYSTORE.replace("xsalsa20", "aes"), "encoding"),
            (format!("{KEYSTORE}{}", " ".repeat(MAX_KEYSTORE)), "too many"),
        ] {
            let error = opened(&text, "whoisalice").err().unwrap().to_string();
            assert!(error.contains("is no keystore") && error.contains(expected), "{error}");
        }
    }

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
