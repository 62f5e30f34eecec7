//! How a boot comes to its places: in the registry, by evidence that binds it to a recent block, and in the cluster, by
//! an offer to the cluster's owner.
//!
//! ```text
//! Registering: want evidence ─▶ submit it ── the registry does not name the boot ──▶ after PATIENCE_BLOCKS again
//! Joining:     offer the worker ─────────── the owner does not take it ───────────▶ after OFFER_BLOCKS again
//! ```

use phala_primitives::report_data::BootBinding;

use super::{
    asked::{Asked, PATIENCE_BLOCKS},
    identity::Identity,
};
use crate::{
    chain::Chain,
    exchange::{Effect, Submission, Want},
};

/// How many blocks a cluster's owner has to take an offer before it is made again.
const OFFER_BLOCKS: u32 = 14_400;

/// What was submitted for the boot's places.
#[derive(Default)]
pub struct Registration {
    registering: Asked,
    offering: Asked,
}

impl Registration {
    /// Evidence, if it is time to register.
    pub fn want(&self, identity: &Identity, chain: &Chain) -> Option<Want> {
        let due = self.registering.due(chain.at.number(), PATIENCE_BLOCKS);
        due.then(|| Want::Evidence { report_data: binding(identity, chain).report_data() })
    }

    /// Registers the boot with this evidence.
    pub fn register(&mut self, identity: &Identity, chain: &Chain, evidence: Vec<u8>, effects: &mut Vec<Effect>) {
        let BootBinding { boot_sign, boot_kem, worker, block, block_hash, .. } = binding(identity, chain);
        effects.push(Effect::Submit(Box::new(Submission::Register {
            worker,
            salt: identity.config.salt,
            boot_sign,
            boot_kem,
            block,
            block_hash,
            evidence,
            endpoint: identity.config.endpoint.clone(),
        })));
        self.registering.note(block);
    }

    /// Offers the worker to the cluster's owner, unless that is the operator, who needs no offer to take it.
    pub fn offer(&mut self, identity: &Identity, chain: &Chain, effects: &mut Vec<Effect>) {
        let (worker, cluster, block) = (identity.worker, identity.config.cluster, chain.at.number());
        let owns = chain.cluster.as_ref().is_some_and(|cluster| cluster.owner == identity.config.operator);
        if !owns && self.offering.due(block, OFFER_BLOCKS) {
            self.offering.note(block);
            effects.push(Effect::Submit(Box::new(Submission::Offer { worker, cluster })));
        }
    }
}

fn binding(identity: &Identity, chain: &Chain) -> BootBinding {
    BootBinding {
        genesis: identity.genesis,
        boot_sign: identity.boot.boot_sign(),
        boot_kem: identity.boot.boot_kem(),
        worker: identity.worker,
        operator: identity.config.operator,
        block: chain.at.number(),
        block_hash: *chain.at.hash(),
    }
}
