//! The harness of the end-to-end scenarios: real processes on loopback ports that the system chooses, each with a directory of its
//! own. A [`Net`] is made of nodes alone; a [`Devnet`] is what the README starts, with a worker and `phala`. Logs are kept, and their
//! place printed, when a scenario fails.
//!
//! Scenarios wait for conditions with a deadline; nothing sleeps and hopes.

mod account;
mod chain;
mod counter;
mod devnet;
mod feed;
mod liar;
mod metadata;
mod net;
mod process;
mod rpc;
mod turn;

pub use account::{Account, Sent};
pub use chain::Spec;
pub use counter::{Counter, follows};
pub use devnet::{Devnet, is_gone, text};
pub use feed::{Authority, Certificate, Feed};
pub use liar::{Liar, Lie};
pub use net::{Net, NetBuilder, Node};
pub use process::{Exit, Process, binary, run};
pub use rpc::{Funds, Rpc};
pub use turn::Turn;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Bytes as JSON-RPC has them.
pub fn to_hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The bytes behind [`to_hex`].
pub fn from_hex(text: &str) -> Result<Vec<u8>> {
    hex::decode(text.trim_start_matches("0x")).with_context(|| format!("no hex: {text:.80}"))
}

/// 32 bytes behind [`to_hex`]: an id, or a hash.
pub fn from_hex32(text: &str) -> Result<[u8; 32]> {
    from_hex(text)?.try_into().map_err(|bytes: Vec<u8>| anyhow::anyhow!("{} bytes where 32 are expected", bytes.len()))
}

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
