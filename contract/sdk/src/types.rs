//! Ids and small things.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// 32 bytes that name something, or that are a hash.
pub type Bytes32 = [u8; 32];

fn write_hex(bytes: &Bytes32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex(text: &str) -> Option<Bytes32> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Bytes32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.to_string())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(format!("'{text}' is no {}", $what)))
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> alloc::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $what })
            }
        }
    };
}

id! {
    /// An account of the chain. In JSON: `0x` and 64 hex digits, or a development account such as `//Alice`.
    Account, "account: 0x and 64 hex digits, or a development account such as //Alice"
}

id! {
    /// A contract of this cluster. In JSON: `0x` and 64 hex digits.
    ContractId, "contract id: 0x and 64 hex digits"
}

impl ContractId {
    /// The id that a text means.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

/// The sr25519 accounts of the well-known development phrase.
const DEVELOPMENT: [(&str, &str); 6] = [
    ("//Alice", "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"),
    ("//Bob", "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"),
    ("//Charlie", "0x90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22"),
    ("//Dave", "0x306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"),
    ("//Eve", "0xe659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e"),
    ("//Ferdie", "0x1cbd2d43530a44705ad088af313e18f80b53ef16b36177cd4b77b846f2a5f07c"),
];

impl Account {
    /// The account that a text means.
    pub fn parse(text: &str) -> Option<Self> {
        let known = DEVELOPMENT.iter().find(|(name, _)| *name == text).map(|(_, hex)| *hex);
        parse_hex(known.unwrap_or(text)).map(Self)
    }
}

/// Who stands behind a call. Checked by the chain, or in queries by the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An account.
    Account(Account),
    /// A contract.
    Contract(ContractId),
    /// The chain, by its rules.
    Chain,
    /// A query that nobody signed.
    Anonymous,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something does not work.
    Error,
    /// Something may not work for long.
    Warn,
    /// What the author wants to see.
    Info,
    /// Details.
    Debug,
}

/// An algorithm for signatures. Shapes as in `keys.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKind {
    /// RFC 8032.
    Ed25519,
    /// Schnorrkel, context `substrate`.
    Sr25519,
    /// ECDSA over digests of 32 bytes.
    Secp256k1,
}

/// 32 bytes out of what the host gives.
#[cfg(target_arch = "wasm32")]
pub(crate) fn bytes32(bytes: &[u8]) -> Bytes32 {
    let mut array = [0; 32];
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}

/// JSON of a value.
pub(crate) fn json(value: &impl Serialize) -> crate::Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}
