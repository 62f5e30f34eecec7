//! A node, and the light client that checks what it says.

use std::time::Duration;

use codec::Decode;
use jsonrpsee_client::{
    core::client::{ClientT, Error as RpcError},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use phala_attestation::TrustedRoot;
use phala_extrinsics::Network;
use phala_light_client::{
    AdvanceError, FinalityProof, FinalizedHeader, Header, LightClient, VerifiedRead, header_hash,
};
use phala_primitives::{ClusterId, CodeHash, Hash256, Wire, storage_key};
use serde::de::DeserializeOwned;

use crate::{Because as _, Failure, Fault, Result};

const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const MAX_ANSWER: u32 = 20 * 1024 * 1024;
/// Hand-overs of one proof.
const HANDOFFS: u32 = 64;

/// See the [module's documentation](self).
pub struct Node {
    client: WsClient,
    light: LightClient,
    url: String,
    /// Every proof that the light client has gone on by, from the genesis: with them anybody can go the same way.
    proofs: Vec<Vec<u8>>,
}

/// Some keys of the state, with the nodes that prove them.
pub struct ProvenRead {
    /// The values.
    pub read: VerifiedRead,
    /// The proof.
    pub nodes: Vec<Vec<u8>>,
}

impl Node {
    /// Connects to a node and follows the network's finality from its genesis.
    pub async fn connect(url: &str, network: &Network) -> Result<Self> {
        let unreachable = |error: &dyn std::fmt::Display| {
            Fault::NodeUnreachable.because(format!("the node {url} cannot be reached: {error}"))
        };
        let client = WsClientBuilder::default()
            .connection_timeout(CONNECT)
            .request_timeout(REQUEST)
            .max_response_size(MAX_ANSWER)
            .build(url)
            .await
            .map_err(|error| unreachable(&error))?;
        let light = LightClient::new(&network.light_client()).map_err(|error| Fault::NetworkFile.because(error))?;
        let mut node = Self { client, light, url: url.to_owned(), proofs: Vec::new() };
        let genesis: String = node.ask("chain_getBlockHash", rpc_params![0]).await?;
        let expected = format!("0x{}", hex::encode(network.genesis()));
        if genesis != expected {
            return Err(Fault::OtherChain.because(format!(
                "the node {url} serves the chain with genesis {genesis}, the network file '{}' is of {expected}",
                network.name
            )));
        }
        node.sync().await?;
        // votes do not name their chain: the same validators may serve another one
        let proven = node.read(&[storage_key::block_hash(0)]).await?;
        proven.read.confirm_genesis(&network.genesis()).map_err(|error| node.lied(error))?;
        Ok(node)
    }

    /// What a network file of this node's chain would say. **Trust on first use**: that it is the right chain, nothing checks.
    pub async fn unchecked_network(url: &str, name: Option<String>, roots: Vec<TrustedRoot>) -> Result<Network> {
        #[derive(serde::Deserialize)]
        struct Proof {
            proof: Vec<String>,
        }
        let client = WsClientBuilder::default().connection_timeout(CONNECT).build(url).await;
        let client = client
            .map_err(|error| Fault::NodeUnreachable.because(format!("the node {url} cannot be reached: {error}")))?;
        let said = |error: RpcError| Fault::NodeFailed.because(format!("the node {url}: {error}"));
        let genesis: String = client.request("chain_getBlockHash", rpc_params![0]).await.map_err(said)?;
        let header: Header = client.request("chain_getHeader", rpc_params![&genesis]).await.map_err(said)?;
        let key = format!("0x{}", hex::encode(storage_key::grandpa_authorities()));
        let proof: std::result::Result<Proof, RpcError> =
            client.request("state_getReadProof", rpc_params![[key], &genesis]).await;
        let Proof { proof } = proof.map_err(|error| {
            Fault::NodeFailed.because(format!(
                "the node {url} does not show the state of block 0 ({error}): ask one that keeps it (`--state-pruning archive`)"
            ))
        })?;
        let name = match name {
            Some(name) => name,
            None => client.request("system_chain", rpc_params![]).await.map_err(said)?,
        };
        let node = |text: &String| {
            hex::decode(text.trim_start_matches("0x"))
                .map_err(|_| Fault::NodeFailed.because(format!("the node {url}: no hex")))
        };
        let nodes = proof.iter().map(node).collect::<Result<Vec<_>>>()?;
        Network::new(name, header, &nodes, roots)
            .map_err(|error| Fault::NodeUntrue.because(format!("the node {url}: {error}")))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: jsonrpsee_client::core::params::ArrayParams,
    ) -> Result<T> {
        self.client.request(method, params).await.map_err(|error| {
            Fault::NodeFailed.because(format!("the node {} did not answer {method}: {error}", self.url))
        })
    }

    fn bytes(&self, method: &str, text: &str) -> Result<Vec<u8>> {
        hex::decode(text.trim_start_matches("0x")).map_err(|_| {
            Fault::NodeFailed.because(format!("the node {} answered {method} with what is no hex", self.url))
        })
    }

    fn lied(&self, what: impl std::fmt::Display) -> Failure {
        Fault::NodeUntrue.because(format!("the node {} was caught: {what}; ask another one", self.url))
    }

    /// Goes on to the newest finalised block.
    pub async fn sync(&mut self) -> Result<FinalizedHeader> {
        loop {
            let set = self.light.authorities().id();
            let text: String = self.ask("phat_handoffs", rpc_params![set, HANDOFFS]).await?;
            let bytes = self.bytes("phat_handoffs", &text)?;
            let proof = FinalityProof::from_wire(&bytes).map_err(|error| self.lied(error))?;
            let steps = proof.steps().len();
            match self.light.advance(&proof) {
                Ok(_) => self.proofs.push(bytes),
                Err(AdvanceError::Empty) => {}
                Err(AdvanceError::Stale { step: 0, .. }) if steps == 1 => {}
                Err(error) => return Err(self.lied(error)),
            }
            if u32::try_from(steps).is_ok_and(|steps| steps < HANDOFFS) {
                return self.light.finalized().copied().ok_or_else(nothing_final);
            }
        }
    }

    /// The proofs that lead from the genesis to here.
    pub fn proofs(&self) -> &[Vec<u8>] {
        &self.proofs
    }

    /// The light client.
    pub fn light(&self) -> &LightClient {
        &self.light
    }

    /// Reads keys of the newest finalised state, by proof.
    pub async fn read(&self, keys: &[Vec<u8>]) -> Result<ProvenRead> {
        let at = self.light.finalized().ok_or_else(nothing_final)?;
        self.read_at(at, keys).await
    }

    /// Reads keys of the state after a block, by proof. Nodes that are no archives keep the states of recent blocks only.
    pub async fn read_at(&self, at: &FinalizedHeader, keys: &[Vec<u8>]) -> Result<ProvenRead> {
        #[derive(serde::Deserialize)]
        struct Proof {
            proof: Vec<String>,
        }
        let texts: Vec<String> = keys.iter().map(|key| format!("0x{}", hex::encode(key))).collect();
        let hash = format!("0x{}", hex::encode(at.hash()));
        let Proof { proof } = self.ask("state_getReadProof", rpc_params![texts, hash]).await?;
        let nodes = proof.iter().map(|node| self.bytes("state_getReadProof", node)).collect::<Result<Vec<_>>>()?;
        let read = at.open(&nodes, keys).map_err(|error| self.lied(error))?;
        Ok(ProvenRead { read, nodes })
    }

    /// The header with this hash. Whether its block is final is not looked at.
    pub async fn header(&self, hash: &Hash256) -> Result<Header> {
        let shown = format!("0x{}", hex::encode(hash));
        let header: Option<Header> = self.ask("chain_getHeader", rpc_params![&shown]).await?;
        let header = header.ok_or_else(|| {
            Fault::NodeFailed.because(format!("the node {} has no block {shown}: ask another one", self.url))
        })?;
        if header_hash(&header) == *hash { Ok(header) } else { Err(self.lied("another header")) }
    }

    /// One value of the newest finalised state.
    pub async fn get<T: Decode>(&self, key: Vec<u8>) -> Result<Option<T>> {
        let proven = self.read(std::slice::from_ref(&key)).await?;
        Ok(proven.read.get(&key).map_err(|error| self.lied(error))?.into_inner())
    }

    /// The evidence with this hash.
    pub async fn evidence(&self, hash: &Hash256) -> Result<Vec<u8>> {
        let text: String = self.ask("phat_evidence", rpc_params![format!("0x{}", hex::encode(hash))]).await?;
        let bytes = self.bytes("phat_evidence", &text)?;
        if sp_crypto_hashing::blake2_256(&bytes) == *hash { Ok(bytes) } else { Err(self.lied("other evidence")) }
    }

    /// A chunk of code.
    pub async fn code_chunk(&self, cluster: ClusterId, code: CodeHash, chunk: &Hash256) -> Result<Vec<u8>> {
        let chunk_hex = format!("0x{}", hex::encode(chunk));
        let text: String = self.ask("phat_code", rpc_params![cluster.0, code.to_string(), chunk_hex]).await?;
        let bytes = self.bytes("phat_code", &text)?;
        if sp_crypto_hashing::blake2_256(&bytes) == *chunk { Ok(bytes) } else { Err(self.lied("other code")) }
    }

    /// The keys of a storage prefix, as far as the node says: what they hold is read by proof, which of them there are is not proven.
    pub async fn unproven_keys(&self, prefix: &[u8], limit: u32) -> Result<Vec<Vec<u8>>> {
        let prefix = format!("0x{}", hex::encode(prefix));
        let keys: Vec<String> = self.ask("state_getKeysPaged", rpc_params![prefix, limit]).await?;
        keys.iter().map(|key| self.bytes("state_getKeysPaged", key)).collect()
    }
}

fn nothing_final() -> Failure {
    Fault::NotYet.because("nothing is finalised yet")
}
