//! One justification: the votes by which an authority set finalised a block.

use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode};
use finality_grandpa::{Message, validate_commit};
use phala_primitives::Hash256;
use sp_consensus_grandpa::{Commit, GrandpaJustification, localized_payload_with_buffer};
use sp_core::{Pair as _, ed25519};

use crate::{
    AuthoritySet, Header,
    ancestry::Ancestry,
    limits::{MAX_ANCESTRY, MAX_VOTES_PER_AUTHORITY},
};

/// Encodes like [`GrandpaJustification`], which nodes store and serve; but decodes under a limit of memory.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
#[cfg_attr(feature = "std", derive(Debug))]
pub struct Justification {
    /// The voting round, within the authority set.
    pub round: u64,
    /// The finalised block and its precommits.
    pub commit: Commit<Header>,
    /// The headers between the lowest precommit and all others.
    pub votes_ancestries: Vec<Header>,
}

impl From<GrandpaJustification<Header>> for Justification {
    fn from(from: GrandpaJustification<Header>) -> Self {
        Self { round: from.round, commit: from.commit, votes_ancestries: from.votes_ancestries }
    }
}

/// Why a justification does not finalise a block. [`Remedy::AskAnotherNode`](crate::Remedy::AskAnotherNode), all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JustificationError {
    /// It is about another block than the header that came with it.
    #[error("it is about another block")]
    OtherBlock,
    /// More votes by members than [`MAX_VOTES_PER_AUTHORITY`] allows.
    #[error("too many votes")]
    TooManyVotes,
    /// More headers than [`MAX_ANCESTRY`].
    #[error("too many headers")]
    TooManyHeaders,
    /// The members that voted have no supermajority, whatever they voted for.
    #[error("too few members of the authority set voted")]
    TooFewVotes,
    /// A member's signature is not over this round, this set and its vote. So it is too if the set is another one.
    #[error("a vote is not signed for this round and authority set")]
    BadSignature,
    /// The headers do not connect the votes, or give them other numbers.
    #[error("the headers do not connect the votes")]
    BrokenAncestry,
    /// The votes do not add up to a supermajority for exactly this block.
    #[error("the votes do not finalise this block")]
    NoSupermajority,
}

impl Justification {
    /// Whether `authorities` finalised the block with this hash and number.
    ///
    /// Votes of strangers, repeated votes and headers that no vote needs are ignored: nodes import them, so an honest
    /// node may serve them.
    pub(crate) fn verify(
        &self,
        hash: Hash256,
        number: u32,
        authorities: &AuthoritySet,
    ) -> Result<(), JustificationError> {
        if self.commit.target_hash.0 != hash || self.commit.target_number != number {
            return Err(JustificationError::OtherBlock);
        }
        if self.votes_ancestries.len() > MAX_ANCESTRY {
            return Err(JustificationError::TooManyHeaders);
        }
        let voters = authorities.voters();
        let precommits: Vec<_> =
            self.commit.precommits.iter().filter(|vote| voters.contains(&vote.id)).cloned().collect();
        if precommits.len() > voters.len().get().saturating_mul(MAX_VOTES_PER_AUTHORITY) {
            return Err(JustificationError::TooManyVotes);
        }

        // Before any signature: who could sign nothing can also cost nothing.
        let present: BTreeSet<_> = precommits.iter().map(|vote| &vote.id).collect();
        let weight =
            present.iter().filter_map(|id| voters.get(id)).fold(0u64, |sum, v| sum.saturating_add(v.weight().get()));
        if weight < voters.threshold().get() {
            return Err(JustificationError::TooFewVotes);
        }

        let mut payload = Vec::new();
        for vote in &precommits {
            let message = Message::Precommit(vote.precommit.clone());
            localized_payload_with_buffer(self.round, authorities.id(), &message, &mut payload);
            if !ed25519::Pair::verify(vote.signature.as_ref(), &payload, vote.id.as_ref()) {
                return Err(JustificationError::BadSignature);
            }
        }

        let ancestry = Ancestry::trace(precommits.iter().map(|vote| &vote.precommit), &self.votes_ancestries)
            .ok_or(JustificationError::BrokenAncestry)?;
        let commit = Commit::<Header> { precommits, ..self.commit_target() };
        match validate_commit(&commit, voters, &ancestry) {
            Ok(result) if result.is_valid() => Ok(()),
            _ => Err(JustificationError::NoSupermajority),
        }
    }

    fn commit_target(&self) -> Commit<Header> {
        Commit::<Header> {
            target_hash: self.commit.target_hash,
            target_number: self.commit.target_number,
            precommits: Vec::new(),
        }
    }
}
