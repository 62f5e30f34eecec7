//! A TEE vendor made of software, for development networks and tests.
//!
//! It plays both roles of the real thing: the *vendor*, whose PKI certifies platforms and signs statements about them
//! ([`Vendor`]), and the *platform*, which measures a program and signs quotes about it. Its quotes and collateral have
//! the real formats of Intel SGX and TDX ([`Format`]) and pass the real verifier, under a root of its own. A chain that
//! lists this root says so with `Assurance::Software`; a chain that does not list it refuses the quotes, by the same
//! code that checks Intel's.
//!
//! Nothing here makes wrong evidence. Everything is said in a [`Draft`] before it is signed, and tests of verifiers say
//! something else in it.
//!
//! **It protects nothing from the operator of its machine**, who can read the worker's memory and the vendor's seed.
//!
//! A worker never links this crate: it asks the process `phala-soft-tee` over a socket ([`protocol`], `PROTOCOL.md`).

#![forbid(unsafe_code)]

mod certificates;
mod collateral;
mod draft;
mod format;
mod measure;
mod pck_extension;
mod platform;
mod program;
pub mod protocol;
mod quote;
mod quoting_enclave;
mod report;
mod revocation;
mod seed;
pub mod server;
mod vendor;

pub use certificates::{CertificateParts, Purpose, Role};
pub use collateral::Statement;
pub use draft::{Draft, Issued, StatementParts};
pub use format::{Format, UnknownFormat};
pub use measure::{measure_file, measure_process};
pub use pck_extension::{Configuration, PckExtension};
pub use program::{Enclave, Program, Td};
pub use quote::QuoteParts;
pub use revocation::CrlParts;
pub use seed::{DEVELOPMENT_SEED, Seed};
pub use vendor::{Vendor, VendorError};
