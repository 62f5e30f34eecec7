//! A TEE vendor made of software, for development networks and tests.
//!
//! It plays both roles of the real thing: the *vendor*, whose PKI certifies platforms and signs statements about them
//! ([`Vendor`]), and the *platform*, which measures a program and signs quotes about it. Its quotes and collateral have the
//! real format of Intel TDX and pass the real verifier, under a root of its own. A chain that lists this root says so with
//! `Assurance::Software`; a chain that does not list it refuses the quotes, by the same code that checks Intel's.
//!
//! **It protects nothing from the operator of its machine**, who can read the worker's memory and the vendor's seed.
//!
//! A worker never links this crate: it asks the process `phala-soft-tee` over a socket ([`protocol`], `PROTOCOL.md`).

#![forbid(unsafe_code)]

mod certificates;
mod collateral;
mod measure;
mod pck_extension;
pub mod protocol;
mod quote;
mod seed;
pub mod server;
mod vendor;

pub use collateral::Statement;
pub use measure::{measure_file, measure_process};
pub use quote::Td;
pub use seed::{DEVELOPMENT_SEED, Seed};
pub use vendor::{Vendor, VendorError};
