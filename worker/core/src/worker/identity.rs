//! Who a worker is for as long as it runs: one boot, of one worker, on one chain, for one cluster.

use std::sync::Arc;

use phala_crypto::BootIdentity;
use phala_primitives::{Hash256, WorkerId};

use super::Config;
use crate::chain::Chain;

/// See the [module's documentation](self). A restart is another one.
pub struct Identity {
    /// Hash of the chain's block 0.
    pub genesis: Hash256,
    /// The worker, the same at every boot.
    pub worker: WorkerId,
    /// Its boot, which signs what it says.
    pub boot: Arc<BootIdentity>,
    /// What it is to serve.
    pub config: Config,
}

impl Identity {
    /// Whether the registry names this boot.
    pub fn is_live(&self, chain: &Chain) -> bool {
        chain.entry(&self.worker).is_some_and(|entry| entry.boot_sign == self.boot.boot_sign())
    }
}
