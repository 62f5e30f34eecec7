//! GRANDPA authority sets, and the digests by which a block announces the next one.

use finality_grandpa::voter_set::VoterSet;
use sp_consensus_grandpa::{AuthorityId, AuthorityList, ConsensusLog, GRANDPA_ENGINE_ID, SetId};

use crate::{Header, limits::MAX_AUTHORITIES};

/// An authority set that can vote: not empty, bounded, its weights add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySet {
    id: SetId,
    list: AuthorityList,
    voters: VoterSet<AuthorityId>,
}

/// Why a list of authorities is no authority set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthoritySetError {
    /// More than [`MAX_AUTHORITIES`].
    #[error("{0} authorities, at most {MAX_AUTHORITIES} are allowed")]
    TooMany(usize),
    /// No authority has a weight, or the weights exceed 64 bits.
    #[error("the weights are all zero or do not add up")]
    Weights,
}

impl AuthoritySet {
    /// Checks `list` as the authorities of set `id`.
    pub fn new(id: SetId, list: AuthorityList) -> Result<Self, AuthoritySetError> {
        if list.len() > MAX_AUTHORITIES {
            return Err(AuthoritySetError::TooMany(list.len()));
        }
        let voters = VoterSet::new(list.iter().cloned()).ok_or(AuthoritySetError::Weights)?;
        Ok(Self { id, list, voters })
    }

    /// The number of the set, from 0 at genesis; each change adds one.
    pub fn id(&self) -> SetId {
        self.id
    }

    /// Members and weights, in the chain's order.
    pub fn list(&self) -> &AuthorityList {
        &self.list
    }

    pub(crate) fn voters(&self) -> &VoterSet<AuthorityId> {
        &self.voters
    }
}

/// What a block's digest says about the authorities after it.
pub(crate) enum Change {
    /// Finalising the block hands over to this list.
    Scheduled(AuthorityList),
    /// Hands over that many blocks later. `pallet-session` never asks for this.
    Delayed(u32),
    /// Takes effect without finality.
    Forced,
}

/// Reads the digest as GRANDPA voters do: a forced change wins, then the first scheduled one counts; items that do not
/// decode are ignored (`sc-consensus-grandpa`, import of blocks).
pub(crate) fn announced_change(header: &Header) -> Option<Change> {
    let logs =
        || header.digest.logs.iter().filter_map(|item| item.consensus_try_to::<ConsensusLog<u32>>(&GRANDPA_ENGINE_ID));
    if logs().any(|log| matches!(log, ConsensusLog::ForcedChange(..))) {
        return Some(Change::Forced);
    }
    let change = logs().find_map(ConsensusLog::try_into_change)?;
    Some(if change.delay == 0 { Change::Scheduled(change.next_authorities) } else { Change::Delayed(change.delay) })
}
