//! Access to a chain: its root of trust as a file, and transactions, encoded, signed, submitted and followed. Holds keys of
//! accounts, and none of a worker's secrets.
//!
//! Metadata come from a node, and a node may lie. Every transaction therefore carries the hash of the metadata that it was encoded
//! by (`CheckMetadataHash`, RFC 78): a chain whose runtime has other metadata refuses it.
//!
//! ```text
//! Chain::connect(url, genesis) ─▶ chain.submit(&signer, &call) ─▶ Submitted ── in_block() / finalized() ─▶ Included
//! ```

mod call;
mod chain;
mod config;
mod network;
mod signer;

pub use call::Call;
pub use chain::{Chain, ConnectError, Event, Included, SubmitError, Submitted};
pub use network::{Network, NetworkError};
pub use signer::{Signer, SignerError};
