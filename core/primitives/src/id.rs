//! Identifiers. Each is a type of its own: a contract's id cannot be handed to a function that wants a worker's.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::fmt;
use scale_info::TypeInfo;

use crate::{Hash256, domain::Domain};

/// A cluster of workers, numbered by the chain from 0.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClusterId(pub u32);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! id32 {
    ($( $(#[$doc:meta])* $name:ident, )*) => { $(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
            TypeInfo,
        )]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(transparent))]
        pub struct $name(#[cfg_attr(feature = "serde", serde(with = "crate::hex32"))] pub [u8; 32]);

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    )* };
}

id32! {
    /// An account of the chain: the 32 bytes behind an SS58 address.
    AccountId,
    /// A worker, for as long as its operator keeps it: hash of operator and salt, the same over all its boots.
    WorkerId,
    /// A contract inside a cluster.
    ContractId,
    /// BLAKE2b-256 of an uncompressed component.
    CodeHash,
    /// The ed25519 public key of one boot of a worker.
    BootSign,
    /// The X25519 public key of one boot of a worker.
    BootKem,
}

impl WorkerId {
    /// The id that only `operator` can register.
    pub fn derive(genesis: &Hash256, operator: &AccountId, salt: &[u8; 32]) -> Self {
        Self(Domain::WorkerId.digest(genesis, &(operator, salt)))
    }
}

impl ContractId {
    /// The id of the contract that `deployer` instantiates by the message at `log_index` of `cluster`.
    pub fn derive(genesis: &Hash256, cluster: ClusterId, deployer: &AccountId, log_index: u64) -> Self {
        Self(Domain::ContractId.digest(genesis, &(cluster, deployer, log_index)))
    }
}
