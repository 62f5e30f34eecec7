//! What a worker hands over about its machine: a quote, and the vendor's signed statements that make it checkable.

use alloc::{string::String, vec::Vec};
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use phala_primitives::Wire;
use scale_info::TypeInfo;

use crate::AttestationError;

/// Longest quote, in bytes. Intel's quotes with a certificate chain have 4.6 to 5.3 kB.
pub const MAX_QUOTE: u32 = 8 * 1024;

/// Longest encoded [`Collateral`], in bytes. Intel's has 10 to 20 kB; most of it are certificates and TCB levels.
pub const MAX_COLLATERAL: u32 = 32 * 1024;

/// A quote exactly as the platform wrote it, without padding (see [`trim_padding`](crate::trim_padding)).
pub type Quote = BoundedVec<u8, ConstU32<MAX_QUOTE>>;

/// An encoded [`Collateral`].
pub type CollateralBytes = BoundedVec<u8, ConstU32<MAX_COLLATERAL>>;

/// A worker's evidence, versioned by its first byte.
///
/// The bytes of evidence are **not** an identity: a valid quote stays valid when white space in its certificate chain
/// changes. Replay is prevented by what the report data binds, never by a hash of these bytes.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Evidence {
    /// Intel DCAP: an SGX quote of version 3, or a TDX quote of version 4 or 5, with collateral.
    #[codec(index = 1)]
    Dcap {
        /// The quote, with the PCK certificate chain inside (certification data type 5).
        quote: Quote,
        /// SCALE of [`Collateral`].
        collateral: CollateralBytes,
    },
}

impl Wire for Evidence {
    const VERSIONS: &'static [u8] = &[1];
    // The version, two compact lengths of at most four bytes, and the two bodies.
    const MAX_BYTES: usize = 9 + MAX_QUOTE as usize + MAX_COLLATERAL as usize;
}

impl Evidence {
    /// DCAP evidence from its parts. Refuses what is longer than the limits.
    pub fn dcap(quote: Vec<u8>, collateral: &Collateral) -> Result<Self, AttestationError> {
        Ok(Self::Dcap {
            quote: quote.try_into().map_err(|_| AttestationError::Oversized)?,
            collateral: collateral.encode().try_into().map_err(|_| AttestationError::Oversized)?,
        })
    }
}

impl core::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Dcap { quote, collateral } => f
                .debug_struct("Dcap")
                .field("quote_bytes", &quote.len())
                .field("collateral_bytes", &collateral.len())
                .finish(),
        }
    }
}

/// What the vendor signed about a family of platforms: Intel's "PCCS" answers, without those that a verifier never reads.
///
/// The quote carries the certificate of its own platform; a chain in the collateral would be a second, unsigned source.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Collateral {
    /// The root's revocation list, DER.
    pub root_ca_crl: Vec<u8>,
    /// The revocation list of the intermediate that certifies platforms, DER.
    pub pck_crl: Vec<u8>,
    /// Who signed `tcb_info`: PEM, leaf first.
    pub tcb_info_issuer_chain: String,
    /// TCB levels of the platform family: JSON, byte by byte as it was signed.
    pub tcb_info: String,
    /// ECDSA over `tcb_info`: `r ‖ s`.
    pub tcb_info_signature: [u8; 64],
    /// Who signed `qe_identity`: PEM, leaf first.
    pub qe_identity_issuer_chain: String,
    /// What the vendor's quoting enclave must look like: JSON, byte by byte as it was signed.
    pub qe_identity: String,
    /// ECDSA over `qe_identity`: `r ‖ s`.
    pub qe_identity_signature: [u8; 64],
}
