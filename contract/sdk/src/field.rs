//! The fields of a contract's state.

use alloc::{format, string::String, vec::Vec};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, code, host, types::json};

/// A field that is loaded before a method runs and stored after it: any serde type, in one entry of its own. A
/// [`Map`](crate::Map) has an entry for each of its keys instead.
pub trait Field: Sized {
    /// From the entries under this name.
    fn load(name: &'static str) -> Result<Self>;
    /// To them, where something has changed.
    fn store(&self, name: &'static str) -> Result<()>;
    /// Removes them: after an upgrade the state has no such field any more. Those of a [`Map`](crate::Map) stay, since
    /// nobody knows how many there are.
    fn remove(name: &'static str) -> Result<()>;
}

fn key(name: &str) -> Vec<u8> {
    [b"f/", name.as_bytes()].concat()
}

impl<T: Serialize + DeserializeOwned> Field for T {
    fn load(name: &'static str) -> Result<Self> {
        let unreadable = |why: String| Error::new(code::STATE, format!("the field '{name}' {why}"));
        let bytes = host::get(&key(name))?.ok_or_else(|| unreadable("was never stored".into()))?;
        serde_json::from_slice(&bytes).map_err(|error| unreadable(format!("does not decode: {error}")))
    }

    fn store(&self, name: &'static str) -> Result<()> {
        let (key, bytes) = (key(name), json(self)?);
        // a write costs more than a read, for the caller and for the cluster
        if host::get(&key)?.as_ref() == Some(&bytes) { Ok(()) } else { host::set(&key, &bytes) }
    }

    fn remove(name: &'static str) -> Result<()> {
        host::delete(&key(name)).map(|_| ())
    }
}
