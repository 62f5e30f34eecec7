//! The Merkle tree over the receipts of a report.
//!
//! Binary, in the order of the log; a node without a sibling moves up unchanged. Leaves, nodes and the root are hashed under
//! tags of their own inside [`Domain::Receipt`], and the root binds the number of leaves, so that no part of one tree passes
//! for a part of another.

use alloc::vec::Vec;
use codec::{Decode, Encode};

use crate::{
    Hash256,
    domain::Domain,
    report::{MAX_REPORT_MESSAGES, Receipt},
};

const LEAF: u8 = 0;
const NODE: u8 = 1;
const ROOT: u8 = 2;

/// Siblings on the longest way from a leaf to the root: log2 of [`MAX_REPORT_MESSAGES`].
const MAX_SIBLINGS: usize = MAX_REPORT_MESSAGES.ilog2() as usize;

/// The root of `receipts`, in the order of the log.
pub fn root(genesis: &Hash256, receipts: &[Receipt]) -> Hash256 {
    let count = receipts.len();
    let top = levels(genesis, receipts).last().and_then(|level| level.first().copied());
    seal(genesis, count as u64, top)
}

/// Shows that a receipt is in a report.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptProof {
    /// The position in the report, from 0.
    pub position: u64,
    /// How many receipts the report has.
    pub count: u64,
    /// Hashes beside the way up.
    pub siblings: Vec<Hash256>,
}

impl ReceiptProof {
    /// The proof for `receipts[position]`, or nothing if there is no such receipt.
    pub fn new(genesis: &Hash256, receipts: &[Receipt], position: usize) -> Option<Self> {
        receipts.get(position)?;
        let mut at = position;
        let mut siblings = Vec::new();
        for level in levels(genesis, receipts) {
            siblings.extend(level.get(at ^ 1).filter(|_| level.len() > 1));
            at /= 2;
        }
        Some(Self { position: position as u64, count: receipts.len() as u64, siblings })
    }

    /// Whether `receipt` is in the report whose receipts have this root.
    pub fn verify(&self, genesis: &Hash256, receipt: &Receipt, root: &Hash256) -> bool {
        if self.position >= self.count
            || self.count > u64::from(MAX_REPORT_MESSAGES)
            || self.siblings.len() > MAX_SIBLINGS
        {
            return false;
        }
        let mut siblings = self.siblings.iter();
        let (mut at, mut width) = (self.position, self.count);
        let mut hash = leaf(genesis, receipt);
        while width > 1 {
            let alone = at ^ 1 >= width;
            if !alone {
                let Some(sibling) = siblings.next() else { return false };
                hash = if at & 1 == 0 { node(genesis, &hash, sibling) } else { node(genesis, sibling, &hash) };
            }
            at /= 2;
            width = width.div_ceil(2);
        }
        siblings.next().is_none() && seal(genesis, self.count, Some(hash)) == *root
    }
}

/// All levels, from the leaves to the top.
fn levels(genesis: &Hash256, receipts: &[Receipt]) -> Vec<Vec<Hash256>> {
    let mut levels = Vec::new();
    let mut level: Vec<Hash256> = receipts.iter().map(|receipt| leaf(genesis, receipt)).collect();
    while level.len() > 1 {
        let above = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node(genesis, left, right)),
                [alone] => Some(*alone),
                _ => None,
            })
            .collect();
        levels.push(core::mem::replace(&mut level, above));
    }
    levels.push(level);
    levels
}

fn leaf(genesis: &Hash256, receipt: &Receipt) -> Hash256 {
    Domain::Receipt.digest(genesis, &(LEAF, receipt))
}

fn node(genesis: &Hash256, left: &Hash256, right: &Hash256) -> Hash256 {
    Domain::Receipt.digest(genesis, &(NODE, left, right))
}

fn seal(genesis: &Hash256, count: u64, top: Option<Hash256>) -> Hash256 {
    Domain::Receipt.digest(genesis, &(ROOT, count, top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    const GENESIS: Hash256 = [9; 32];

    fn receipts(count: u8) -> Vec<Receipt> {
        let receipt = |i: u8| Receipt {
            index: u64::from(i),
            status: Status::Success,
            gas_used: 1,
            output: [i; 32],
            events: [0; 32],
        };
        (0..count).map(receipt).collect()
    }

    #[test]
    fn every_receipt_has_a_proof_at_its_place_only() {
        for count in [1u8, 2, 3, 4, 5, 7, 8, 13, 33] {
            let receipts = receipts(count);
            let root = root(&GENESIS, &receipts);
            for (position, receipt) in receipts.iter().enumerate() {
                let proof = ReceiptProof::new(&GENESIS, &receipts, position).unwrap();
                assert!(proof.verify(&GENESIS, receipt, &root), "{position} of {count}");
                assert!(!proof.verify(&[8; 32], receipt, &root));
                assert!(!proof.verify(&GENESIS, &Receipt { gas_used: 2, ..*receipt }, &root));
                for other in 0..u64::from(count) {
                    let moved = ReceiptProof { position: other, ..proof.clone() };
                    assert_eq!(moved.verify(&GENESIS, receipt, &root), other == position as u64);
                }
                let mut longer = proof.clone();
                longer.siblings.push([0; 32]);
                assert!(!longer.verify(&GENESIS, receipt, &root));
            }
            assert!(ReceiptProof::new(&GENESIS, &receipts, usize::from(count)).is_none());
        }
    }

    #[test]
    fn the_root_binds_number_and_order() {
        let three = receipts(3);
        let mut swapped = three.clone();
        swapped.swap(0, 1);
        assert_ne!(root(&GENESIS, &three), root(&GENESIS, &swapped));
        assert_ne!(root(&GENESIS, &three), root(&GENESIS, &receipts(2)));
        assert_ne!(root(&GENESIS, &[]), root(&GENESIS, &receipts(1)));
    }
}
