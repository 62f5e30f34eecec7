//! Reading the chain's state by proof.

use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Decode, DecodeLimit};
use sp_core::H256;
use sp_trie::{EMPTY_PREFIX, HashDBT as _, LayoutV1, MemoryDB, RandomState, TrieError, read_trie_value};

use phala_primitives::{Hash256, storage_key};

use crate::{
    FinalizedHeader, Header, LightClient, Remedy, Verified,
    hasher::Blake2b256,
    header_hash,
    limits::{MAX_READ_BYTES, MAX_READ_KEYS, MAX_READ_NODES, MAX_VALUE_DEPTH},
};

/// Some keys of the finalised state, each proven present with its bytes or proven absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRead {
    at: FinalizedHeader,
    values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Why a read failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Only the genesis is known so far: advance first.
    #[error("no header is finalised yet")]
    NothingFinalized,
    /// More keys than [`MAX_READ_KEYS`].
    #[error("more than {MAX_READ_KEYS} keys")]
    TooManyKeys,
    /// More nodes than [`MAX_READ_NODES`] or more bytes than [`MAX_READ_BYTES`].
    #[error("the proof is too large")]
    TooLarge,
    /// The proof does not lead from the finalised state root to the key: it is of another block, or nodes are missing.
    #[error("the proof does not reach key {key}")]
    Incomplete {
        /// The key's place among the keys to open, from 0.
        key: usize,
    },
    /// The finalised state itself is damaged. Cannot happen while hashes do not collide.
    #[error("the state's trie is damaged")]
    DamagedState,
    /// The key was not among those that the proof opened.
    #[error("the key was not read")]
    NotRead,
    /// The key is proven absent.
    #[error("the key is absent")]
    Absent,
    /// The proven bytes are no value of the expected type: the chain writes a newer version.
    #[error("the value does not decode")]
    Undecodable,
    /// The state belongs to a chain with another genesis.
    #[error("the state belongs to another chain")]
    OtherChain,
    /// The chain has another block at that height.
    #[error("block {0} of this chain is another one")]
    OtherBlock(u32),
}

impl ReadError {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::TooLarge | Self::Incomplete { .. } | Self::OtherBlock(_) => Remedy::AskAnotherNode,
            Self::DamagedState | Self::Undecodable => Remedy::Upgrade,
            Self::NothingFinalized | Self::TooManyKeys | Self::NotRead | Self::Absent | Self::OtherChain => {
                Remedy::FixInput
            }
        }
    }
}

impl LightClient {
    /// Opens `keys` at the last finalised header, see [`FinalizedHeader::open`].
    pub fn open(&self, nodes: &[Vec<u8>], keys: &[impl AsRef<[u8]>]) -> Result<VerifiedRead, ReadError> {
        self.finalized.ok_or(ReadError::NothingFinalized)?.open(nodes, keys)
    }
}

impl FinalizedHeader {
    /// Opens `keys` of the state after this block, from trie nodes as of `state_getReadProof`. Nodes that no key needs are ignored.
    pub fn open(&self, nodes: &[Vec<u8>], keys: &[impl AsRef<[u8]>]) -> Result<VerifiedRead, ReadError> {
        if keys.len() > MAX_READ_KEYS {
            return Err(ReadError::TooManyKeys);
        }
        let bytes = nodes.iter().fold(0usize, |sum, node| sum.saturating_add(node.len()));
        if nodes.len() > MAX_READ_NODES || bytes > MAX_READ_BYTES {
            return Err(ReadError::TooLarge);
        }

        let mut trie = MemoryDB::<Blake2b256>::with_hasher(RandomState::default());
        for node in nodes {
            trie.insert(EMPTY_PREFIX, node);
        }
        let root = H256(self.state_root);
        let mut values = BTreeMap::new();
        for (index, key) in keys.iter().enumerate() {
            let value = read_trie_value::<LayoutV1<Blake2b256>, _>(&trie, &root, key.as_ref(), None, None).map_err(
                |error| match *error {
                    TrieError::<LayoutV1<Blake2b256>>::InvalidStateRoot(_)
                    | TrieError::<LayoutV1<Blake2b256>>::IncompleteDatabase(_) => ReadError::Incomplete { key: index },
                    _ => ReadError::DamagedState,
                },
            )?;
            values.insert(key.as_ref().to_vec(), value);
        }
        Ok(VerifiedRead { at: *self, values })
    }
}

impl VerifiedRead {
    /// The header at whose state the keys were read.
    pub fn at(&self) -> &FinalizedHeader {
        &self.at
    }

    /// A block below this one, which the state remembers: final as well. Needs [`storage_key::block_hash`] of its number among
    /// the keys; the chain keeps the hashes of its recent blocks only.
    pub fn ancestor(&self, header: &Header) -> Result<FinalizedHeader, ReadError> {
        let known = self.require::<Hash256>(&storage_key::block_hash(header.number))?;
        if *known == header_hash(header) {
            Ok(FinalizedHeader::of(header))
        } else {
            Err(ReadError::OtherBlock(header.number))
        }
    }

    /// The bytes at `key`; `None` if it is proven absent.
    pub fn bytes(&self, key: &[u8]) -> Result<Verified<Option<&[u8]>>, ReadError> {
        let value = self.values.get(key).ok_or(ReadError::NotRead)?;
        Ok(Verified::new(value.as_deref(), self.at))
    }

    /// The value at `key`, decoded to its last byte; `None` if it is proven absent.
    pub fn get<T: Decode>(&self, key: &[u8]) -> Result<Verified<Option<T>>, ReadError> {
        let value = self.values.get(key).ok_or(ReadError::NotRead)?;
        let value = value
            .as_deref()
            .map(|mut bytes| T::decode_all_with_depth_limit(MAX_VALUE_DEPTH, &mut bytes))
            .transpose()
            .map_err(|_| ReadError::Undecodable)?;
        Ok(Verified::new(value, self.at))
    }

    /// The value at `key`, which must be present.
    pub fn require<T: Decode>(&self, key: &[u8]) -> Result<Verified<T>, ReadError> {
        self.get(key)?.present().ok_or(ReadError::Absent)
    }
}
