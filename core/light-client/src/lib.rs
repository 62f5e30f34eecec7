//! A light client of the chain, as pure data and pure functions: no I/O, no clock, no randomness.
//!
//! It starts from the genesis hash, reads the first authorities out of block 0 by proof, follows the authority sets of GRANDPA one hand-off at a
//! time, and turns what untrusted nodes say into [`Verified`] values:
//!
//! ```text
//! FinalityProof ──LightClient::advance──▶ FinalizedHeader
//! trie nodes    ──LightClient::open─────▶ VerifiedRead ──get──▶ Verified<T>     (log head, registry entry, time, …)
//! bodies        ──log::fold─────────────▶ Vec<Verified<Message>>               (against a Verified<LogHead>)
//! ```
//!
//! A `Verified<T>` has no other constructor, so a function that takes one cannot be handed a node's bare word.
//!
//! # What this does not defend against
//!
//! - More than a third of an authority set signing falsely, at the time or later with keys that it kept. A client that is
//!   far behind trusts the old sets in turn.
//! - A node that withholds: the client then stays where it is. It never goes back, and it knows its own height.
//! - GRANDPA votes do not name their chain. Where the same keys validate two chains,
//!   [`VerifiedRead::confirm_genesis`] tells them apart.
//!
//! # Errors
//!
//! Each operation has its own error; [`Remedy`] says what its caller can do. On every error the client is unchanged.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod ancestry;
mod authorities;
mod checkpoint;
mod client;
mod config;
mod finality;
mod hasher;
mod justification;
pub mod limits;
pub mod log;
mod read;
mod recovery;
mod remedy;
mod system;
#[cfg(feature = "testing")]
pub mod testing;
mod verified;

pub use authorities::{AuthoritySet, AuthoritySetError};
pub use checkpoint::CheckpointError;
pub use client::{AdvanceError, FinalizedHeader, LightClient};
pub use config::{Config, ConfigError, RecoveryKeys};
pub use finality::{FinalityProof, FinalityStep};
pub use justification::{Justification, JustificationError};
pub use read::{ReadError, VerifiedRead};
pub use recovery::{Anchor, AnchorSignature, RecoverError, SignedAnchor};
pub use remedy::Remedy;
pub use sp_consensus_grandpa::{AuthorityId, AuthorityList, SetId};
pub use verified::Verified;

/// The header of this chain's blocks.
pub type Header = sp_runtime::generic::Header<u32, sp_runtime::traits::BlakeTwo256>;

/// A header's hash. Not `Header::hash`, which is a host call when built for Wasm.
pub fn header_hash(header: &Header) -> phala_primitives::Hash256 {
    sp_crypto_hashing::blake2_256(&codec::Encode::encode(header))
}
