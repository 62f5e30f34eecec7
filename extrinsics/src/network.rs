//! What a program knows of a chain before it asks a node: its root of trust, as a file.

use std::path::Path;

use phala_attestation::TrustedRoot;
use phala_light_client::{AuthorityId, Config, ConfigError, LightClient};
use phala_primitives::Hash256;
use serde::{Deserialize, Serialize};

/// The version of the file that this program reads and writes.
const VERSION: u32 = 1;
/// Longer files are none of ours, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A network's root of trust. Whoever changes the file decides whom a program believes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    version: u32,
    /// What people call it.
    pub name: String,
    #[serde(with = "hex32")]
    genesis: Hash256,
    /// GRANDPA's first authorities, with their weights.
    authorities: Vec<Authority>,
    /// Whose evidence about workers counts, and as what.
    pub roots: Vec<TrustedRoot>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Authority {
    #[serde(with = "hex32")]
    key: [u8; 32],
    weight: u64,
}

/// Why a network file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It cannot be read.
    #[error("the network file {path} cannot be read: {reason}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// It is not what a network file is.
    #[error("the network file {path} is not one of version {VERSION}: {reason}")]
    Content {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// It names no usable authorities.
    #[error("the network file: {0}")]
    Authorities(#[from] ConfigError),
}

impl Network {
    /// A network's description.
    pub fn new(name: String, genesis: Hash256, authorities: Vec<([u8; 32], u64)>, roots: Vec<TrustedRoot>) -> Self {
        let authorities = authorities.into_iter().map(|(key, weight)| Authority { key, weight }).collect();
        Self { version: VERSION, name, genesis, authorities, roots }
    }

    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, NetworkError> {
        let shown = path.display().to_string();
        let file = |reason: String| NetworkError::File { path: shown.clone(), reason };
        let content = |reason: String| NetworkError::Content { path: shown.clone(), reason };
        let length = std::fs::metadata(path).map_err(|error| file(error.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(content(format!("{length} bytes are too many")));
        }
        let bytes = std::fs::read(path).map_err(|error| file(error.to_string()))?;
        let network: Self = serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
        if network.version != VERSION {
            return Err(content(format!("it has version {}", network.version)));
        }
        LightClient::new(&network.light_client())?;
        Ok(network)
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        // it has no maps with keys that are no text
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The hash of block 0.
    pub fn genesis(&self) -> Hash256 {
        self.genesis
    }

    /// What a light client starts from.
    pub fn light_client(&self) -> Config {
        let authority = |authority: &Authority| {
            let key: AuthorityId = codec::Decode::decode(&mut authority.key.as_slice()).ok()?;
            Some((key, authority.weight))
        };
        Config {
            genesis: self.genesis,
            authorities: self.authorities.iter().filter_map(authority).collect(),
            recovery: None,
        }
    }
}

mod hex32 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(bytes)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| D::Error::custom("expected 32 bytes in hex"))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network::new("test".into(), [1; 32], vec![([2; 32], 1)], vec![TrustedRoot::intel()])
    }

    #[test]
    fn a_file_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        std::fs::write(&path, network().to_json()).unwrap();
        let read = Network::read(&path).unwrap();
        assert_eq!(read.to_json(), network().to_json());
        assert_eq!(read.light_client().authorities.len(), 1);
    }

    #[test]
    fn other_versions_fields_and_empty_networks_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        let mut none = network();
        none.authorities.clear();
        for (text, expected) in [
            (network().to_json().replace("\"version\": 1", "\"version\": 2"), "version 2"),
            (network().to_json().replace("\"name\"", "\"nick\""), "nick"),
            ("[]".into(), "network file"),
            (none.to_json(), "network file"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Network::read(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Network::read(&folder.path().join("nothing")).unwrap_err().to_string().contains("cannot be read"));
    }
}
