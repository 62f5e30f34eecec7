//! What all parts of the network agree on: ids, messages, versioned wire types, signing domains and the storage keys that
//! a worker reads. Pure data and pure functions; `no_std`.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod assurance;
pub mod cluster;
pub mod contract;
pub mod domain;
pub mod fault;
pub mod handover;
#[cfg(feature = "serde")]
mod hex32;
pub mod id;
pub mod log;
pub mod message;
pub mod offchain_key;
pub mod query;
pub mod receipts;
pub mod report;
pub mod report_data;
pub mod storage_key;
pub mod wire;
pub mod worker;

pub use assurance::Assurance;
pub use domain::Domain;
pub use fault::Fault;
pub use id::{AccountId, BootKem, BootSign, ClusterId, CodeHash, ContractId, WorkerId};
pub use log::LogHead;
pub use message::{Balance, Message, Payload};
pub use report::{Boundary, Receipt, Report};
pub use wire::{Wire, WireError};

/// 32 bytes of BLAKE2b-256, or of a block's hash.
pub type Hash256 = [u8; 32];
