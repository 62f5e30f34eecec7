//! A map whose entries are loaded one by one.

use alloc::{string::String, vec::Vec};
use core::marker::PhantomData;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Account, ContractId, Error, Field, Result, code, host, types::json};

/// What can be a key of a [`Map`]. The order of the keys is that of their bytes.
pub trait MapKey: Sized {
    /// As bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// From bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl MapKey for String {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok()
    }
}

impl MapKey for u64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl MapKey for Account {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl MapKey for ContractId {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// A field of a contract's state with an entry in storage for each key. Reads and writes go to storage at once.
pub struct Map<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Default for Map<K, V> {
    /// An empty map. It finds its entries once it is loaded as a field.
    fn default() -> Self {
        Self { name: "", types: PhantomData }
    }
}

impl<K: MapKey, V: Serialize + DeserializeOwned> Field for Map<K, V> {
    fn load(name: &'static str) -> Result<Self> {
        Ok(Self { name, types: PhantomData })
    }

    fn store(&self, _: &'static str) -> Result<()> {
        Ok(())
    }
}

impl<K: MapKey, V: Serialize + DeserializeOwned> Map<K, V> {
    fn prefix(&self) -> Vec<u8> {
        [b"m/", self.name.as_bytes(), b"/"].concat()
    }

    fn key(&self, key: &K) -> Vec<u8> {
        [self.prefix(), key.to_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Result<V> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::new(code::STATE, alloc::format!("an entry does not decode: {error}")))
    }

    /// The value at `key`.
    pub fn get(&self, key: &K) -> Result<Option<V>> {
        host::get(&self.key(key))?.map(|bytes| Self::decode(&bytes)).transpose()
    }

    /// Sets the value at `key`.
    pub fn insert(&mut self, key: &K, value: &V) -> Result<()> {
        host::set(&self.key(key), &json(value)?)
    }

    /// Removes `key`, and says whether it was there.
    pub fn remove(&mut self, key: &K) -> Result<bool> {
        host::delete(&self.key(key))
    }

    /// At most `limit` entries in the order of their keys, from the first one behind `after`.
    pub fn page(&self, after: Option<&K>, limit: u32) -> Result<Vec<(K, V)>> {
        let prefix = self.prefix();
        let after = after.map(|key| self.key(key));
        let entries = host::scan(&prefix, after.as_deref(), limit)?;
        let decode = |(key, value): (Vec<u8>, Vec<u8>)| {
            let key = key.get(prefix.len()..).and_then(K::from_bytes);
            let key = key.ok_or_else(|| Error::new(code::STATE, "a key does not decode"))?;
            Ok((key, Self::decode(&value)?))
        };
        entries.into_iter().map(decode).collect()
    }
}
