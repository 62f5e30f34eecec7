//! The one registry of contexts in which this project hashes, signs or derives anything.
//!
//! Every signature and every derivation of the network starts with exactly one [`Domain`] and the genesis hash of the
//! chain it belongs to, so that bytes made for one purpose, or for one chain, mean nothing for another:
//!
//! ```text
//! signed bytes = BLAKE2b-256( SCALE(Vec<u8> domain) ‖ genesis hash ‖ SCALE(payload) )
//! ```
//!
//! The domain is length-prefixed, so that no domain can be a prefix of another in front of chosen payload bytes.

use alloc::vec::Vec;
use codec::Encode;

use crate::Hash256;

/// Declares the registry once: the enum, its texts, and the list that the uniqueness test walks.
macro_rules! domains {
    ($( $(#[$doc:meta])* $name:ident = $text:literal, )*) => {
        /// A context of hashing, signing or key derivation. See the [module documentation](self).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Domain { $( $(#[$doc])* $name, )* }

        impl Domain {
            /// All registered domains.
            pub const ALL: &'static [Domain] = &[ $( Domain::$name, )* ];

            /// The registered text, as it enters hashes and labels.
            pub const fn text(self) -> &'static str {
                match self { $( Domain::$name => $text, )* }
            }
        }
    };
}

domains! {
    /// The hash chain of a cluster's message log.
    Log = "phala/log/v1",
    /// The report data of a worker's attestation evidence.
    Attest = "phala/attest/v1",
    /// The identity of a worker: hash of operator and salt.
    WorkerId = "phala/worker-id/v1",
    /// The identity of a contract: hash of cluster, deployer and log index.
    ContractId = "phala/contract-id/v1",
    /// A query session and the requests inside it.
    Query = "phala/query/v1",
    /// The sealing of a command to a contract's key.
    Command = "phala/command/v1",
    /// A worker's report of state root and receipts.
    Report = "phala/report/v1",
    /// The first member's word on the keys that it has drawn for a cluster.
    ClusterKeys = "phala/cluster-keys/v1",
    /// The leaves and the root of receipts inside a report.
    Receipt = "phala/receipt/v1",
    /// The certificate by which an account lends its authority to a session key.
    Session = "phala/session/v1",
    /// A worker's signed answer to a query.
    Answer = "phala/answer/v1",
    /// Every derivation in the key tree of a cluster.
    Kdf = "phala/kdf/v1",
    /// The hand-over of a cluster's roots from a holder to an admitted boot.
    Handover = "phala/handover/v1",
    /// A worker's own data at rest.
    Seal = "phala/seal/v1",
    /// The leaves and nodes of a contract's authenticated state.
    State = "phala/state/v1",
    /// A transaction that a contract signs.
    Action = "phala/action/v1",
    /// An endpoint that a worker announces.
    Endpoint = "phala/endpoint/v1",
    /// An anchor by which a network's recovery keys vouch for a block to its light clients.
    Recovery = "phala/recovery/v1",
}

impl Domain {
    /// The text as a SCALE byte string: compact length, then the bytes.
    pub fn prefix(self) -> Vec<u8> {
        self.text().as_bytes().encode()
    }

    /// The 32 bytes to sign for `payload` on the chain with this genesis hash.
    pub fn digest(self, genesis: &Hash256, payload: &impl Encode) -> Hash256 {
        let mut bytes = self.prefix();
        bytes.extend_from_slice(genesis);
        payload.encode_to(&mut bytes);
        sp_crypto_hashing::blake2_256(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_domain_is_unique_and_versioned() {
        let mut texts: Vec<_> = Domain::ALL.iter().map(|d| d.text()).collect();
        texts.sort_unstable();
        let before = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), before, "two domains share a text");
        for text in texts {
            assert!(text.starts_with("phala/"), "{text}");
            assert!(
                text.rsplit('/').next().is_some_and(|v| v.starts_with('v') && v[1..].parse::<u32>().is_ok()),
                "{text}"
            );
        }
    }

    #[test]
    fn digest_binds_domain_chain_and_payload() {
        let base = Domain::Report.digest(&[1; 32], &7u32);
        assert_ne!(base, Domain::Receipt.digest(&[1; 32], &7u32));
        assert_ne!(base, Domain::Report.digest(&[2; 32], &7u32));
        assert_ne!(base, Domain::Report.digest(&[1; 32], &8u32));
    }
}
