//! The blocks between the votes of a justification.

use alloc::{collections::BTreeMap, vec::Vec};
use finality_grandpa::{Chain, Error};
use sp_consensus_grandpa::Precommit;
use sp_core::H256;

use crate::{Header, header_hash};

/// Parents of the blocks from every vote down to the lowest vote, with their numbers checked: a vote's number is signed
/// together with its hash, but nothing binds the two before this does.
pub(crate) struct Ancestry {
    base: H256,
    parents: BTreeMap<H256, H256>,
}

impl Ancestry {
    /// Walks from each vote to the lowest one. `None` if `headers` lack a block of the way or disagree with a number.
    /// Surplus headers do no harm. Each header is walked over once, however many votes lie above it.
    pub(crate) fn trace<'a>(
        votes: impl Iterator<Item = &'a Precommit<Header>> + Clone,
        headers: &[Header],
    ) -> Option<Self> {
        let headers: BTreeMap<H256, &Header> = headers.iter().map(|h| (H256(header_hash(h)), h)).collect();
        let lowest = votes.clone().min_by_key(|vote| vote.target_number)?;
        let mut parents = BTreeMap::new();
        for vote in votes {
            let (mut hash, mut number) = (vote.target_hash, vote.target_number);
            // The vote graph counts one block past the highest vote.
            number.checked_add(1)?;
            while hash != lowest.target_hash {
                let header = headers.get(&hash)?;
                if header.number != number || number <= lowest.target_number {
                    return None;
                }
                if parents.insert(hash, header.parent_hash).is_some() {
                    break;
                }
                hash = header.parent_hash;
                number = number.checked_sub(1)?;
            }
            if hash == lowest.target_hash && number != lowest.target_number {
                return None;
            }
        }
        Some(Self { base: lowest.target_hash, parents })
    }
}

impl Chain<H256, u32> for Ancestry {
    fn ancestry(&self, base: H256, block: H256) -> Result<Vec<H256>, Error> {
        let mut route = Vec::new();
        let mut hash = block;
        while hash != base {
            hash = *self.parents.get(&hash).ok_or(Error::NotDescendent)?;
            route.push(hash);
        }
        route.pop();
        Ok(route)
    }

    fn is_equal_or_descendent_of(&self, base: H256, block: H256) -> bool {
        // Everything that was traced descends from the lowest vote: the usual question needs no walk.
        base == block
            || if base == self.base { self.parents.contains_key(&block) } else { self.ancestry(base, block).is_ok() }
    }
}
