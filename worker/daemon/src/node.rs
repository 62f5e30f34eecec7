//! The nodes that the worker asks. None is trusted: whoever is caught lying, or does not answer, is left for the next one.

use std::time::Duration;

use jsonrpsee_client::{
    core::client::{ClientT, SubscriptionClientT},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use phala_primitives::{ClusterId, CodeHash, Hash256, LogHead};
use phala_worker_core::Page;
use serde::de::DeserializeOwned;

use crate::backoff::Backoff;

const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(30);
/// The longest answer, in bytes: a finality proof at its limit, in hex.
const MAX_ANSWER: u32 = 20 * 1024 * 1024;
/// How long to wait before nodes are tried again.
const PAUSES: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(30) };

/// Why no node gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It does not answer.
    #[error("the node {url} does not answer: {reason}")]
    Unreachable {
        /// Its URL.
        url: String,
        /// Why.
        reason: String,
    },
    /// It is of another chain.
    #[error(
        "the node {url} serves the chain with genesis 0x{found}, not 0x{expected}: check --node and the network file"
    )]
    OtherGenesis {
        /// Its URL.
        url: String,
        /// As it says.
        found: String,
        /// As configured.
        expected: String,
    },
    /// It refuses, or says something that cannot be read.
    #[error("the node {url} did not answer {method}: {reason}")]
    Refused {
        /// Its URL.
        url: String,
        /// What was asked.
        method: &'static str,
        /// What it said.
        reason: String,
    },
}

impl NodeError {
    /// What it is counted as.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::OtherGenesis { .. } => "other_genesis",
            Self::Refused { .. } => "no_answer",
        }
    }
}

/// Several nodes of one chain, one of which is asked.
pub struct Nodes {
    urls: Vec<String>,
    genesis: Hash256,
    current: usize,
    client: Option<WsClient>,
    heads: Option<jsonrpsee_client::core::client::Subscription<serde_json::Value>>,
    failures: u32,
}

impl Nodes {
    /// Will ask these, in this order. At least one.
    pub fn new(urls: Vec<String>, genesis: Hash256) -> Self {
        Self { urls, genesis, current: 0, client: None, heads: None, failures: 0 }
    }

    /// The node that is asked now.
    pub fn url(&self) -> String {
        let index = self.current.checked_rem(self.urls.len()).unwrap_or(0);
        self.urls.get(index).cloned().unwrap_or_default()
    }

    /// Leaves a node: the next one is asked. Says how long to wait before.
    pub fn leave(&mut self, reason: &str) -> Duration {
        tracing::warn!(node = %self.url(), reason, "leaving the node");
        self.client = None;
        self.heads = None;
        self.current = self.current.wrapping_add(1);
        self.failures = self.failures.saturating_add(1);
        // a full round over all nodes is one failure
        let rounds = self.failures.checked_div(u32::try_from(self.urls.len()).unwrap_or(1)).unwrap_or(0);
        PAUSES.pause(rounds.saturating_add(1))
    }

    /// The node has said something that was worth it.
    pub fn keep(&mut self) {
        self.failures = 0;
    }

    async fn client(&mut self) -> Result<&WsClient, NodeError> {
        let connected = self.client.as_ref().is_some_and(WsClient::is_connected);
        if !connected {
            let url = self.url();
            let unreachable = |reason: String| NodeError::Unreachable { url: url.clone(), reason };
            let client = WsClientBuilder::default()
                .connection_timeout(CONNECT)
                .request_timeout(REQUEST)
                .max_response_size(MAX_ANSWER)
                .build(&url)
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            let genesis: String = client
                .request("chain_getBlockHash", rpc_params![0])
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            let (found, expected) = (genesis.trim_start_matches("0x"), hex::encode(self.genesis));
            if found != expected {
                let found = found.chars().take(64).collect();
                return Err(NodeError::OtherGenesis { url, found, expected });
            }
            // only a hint that there may be news: without it the worker asks by itself
            self.heads = client
                .subscribe("chain_subscribeFinalizedHeads", rpc_params![], "chain_unsubscribeFinalizedHeads")
                .await
                .ok();
            tracing::info!(node = %url, "connected");
            self.client = Some(client);
        }
        self.client.as_ref().ok_or_else(|| NodeError::Unreachable { url: self.urls.concat(), reason: "gone".into() })
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: &'static str,
        params: jsonrpsee_client::core::params::ArrayParams,
    ) -> Result<T, NodeError> {
        let url = self.url();
        let client = self.client().await?;
        client.request(method, params).await.map_err(|error| match error {
            jsonrpsee_client::core::client::Error::Call(refusal) => {
                NodeError::Refused { url, method, reason: refusal.message().chars().take(300).collect() }
            }
            jsonrpsee_client::core::client::Error::ParseError(error) => {
                NodeError::Refused { url, method, reason: error.to_string() }
            }
            other => NodeError::Unreachable { url, reason: other.to_string() },
        })
    }

