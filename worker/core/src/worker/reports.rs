//! What the worker says on the chain about the messages that it has executed, signed by its boot.

use phala_primitives::{Report, report::ReportV1};

use super::{
    asked::{Asked, PATIENCE_BLOCKS},
    identity::Identity,
};
use crate::{
    chain::Chain,
    exchange::{Effect, Submission},
    following::Following,
};

/// Reports as far as they are not kept with the log itself.
#[derive(Default)]
pub struct Reports {
    contradicting: Asked,
}

impl Reports {
    /// Submits the report that is due; contradicts what was reported, if that is not what this worker came to.
    pub fn report(&mut self, identity: &Identity, chain: &Chain, following: &mut Following, effects: &mut Vec<Effect>) {
        let quorum = chain.cluster.as_ref().map_or(1, |cluster| cluster.config.latest().quorum);
        let block = chain.at.number();
        match following.report(chain.reported.as_ref(), block, quorum) {
            Ok(Some(report)) => effects.push(signed(identity, report)),
            Ok(None) => {}
            Err(diverged) => {
                effects.push(Effect::Note(diverged.to_string()));
                // where one word suffices nobody else will say that it is not true: the chain then stops, and governance decides
                let ours = chain.reported.as_ref().and_then(|reported| following.contradiction(reported));
                if let (1, true, Some(report)) = (quorum, self.contradicting.due(block, PATIENCE_BLOCKS), ours) {
                    self.contradicting.note(block);
                    effects.push(signed(identity, report));
                }
            }
        }
    }
}

fn signed(identity: &Identity, report: ReportV1) -> Effect {
    let report = Report::V1(report);
    let signature = identity.boot.sign(&report.digest(&identity.genesis));
    Effect::Submit(Box::new(Submission::Report { report, worker: identity.worker, signature }))
}
