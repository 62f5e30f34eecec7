//! What a caller demands of an answer beside its being true.

use phala_primitives::{Assurance, WorkerId};

use crate::{Because as _, Fault, Result, answer::word};

/// How many blocks an answer may lie behind the newest finalised one, unless its caller says otherwise. An answer is checked against
/// the state of its own block, and nodes that are no archives keep the states of 256 blocks.
pub const MAX_AGE: u32 = 60;

/// What is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demands {
    /// How many blocks an answer may lie behind the newest finalised one.
    pub max_age: u32,
    /// The least that may stand behind it.
    pub assurance: Assurance,
}

impl Default for Demands {
    /// A recent answer, of whatever assurance: the answer says of which.
    fn default() -> Self {
        Self { max_age: MAX_AGE, assurance: Assurance::Software }
    }
}

impl Demands {
    /// Refuses an answer about a block that lies too far behind the newest finalised one.
    pub fn recent(&self, block: u32, newest: u32) -> Result<()> {
        let age = newest.saturating_sub(block);
        if age <= self.max_age {
            return Ok(());
        }
        Err(Fault::WorkerBehind.because(format!(
            "the answer is about block {block}, {age} blocks before the newest one; {} are accepted: its worker is kept from the \
             chain's news, ask another one (`--worker`), or accept older ones (`--max-age`)",
            self.max_age
        )))
    }

    /// Refuses a worker behind which too little stands.
    pub fn assured(&self, worker: WorkerId, assurance: Assurance) -> Result<()> {
        if assurance >= self.assurance {
            return Ok(());
        }
        Err(Fault::TooLittleAssurance.because(format!(
            "worker {worker} has the assurance {}; {} is demanded (`--assurance`): ask another worker (`--worker`) or another cluster",
            word(assurance),
            word(self.assurance)
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    #[test]
    fn an_answer_may_be_as_old_as_is_accepted() {
        let demands = Demands { max_age: 2, ..Demands::default() };
        for (block, newest) in [(7, 7), (5, 7), (8, 7)] {
            demands.recent(block, newest).unwrap();
        }
        let refused = demands.recent(4, 7).unwrap_err();
        assert_eq!(refused.class, Class::Retry);
        assert!(refused.message.contains("3 blocks before"), "{refused}");
    }

    #[test]
    fn software_is_enough_for_those_only_who_do_not_ask_for_hardware() {
        let any = Demands::default();
        let hardware = Demands { assurance: Assurance::Hardware, ..any };
        let worker = WorkerId([1; 32]);
        any.assured(worker, Assurance::Software).unwrap();
        any.assured(worker, Assurance::Hardware).unwrap();
        hardware.assured(worker, Assurance::Hardware).unwrap();
        let refused = hardware.assured(worker, Assurance::Software).unwrap_err();
        assert_eq!(refused.class, Class::User);
        assert!(refused.message.contains("SOFTWARE"), "{refused}");
    }
}
