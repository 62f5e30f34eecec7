//! Keys and envelopes of the network: boot identities, the key tree of a cluster, sealed commands, query sessions, the hand-over of
//! roots, and data at rest. No I/O; randomness is an argument.
//!
//! Everything rests on well-kept implementations of standards: HPKE (RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! ChaCha20-Poly1305), HKDF (RFC 5869), ed25519 (RFC 8032), ECDSA with RFC 6979 nonces, Schnorrkel, XChaCha20-Poly1305. What this crate adds is
//! which bytes are bound to what; each use starts with a [`Domain`](phala_primitives::Domain) and the genesis hash.
//!
//! Types that hold secrets wipe themselves when dropped and have neither `Debug` nor `Clone`.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod boot;
mod certificate;
mod command;
mod commitment;
mod contract_keys;
mod handover;
mod kdf;
mod kem;
mod replay;
mod roots;
mod seal;
mod session;
mod verify;

pub use boot::{BadSignature, BootIdentity, verify_boot};
pub use certificate::{CertificateError, SessionKey, VerifiedCertificate, verify_ask, verify_certificate, wrapped};
pub use command::{CommandContext, open_command, seal_command};
pub use commitment::{CommitmentKey, Purpose, commit};
pub use contract_keys::{ContractKeys, KeyError, SigningKind};
pub use handover::{open_keys, seal_keys};
pub use kem::{KemSecret, OpenError, SealError};
pub use replay::{ReplayWindow, Replayed};
pub use roots::ClusterKeys;
pub use seal::{SealKey, open_cluster_keys, seal_cluster_keys};
pub use session::{ClientSession, WorkerSession};
pub use verify::{HashKind, VerifyError, hash, hmac_sha256, recover, verify, verify_vrf};
