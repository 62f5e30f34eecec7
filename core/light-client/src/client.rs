//! The client: what it knows, and how it comes to know more.

use alloc::borrow::Cow;
use phala_primitives::Hash256;
use sp_consensus_grandpa::SetId;

use crate::{
    AuthoritySet, AuthoritySetError, Config, ConfigError, FinalityProof, FinalityStep, Header, JustificationError,
    RecoveryKeys, Remedy,
    authorities::{Change, announced_change},
    header_hash,
    limits::MAX_STEPS,
};

/// What the client keeps of a header that the chain has finalised. Only this crate makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalizedHeader {
    pub(crate) number: u32,
    pub(crate) hash: Hash256,
    pub(crate) state_root: Hash256,
}

impl FinalizedHeader {
    /// Of a header that its caller has found to be final.
    pub(crate) fn of(header: &Header) -> Self {
        Self { number: header.number, hash: header_hash(header), state_root: header.state_root.0 }
    }

    /// Height of the block.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Hash of the block.
    pub fn hash(&self) -> &Hash256 {
        &self.hash
    }

    /// Root of the state after the block.
    pub fn state_root(&self) -> &Hash256 {
        &self.state_root
    }
}

/// A light client of one chain. See the [crate's documentation](crate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightClient {
    pub(crate) genesis: Hash256,
    pub(crate) recovery: Option<RecoveryKeys>,
    pub(crate) authorities: AuthoritySet,
    pub(crate) finalized: Option<FinalizedHeader>,
}

/// Why a finality proof was refused. `step` counts from 0 within the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdvanceError {
    /// The proof has no step.
    #[error("the proof is empty")]
    Empty,
    /// The proof has more steps than [`MAX_STEPS`].
    #[error("the proof has {0} steps, at most {MAX_STEPS} are allowed")]
    TooManySteps(usize),
    /// The header is not above the last finalised one: the proof is old, or its steps are out of order.
    #[error("step {step}: block {number} is not above the finalised block {last}")]
    Stale {
        /// Where.
        step: usize,
        /// The height of the step's header.
        number: u32,
        /// The height that is known already.
        last: u32,
    },
    /// The authority set in office did not finalise the header.
    #[error("step {step}: not finalised by authority set {set}: {error}")]
    Justification {
        /// Where.
        step: usize,
        /// The set in office.
        set: SetId,
        /// What is wrong.
        error: JustificationError,
    },
    /// A step before the last hands over to no set, so it is not needed.
    #[error("step {step} is no hand-off")]
    NoHandOff {
        /// Where.
        step: usize,
    },
    /// The chain finalised a forced change of authorities. No proof leads past it.
    #[error("block {number} forces a change of authorities; a recovery anchor is needed")]
    ForcedChange {
        /// The block that says so.
        number: u32,
    },
    /// The chain finalised a change with a delay, which its runtime does not make.
    #[error("block {number} schedules a change of authorities {delay} blocks later, which is not supported")]
    DelayedChange {
        /// The block that says so.
        number: u32,
        /// In blocks.
        delay: u32,
    },
    /// The chain finalised a change to authorities that cannot be followed.
    #[error("block {number} hands over to no authority set: {error}")]
    Authorities {
        /// The block that says so.
        number: u32,
        /// What is wrong with them.
        error: AuthoritySetError,
    },
    /// There is no set number left. Cannot be reached in the life of a chain.
    #[error("no set number is left")]
    LastSet,
}

impl AdvanceError {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::ForcedChange { .. } | Self::LastSet => Remedy::NeedsAnchor,
            Self::DelayedChange { .. } | Self::Authorities { .. } => Remedy::Upgrade,
            _ => Remedy::AskAnotherNode,
        }
    }
}

impl LightClient {
    /// A client that knows the genesis only.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        if let Some(recovery) = &config.recovery {
            recovery.check()?;
        }
        let authorities = config.first_authorities()?;
        Ok(Self { genesis: config.genesis_hash(), recovery: config.recovery.clone(), authorities, finalized: None })
    }

    /// Hash of block 0.
    pub fn genesis(&self) -> &Hash256 {
        &self.genesis
    }

    /// The last finalised header; `None` while only the genesis is known.
    pub fn finalized(&self) -> Option<&FinalizedHeader> {
        self.finalized.as_ref()
    }

    /// The height up to which the chain is known to be final; 0 at genesis.
    pub fn height(&self) -> u32 {
        self.finalized.as_ref().map_or(0, FinalizedHeader::number)
    }

    /// The authorities that finalise the blocks after [`finalized`](Self::finalized).
    pub fn authorities(&self) -> &AuthoritySet {
        &self.authorities
    }

    /// Goes on to the proof's last header, or on error nowhere.
    pub fn advance(&mut self, proof: &FinalityProof) -> Result<&FinalizedHeader, AdvanceError> {
        let steps = proof.steps();
        if steps.len() > MAX_STEPS {
            return Err(AdvanceError::TooManySteps(steps.len()));
        }
        let (head, hand_offs) = steps.split_last().ok_or(AdvanceError::Empty)?;

        let mut height = self.height();
        let mut authorities = Cow::Borrowed(&self.authorities);
        for (index, step) in hand_offs.iter().enumerate() {
            let (_, next) = verify_step(index, step, height, &authorities)?;
            authorities = Cow::Owned(next.ok_or(AdvanceError::NoHandOff { step: index })?);
            height = step.header.number;
        }
        let (header, next) = verify_step(hand_offs.len(), head, height, &authorities)?;

        let changed = match (next, authorities) {
            (None, Cow::Borrowed(_)) => None,
            (None, Cow::Owned(set)) | (Some(set), _) => Some(set),
        };
        if let Some(set) = changed {
            self.authorities = set;
        }
        Ok(self.finalized.insert(header))
    }
}

/// One header above `height`, finalised by `authorities`; and the set that it hands over to, if it does.
fn verify_step(
    step: usize,
    FinalityStep { header, justification }: &FinalityStep,
    height: u32,
    authorities: &AuthoritySet,
) -> Result<(FinalizedHeader, Option<AuthoritySet>), AdvanceError> {
    let number = header.number;
    if number <= height {
        return Err(AdvanceError::Stale { step, number, last: height });
    }
    let hash = header_hash(header);
    justification.verify(hash, number, authorities).map_err(|error| AdvanceError::Justification {
        step,
        set: authorities.id(),
        error,
    })?;
    let finalized = FinalizedHeader { number, hash, state_root: header.state_root.0 };
    Ok((finalized, next_authorities(header, authorities)?))
}

/// The set that a finalised header hands over to. With a delay of 0 the block that announces a change is the last one
/// that the old set finalises.
fn next_authorities(header: &Header, current: &AuthoritySet) -> Result<Option<AuthoritySet>, AdvanceError> {
    let number = header.number;
    match announced_change(header) {
        None => Ok(None),
        Some(Change::Forced) => Err(AdvanceError::ForcedChange { number }),
        Some(Change::Delayed(delay)) => Err(AdvanceError::DelayedChange { number, delay }),
        Some(Change::Scheduled(list)) => {
            let id = current.id().checked_add(1).ok_or(AdvanceError::LastSet)?;
            AuthoritySet::new(id, list).map(Some).map_err(|error| AdvanceError::Authorities { number, error })
        }
    }
}
