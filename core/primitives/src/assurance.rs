//! How much a worker's evidence is worth.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What stands behind a worker's claims. Decided by the root certificate that its evidence chains to, never by the worker;
/// shown with every answer.
#[derive(
    Clone,
    Copy,
    Debug,
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
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Assurance {
    /// A software TEE under a development root: the operator can read everything. For development networks.
    #[codec(index = 0)]
    Software,
    /// A hardware vendor's root.
    #[codec(index = 1)]
    Hardware,
}
