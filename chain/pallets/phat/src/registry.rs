//! The edge to the registry of workers, wired by the runtime.

use phala_primitives::{BootSign, WorkerId};

/// What this pallet asks about workers.
pub trait WorkerRegistry<AccountId> {
    /// The account that runs a worker with a live boot.
    fn operator(worker: &WorkerId) -> Option<AccountId>;
    /// The signing key of a worker's live boot.
    fn live_boot(worker: &WorkerId) -> Option<BootSign>;
}
