//! What only queries have: the clock, randomness, and the network. Given to them by the daemon.

use phala_primitives::cluster::HttpPolicy;
use phat_engine::{HostFailure, HttpError, Options, Request, Response};

/// The world outside, as a query sees it.
pub trait Outside: Send + Sync + 'static {
    /// The host's clock, in milliseconds since the Unix epoch. Hostile: callers never use it below proven chain time.
    fn now_ms(&self) -> u64;
    /// Randomness of the operating system.
    fn random(&self, bytes: &mut [u8]) -> Result<(), HostFailure>;
    /// Exchanges side by side, answered in their order, all done by `deadline_ms` of [`Outside::now_ms`]. TLS certificates are
    /// checked against `time_ms`.
    fn fetch(
        &self,
        policy: &HttpPolicy,
        requests: Vec<(Request, Option<Options>)>,
        time_ms: u64,
        deadline_ms: u64,
    ) -> Vec<Result<Response, HttpError>>;
}
