//! When queries are answered: from the state at the newest proven head, by a live member that agrees with its cluster;
//! else not.

use std::sync::Arc;

use super::{error::StepError, identity::Identity, phase::Phase};
use crate::{chain::Chain, exchange::Effect, following::Following, view::View};

/// Whether queries are answered from a view of this worker.
#[derive(Default)]
pub struct Answers {
    published: bool,
}

impl Answers {
    /// Takes back what was published, if this boot is no live member any more, or its state is not the cluster's.
    pub fn retract(&mut self, phase: Phase, following: Option<&Following>, effects: &mut Vec<Effect>) {
        let diverged = following.is_some_and(Following::has_diverged);
        if self.published && (diverged || phase != Phase::Following) {
            self.published = false;
            effects.push(Effect::Retract);
        }
    }

    /// Publishes what has been reached, if it is all that the chain knows of.
    pub fn publish(
        &mut self,
        identity: &Identity,
        chain: &Chain,
        following: &mut Following,
        effects: &mut Vec<Effect>,
    ) -> Result<(), StepError> {
        let (Some(cluster), Some(entry)) = (&chain.cluster, chain.entry(&identity.worker)) else { return Ok(()) };
        let reached = chain.head.is_some_and(|head| *head == following.position());
        if !reached || following.has_diverged() {
            return Ok(());
        }
        let Some((config, tree)) = following.state()? else { return Ok(()) };
        self.published = true;
        effects.push(Effect::Publish(Arc::new(View {
            cluster: following.cluster().clone(),
            config,
            status: cluster.status,
            owner: cluster.owner,
            block: chain.at.number(),
            block_hash: *chain.at.hash(),
            time_ms: chain.time_ms,
            head: following.position(),
            tree,
            worker: identity.worker,
            boot_count: entry.boot_count,
            assurance: entry.claims.assurance,
        })));
        Ok(())
    }
}
