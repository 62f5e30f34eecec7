//! The node's JSON-RPC, as far as the devnet asks it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// See the [module's documentation](self).
pub struct Rpc {
    url: String,
    agent: ureq::Agent,
}

impl Rpc {
    /// At a port of loopback.
    pub fn new(port: u16) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build();
        Self { url: format!("http://127.0.0.1:{port}"), agent: ureq::Agent::new_with_config(config) }
    }

    fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value = self.agent.post(&self.url).send_json(&request)?.body_mut().read_json()?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer.get("result").cloned().unwrap_or_default()),
        }
    }

    /// The height of the last finalised block.
    pub fn finalized(&self) -> Result<u32> {
        let hash = self.call("chain_getFinalizedHead", json!([]))?;
        let header = self.call("chain_getHeader", json!([hash]))?;
        let number = header.get("number").and_then(Value::as_str).context("a header without a number")?;
        Ok(u32::from_str_radix(number.trim_start_matches("0x"), 16)?)
    }
}
