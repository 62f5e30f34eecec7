//! A map whose entries are loaded one by one.

use alloc::{format, string::String, vec::Vec};
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
///
/// The entries hang on the field's name alone. So an upgrade takes a map over by giving it on, in a field of the same
/// name, and writes none of its entries. A map of another name or of other types is filled from the old one, page by
/// page: see [`Map::named`]. The entries of a map that the new state leaves out stay until somebody removes them.
pub struct Map<K, V> {
    /// Of its field; empty before it is one.
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Default for Map<K, V> {
    /// The map of a new field. It takes entries once it is loaded, in the calls that follow.
    fn default() -> Self {
        Self::named("")
    }
}

impl<K, V> Map<K, V> {
    /// The map of the field of this name, for what fills it before the state is stored: a constructor or a migration.
    pub const fn named(field: &'static str) -> Self {
        Self { name: field, types: PhantomData }
    }
}

impl<K: MapKey, V: Serialize + DeserializeOwned> Field for Map<K, V> {
    fn load(name: &'static str) -> Result<Self> {
        Ok(Self::named(name))
    }

    fn store(&self, name: &'static str) -> Result<()> {
        if self.name.is_empty() || self.name == name {
            return Ok(());
        }
        let was = self.name;
        Err(Error::new(
            code::STATE,
            format!(
                "the map of the field '{was}' cannot become '{name}': its entries are found by the field's name. Keep \
                 the name, or move the entries to Map::named(\"{name}\")"
            ),
        ))
    }

    fn remove(_: &'static str) -> Result<()> {
        Ok(())
    }
}

impl<K: MapKey, V: Serialize + DeserializeOwned> Map<K, V> {
    fn prefix(&self) -> Result<Vec<u8>> {
        if self.name.is_empty() {
            let expected = "a new map takes entries in the calls that follow. To fill it here, begin with Map::named \
                            and the field's name";
            return Err(Error::new(code::STATE, expected));
        }
        Ok([b"m/", self.name.as_bytes(), b"/"].concat())
    }

    fn key(&self, key: &K) -> Result<Vec<u8>> {
        Ok([self.prefix()?, key.to_bytes()].concat())
    }

    fn decode(bytes: &[u8]) -> Result<V> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::new(code::STATE, format!("an entry does not decode: {error}")))
    }

    /// The value at `key`.
    pub fn get(&self, key: &K) -> Result<Option<V>> {
        host::get(&self.key(key)?)?.map(|bytes| Self::decode(&bytes)).transpose()
    }

    /// Sets the value at `key`.
    pub fn insert(&mut self, key: &K, value: &V) -> Result<()> {
        host::set(&self.key(key)?, &json(value)?)
    }

    /// Removes `key`, and says whether it was there.
    pub fn remove(&mut self, key: &K) -> Result<bool> {
        host::delete(&self.key(key)?)
    }

    /// At most `limit` entries in the order of their keys, from the first one behind `after`.
    pub fn page(&self, after: Option<&K>, limit: u32) -> Result<Vec<(K, V)>> {
        let prefix = self.prefix()?;
        let after = after.map(|key| self.key(key)).transpose()?;
        let entries = host::scan(&prefix, after.as_deref(), limit)?;
        let decode = |(key, value): (Vec<u8>, Vec<u8>)| {
            let key = key.get(prefix.len()..).and_then(K::from_bytes);
            let key = key.ok_or_else(|| Error::new(code::STATE, "a key does not decode"))?;
            Ok((key, Self::decode(&value)?))
        };
        entries.into_iter().map(decode).collect()
    }
}
