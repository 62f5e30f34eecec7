//! JSON-RPC over HTTP.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use codec::{Decode, DecodeAll as _};
use phala_primitives::{AccountId, Hash256, message::Balance, storage_key};
use serde_json::{Value, json};

use crate::{from_hex, to_hex};

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

    /// The height of the block with this hash.
    pub fn height_of(&self, block: &Hash256) -> Result<u64> {
        self.height(json!([to_hex(block)]))
    }

    /// What the best block's state has under a key. Nothing proves it.
    pub fn state<T: Decode>(&self, key: &[u8]) -> Result<Option<T>> {
        let value = self.call("state_getStorage", json!([to_hex(key)]))?;
        let decode = |text: &str| -> Result<T> { Ok(T::decode_all(&mut from_hex(text)?.as_slice())?) };
        value.as_str().map(decode).transpose()
    }

    /// What an account has, in the best block's state.
    pub fn funds(&self, account: &AccountId) -> Result<Funds> {
        // nonce, consumers, providers, sufficients; free, reserved, frozen, flags
        type Entry = ([u32; 4], [Balance; 4]);
        let ([transactions, ..], [free, held, ..]) =
            self.state::<Entry>(&storage_key::account(account))?.unwrap_or_default();
        Ok(Funds { transactions, free, held })
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

/// What the chain keeps of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funds {
    /// Transactions that it has signed.
    pub transactions: u32,
    /// What it can pay with, in planck.
    pub free: Balance,
    /// What is on hold, in planck.
    pub held: Balance,
}

impl Funds {
    /// All that it owns, in planck.
    pub fn total(&self) -> Balance {
        self.free + self.held
    }
}
