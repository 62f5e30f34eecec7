//! What a program knows of a chain before it asks a node: its root of trust, as a file.

use std::path::Path;

use phala_attestation::TrustedRoot;
use phala_light_client::{Config, ConfigError, Header, LightClient, header_hash};
use phala_primitives::Hash256;
use serde::{Deserialize, Serialize};

/// The version of the file that this program reads and writes.
const VERSION: u32 = 2;
/// Longer files are none of ours, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A network's root of trust. Whoever changes the file decides whom a program believes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    version: u32,
    /// What people call it.
    pub name: String,
    /// Block 0. Its hash is what the chain is known by.
    genesis: Header,
    /// Trie nodes in hex that show GRANDPA's first authorities in the state of block 0.
    authorities: Vec<String>,
    /// Whose evidence about workers counts, and as what.
    pub roots: Vec<TrustedRoot>,
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
    /// It does not show who the first authorities are.
    #[error("the network file: {0}")]
    Genesis(#[from] ConfigError),
}

impl Network {
    /// A network's description, if it shows who the first authorities are.
    pub fn new(
        name: String,
        genesis: Header,
        authorities: &[Vec<u8>],
        roots: Vec<TrustedRoot>,
    ) -> Result<Self, ConfigError> {
        let authorities = authorities.iter().map(|node| format!("0x{}", hex::encode(node))).collect();
        let network = Self { version: VERSION, name, genesis, authorities, roots };
        LightClient::new(&network.light_client())?;
        Ok(network)
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
        header_hash(&self.genesis)
    }

    /// What a light client starts from.
    pub fn light_client(&self) -> Config {
        // what is no hex is no node of the trie, and is found missing
        let node = |text: &String| hex::decode(text.trim_start_matches("0x")).ok();
        let authorities = self.authorities.iter().filter_map(node).collect();
        Config { genesis: self.genesis.clone(), authorities, recovery: None }
    }
}

#[cfg(test)]
mod tests {
    use phala_light_client::testing::{TestChain, validators};

    use super::*;

    fn network() -> Network {
        let chain = TestChain::new(validators(0, 4));
        let Config { genesis, authorities, .. } = chain.config().clone();
        Network::new("test".into(), genesis, &authorities, vec![TrustedRoot::intel()]).unwrap()
    }

    #[test]
    fn a_file_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        std::fs::write(&path, network().to_json()).unwrap();
        let read = Network::read(&path).unwrap();
        assert_eq!(read.to_json(), network().to_json());
        assert_eq!(LightClient::new(&read.light_client()).unwrap().authorities().list().len(), 4);
    }

    #[test]
    fn other_versions_fields_and_authorities_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        let mut none = network();
        none.authorities.clear();
        // whoever has the file cannot name other authorities for the same chain
        let mut others = network();
        others.authorities = TestChain::new(validators(1, 4)).config().authorities.iter().map(hex::encode).collect();
        for (text, expected) in [
            (network().to_json().replace("\"version\": 2", "\"version\": 3"), "version 3"),
            (network().to_json().replace("\"name\"", "\"nick\""), "nick"),
            ("[]".into(), "network file"),
            (none.to_json(), "genesis authorities"),
            (others.to_json(), "genesis authorities"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Network::read(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Network::read(&folder.path().join("nothing")).unwrap_err().to_string().contains("cannot be read"));
    }
}
