//! Finality proofs, as nodes serve them.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemLimit, DecodeWithMemTracking, Encode};
use phala_primitives::wire::{Wire, WireError};

use crate::{
    Header, Justification,
    limits::{DECODE_MEMORY_FACTOR, MAX_FINALITY_PROOF_BYTES},
};

/// A header with its justification.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
#[cfg_attr(feature = "std", derive(Debug))]
pub struct FinalityStep {
    /// The finalised header.
    pub header: Header,
    /// The votes of the authority set that was in office at this header.
    pub justification: Justification,
}

/// The way from one finalised header to a later one, versioned by its first byte.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
#[cfg_attr(feature = "std", derive(Debug))]
pub enum FinalityProof {
    /// In ascending order: every header that hands over to a new authority set, without a gap, and at the end either one
    /// more of these (there are more to ask for) or the newest header of the set now in office.
    #[codec(index = 1)]
    V1(Vec<FinalityStep>),
}

impl FinalityProof {
    /// The steps, in order.
    pub fn steps(&self) -> &[FinalityStep] {
        match self {
            Self::V1(steps) => steps,
        }
    }
}

impl Wire for FinalityProof {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_FINALITY_PROOF_BYTES;

    fn from_wire(bytes: &[u8]) -> Result<Self, WireError> {
        decode_versioned(bytes)
    }
}

/// [`Wire::from_wire`] with memory in proportion to the input. For types without recursion.
pub(crate) fn decode_versioned<T: Wire + DecodeWithMemTracking>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > T::MAX_BYTES {
        return Err(WireError::TooLarge { len: bytes.len(), max: T::MAX_BYTES });
    }
    let version = bytes.first().ok_or(WireError::Empty)?;
    if !T::VERSIONS.contains(version) {
        return Err(WireError::UnknownVersion(*version));
    }
    let input = &mut &*bytes;
    let memory = bytes.len().saturating_mul(DECODE_MEMORY_FACTOR);
    let value = T::decode_with_mem_limit(input, memory).map_err(|_| WireError::Malformed)?;
    if input.is_empty() { Ok(value) } else { Err(WireError::TrailingBytes) }
}
