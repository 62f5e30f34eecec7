//! A worker with a daemon that has no network, no disk and no clock.

use std::sync::Arc;

use phala_crypto::{BootIdentity, verify_boot};
use phala_primitives::Hash256;
use phat_engine::{Pool, Revision, Stack};

use super::{CLUSTER, Nowhere, OPERATOR, Rng, World};
use crate::{Codes, Config, Effect, Input, Parts, Queries, StepError, Submission, View, Want, Worker, store::Store};

/// What takes longer does not come to an end.
const STEPS: usize = 5_000;

/// A worker from boot to end, and its daemon.
pub struct Life {
    /// The worker.
    pub worker: Worker,
    /// What it is known by until it ends.
    pub boot: Arc<BootIdentity>,
    /// What answers its queries.
    pub queries: Queries,
    view: Option<Arc<View>>,
    rng: Rng,
    now: u64,
}

impl Life {
    /// Boots. Seeds of the same hundred are boots of the same worker; `platform` is whether the machine can seal.
    pub fn new(world: &World, seed: u64, store: Arc<dyn Store>, platform: bool) -> Self {
        let boot = Arc::new(BootIdentity::generate(&mut Rng(seed)));
        let config = Config {
            chain: world.chain.config().clone(),
            cluster: CLUSTER,
            operator: OPERATOR,
            salt: [(seed / 100) as u8; 32],
            endpoint: None,
        };
        let parts = Parts {
            boot: boot.clone(),
            store,
            codes: Codes::new(Revision::V1, Pool { calls: 2, memory_bytes: 1 << 20 }).unwrap(),
            outside: Arc::new(Nowhere),
            platform: platform.then(|| zeroize::Zeroizing::new([3; 32])),
        };
        let queries = Queries::new(world.genesis(), boot.clone(), 20_000_000);
        Self { worker: Worker::new(config, parts).unwrap(), boot, queries, view: None, rng: Rng(seed + 1), now: 0 }
    }

    /// One exchange. `lie` may put something else in the place of what the world says.
    pub fn step(
        &mut self,
        world: &mut World,
        peer: Option<&Queries>,
        lie: &mut dyn FnMut(&Want, Input) -> Input,
    ) -> Result<bool, StepError> {
        let want = self.worker.want(self.now);
        let quiet = matches!(want, Want::Nothing { .. });
        let honest = world.answer(&want, peer);
        let input = lie(&want, honest);
        let (worker, rng, now) = (&mut self.worker, &mut self.rng, self.now);
        let mut effects = Vec::new();
        let result = Stack::run(|stack| worker.step(stack, input, now, rng, &mut effects)).unwrap();
        let mut quiet = quiet;
        for effect in effects {
            match effect {
                Effect::Submit(submission) => {
                    if let Submission::Report { report, signature, .. } = &*submission {
                        let digest = report.digest(&world.genesis());
                        verify_boot(&self.boot.boot_sign(), &digest, signature).unwrap();
                    }
                    world.submit(*submission);
                    quiet = false;
                }
                Effect::Admit(members) => self.queries.admit(members),
                Effect::Publish(view) => {
                    self.queries.publish(view.clone());
                    self.view = Some(view);
                }
                Effect::Retract => {
                    self.queries.retract();
                    self.view = None;
                }
                Effect::Withhold { next_index } => self.queries.withhold(next_index),
                _ => {}
            }
        }
        self.now += 300;
        result.map(|()| quiet)
    }

    /// Runs until there is nothing to do for a while.
    pub fn settle(&mut self, world: &mut World, peer: Option<&Queries>) {
        let mut quiet = 0;
        for _ in 0..STEPS {
            match self.step(world, peer, &mut |_, honest| honest) {
                Ok(true) => quiet += 1,
                Ok(false) => {}
                Err(StepError::Host(_)) => self.now += 1_000,
                Err(error) => panic!("{error}"),
            }
            if quiet > 8 {
                return;
            }
        }
        panic!("the worker does not come to rest; it wants {:?}", self.worker.want(self.now));
    }

    /// Root of the state that it answers from.
    pub fn root(&self) -> Hash256 {
        self.view.as_ref().expect("a view").state_root()
    }
}
