//! JSON-RPC over HTTP.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// One node's JSON-RPC.
#[derive(Clone)]
pub struct Rpc {
    url: String,
    agent: ureq::Agent,
}

impl Rpc {
    /// The JSON-RPC at this port of loopback.
    pub fn new(port: u16) -> Self {
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build(),
        );
        Self { url: format!("http://127.0.0.1:{port}"), agent }
    }

    /// The address for WebSocket clients.
    pub fn ws_url(&self) -> String {
        self.url.replacen("http", "ws", 1)
    }

    /// Calls a method; an error answer is an error.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer: Value = self
            .agent
            .post(&self.url)
            .send_json(&request)
            .with_context(|| method.to_owned())?
            .body_mut()
            .read_json()
            .with_context(|| method.to_owned())?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
    }

    /// The hash of the last finalised block.
    pub fn finalized_hash(&self) -> Result<String> {
        let hash = self.call("chain_getFinalizedHead", json!([]))?;
        hash.as_str().map(str::to_owned).context("a block hash is a string")
    }

    /// The height of the last finalised block.
    pub fn finalized_height(&self) -> Result<u64> {
        let hash = self.finalized_hash()?;
        self.height(json!([hash]))
    }

    /// The height of the best block.
    pub fn best_height(&self) -> Result<u64> {
        self.height(json!([]))
    }

    fn height(&self, params: Value) -> Result<u64> {
        let header = self.call("chain_getHeader", params)?;
        let number = header.get("number").and_then(Value::as_str).context("a header has a number")?;
        u64::from_str_radix(number.trim_start_matches("0x"), 16).context("a block number is hex")
    }

    /// The hash of the genesis block.
    pub fn genesis(&self) -> Result<String> {
        let hash = self.call("chain_getBlockHash", json!([0]))?;
        hash.as_str().map(str::to_owned).context("a block hash is a string")
    }
}
