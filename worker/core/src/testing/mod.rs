//! Whole lives of workers in memory: a real light client over a chain that is built here, real keys, real contracts, virtual
//! time. For tests, simulations and measurements.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "makes the input of tests: a panic here is a failed test"
)]

mod life;
mod world;

use phala_primitives::{AccountId, ClusterId, ContractId, cluster::HttpPolicy};
use phat_engine::{HostFailure, HttpError, Options, Request, Response};
use rand_core::{CryptoRng, RngCore};

pub use life::Life;
pub use world::{World, config};

/// For measurements.
pub use crate::tree::{Tree, TreeKeys};

use crate::Outside;

/// The cluster that there is.
pub const CLUSTER: ClusterId = ClusterId(0);
/// Who runs the workers, owns the cluster and sends the messages.
pub const OPERATOR: AccountId = AccountId([1; 32]);
/// The contract that [`World::deploy`] makes.
pub const CONTRACT: ContractId = ContractId([7; 32]);

/// The same in each run, other with each seed.
pub struct Rng(pub u64);

impl RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = (self.next_u64() >> 40) as u8);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Rng {}

/// An outside without network, randomness and time.
pub struct Nowhere;

impl Outside for Nowhere {
    fn now_ms(&self) -> u64 {
        0
    }
    fn random(&self, _: &mut [u8]) -> Result<(), HostFailure> {
        Err(HostFailure("not part of this test".into()))
    }
    fn fetch(
        &self,
        _: &HttpPolicy,
        requests: Vec<(Request, Option<Options>)>,
        _: u64,
        _: u64,
    ) -> Vec<Result<Response, HttpError>> {
        requests.iter().map(|_| Err(HttpError::TimedOut)).collect()
    }
}
