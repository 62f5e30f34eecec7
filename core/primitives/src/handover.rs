//! The hand-over of a cluster's keys from a member that holds them to one that does not: `protocol.md` §4.
//!
//! ```text
//! POST /v1/handover  HandoverRequest ──▶ HandoverAnswer
//! ```
//!
//! The holder trusts nothing of the request: it looks the worker up in the state that its own light client has proven, and
//! seals to the boot key that it finds there. The asker trusts nothing of the answer: the keys must meet the commitment that
//! the chain keeps.

use alloc::vec::Vec;
use codec::{Decode, Encode};

use crate::{ClusterId, WorkerId, wire::Wire};

/// Asks for the keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum HandoverRequest {
    /// The first version.
    #[codec(index = 1)]
    V1 {
        /// Whose keys.
        cluster: ClusterId,
        /// Who asks. Anybody may ask in its name: only its live boot can open the answer.
        worker: WorkerId,
    },
}

impl Wire for HandoverRequest {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 64;
}

/// The keys, sealed to the asker's live boot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum HandoverAnswer {
    /// The first version.
    #[codec(index = 1)]
    V1 {
        /// HPKE's encapsulated key.
        enc: [u8; 32],
        /// The sealed roots.
        ciphertext: Vec<u8>,
    },
}

impl Wire for HandoverAnswer {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 512;
}
