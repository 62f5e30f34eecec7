//! Evidence → claims → policy: verifies what a worker says about the machine it runs in.
//!
//! [`authenticate`] takes a vendor's quote with collateral to [`AuthenticClaims`] under one of the trusted roots;
//! [`Policy::admit`] takes those to [`VerifiedClaims`]; [`verify`] does both. Pure: the time is an argument, and there is
//! no input or output. `no_std`, so that a runtime can run it.
//!
//! There is no simulated branch. The software TEE (`phala-soft-tee`) signs quotes of the vendor's format under a root of
//! its own; the root that evidence chains to decides its [`Assurance`](phala_primitives::Assurance), and nothing else does.
//!
//! # What is not checked here
//! Whether the report data names a recent block, whether the boot key is new, whether the device or its family is banned:
//! that is the registry's.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod claims;
mod dcap;
mod error;
mod evidence;
mod framing;
#[cfg(feature = "serde")]
mod hex_bytes;
mod policy;
mod refusal;
mod root;

pub use claims::{
    Advisory, AuthenticClaims, Claims, Hardware, MAX_ADVISORIES, MemoryClass, RuntimeRegisters, VerifiedClaims,
};
pub use dcap::authenticate;
pub use error::{AttestationError, Remedy};
pub use evidence::{Collateral, CollateralBytes, Evidence, MAX_COLLATERAL, MAX_QUOTE, Quote};
pub use framing::trim_padding;
pub use policy::{AllowedMeasurement, MAX_MEASUREMENTS, MAX_ROOT_CERTIFICATE, MAX_ROOTS, Policy, TrustedRoot, verify};