    fn bytes(&self, method: &'static str, text: &str) -> Result<Vec<u8>, NodeError> {
        let refused = || NodeError::Refused { url: self.url(), method, reason: "the answer is no hex".into() };
        hex::decode(text.strip_prefix("0x").ok_or_else(refused)?).map_err(|_| refused())
    }

    /// Hand-overs of authority since a set, and the newest finalised header.
    pub async fn handoffs(&mut self, from_set: u64, limit: u32) -> Result<Vec<u8>, NodeError> {
        let text: String = self.ask("phat_handoffs", rpc_params![from_set, limit]).await?;
        self.bytes("phat_handoffs", &text)
    }

    /// Trie nodes that lead to these keys.
    pub async fn read_proof(&mut self, at: &Hash256, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, NodeError> {
        #[derive(serde::Deserialize)]
        struct Proof {
            proof: Vec<String>,
        }
        let keys: Vec<String> = keys.iter().map(|key| format!("0x{}", hex::encode(key))).collect();
        let at = format!("0x{}", hex::encode(at));
        let Proof { proof } = self.ask("state_getReadProof", rpc_params![keys, at]).await?;
        proof.iter().map(|node| self.bytes("state_getReadProof", node)).collect()
    }

    /// The last bodies before a head, but none before `from`.
    pub async fn messages(
        &mut self,
        ClusterId(cluster): ClusterId,
        head: &LogHead,
        from: u64,
        limit: u32,
    ) -> Result<Page, NodeError> {
        #[derive(serde::Deserialize)]
        struct Messages {
            before: String,
            messages: Vec<String>,
        }
        const METHOD: &str = "phat_messages";
        let hash = format!("0x{}", hex::encode(head.hash));
        let Messages { before, messages } =
            self.ask(METHOD, rpc_params![cluster, hash, head.next_index, from, limit]).await?;
        let before = self.bytes(METHOD, &before)?.try_into().map_err(|_| NodeError::Refused {
            url: self.url(),
            method: METHOD,
            reason: "the hash before the messages is none".into(),
        })?;
        let bodies = messages.iter().map(|body| self.bytes(METHOD, body)).collect::<Result<_, _>>()?;
        Ok(Page { before, bodies })
    }

    /// A chunk of code.
    pub async fn code_chunk(
        &mut self,
        ClusterId(cluster): ClusterId,
        code: &CodeHash,
        chunk: &Hash256,
    ) -> Result<Vec<u8>, NodeError> {
        let chunk = format!("0x{}", hex::encode(chunk));
        let text: String = self.ask("phat_code", rpc_params![cluster, code.to_string(), chunk]).await?;
        self.bytes("phat_code", &text)
    }

    /// Waits for a hint of news, but not longer than this.
    pub async fn wait(&mut self, longest: Duration) {
        match &mut self.heads {
            Some(heads) => {
                if let Ok(None) = tokio::time::timeout(longest, heads.next()).await {
                    self.heads = None;
                    self.client = None;
                }
            }
            None => tokio::time::sleep(longest).await,
        }
    }
}

#[cfg(test)]
mod tests;
