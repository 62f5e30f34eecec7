//! The harness of the end-to-end scenarios: a [`Net`] of real `phala-node` processes on loopback ports that the system
//! chooses, each with a directory of its own. Logs are kept, and their place printed, when a scenario fails.
//!
//! Scenarios wait for conditions with a deadline; nothing sleeps and hopes.

mod chain;
mod devnet;
mod feed;
mod liar;
mod net;
mod process;
mod rpc;

pub use chain::Spec;
pub use devnet::{Devnet, text};
pub use feed::{Authority, Certificate, Feed};
pub use liar::{Liar, Lie};
pub use net::{Net, NetBuilder, Node};
pub use process::{Exit, Process, binary, run};
pub use rpc::Rpc;

use std::time::{Duration, Instant};

/// Polls until `probe` gives a value; an error that says what was awaited, and the last failure, after `deadline`.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    const INTERVAL: Duration = Duration::from_millis(100);
    let start = Instant::now();
    loop {
        let last = match probe() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if start.elapsed() >= deadline {
            let reason = last.map(|error| format!(": {error:#}")).unwrap_or_default();
            anyhow::bail!("waited {} s for {what}{reason}", deadline.as_secs());
        }
        std::thread::park_timeout(INTERVAL);
    }
}
