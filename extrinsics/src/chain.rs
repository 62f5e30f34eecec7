//! A chain, through one of its nodes.

use std::{sync::Arc, time::Duration};

use codec::Decode;
use frame_metadata::RuntimeMetadata;
use merkleized_metadata::{ExtraInfo, generate_metadata_digest};
use phala_primitives::Hash256;
use scale_info::TypeDef;
use subxt::{
    OnlineClient,
    backend::LegacyBackend,
    error::{DispatchError, TransactionEventsError},
    metadata::Metadata,
    rpcs::{RpcClient, rpc_params},
    tx::{TransactionInBlock, TransactionProgress, TransactionStatus},
};

use crate::{Call, Signer, config::PhalaConfig, config::params};

/// Facts about the chain that are part of the metadata's hash. They are this project's, not the node's word.
const SYMBOL: &str = "PHA";
const DECIMALS: u8 = 12;
const SS58_PREFIX: u16 = 30;
/// The version of the metadata that transactions are encoded by: the only one that can be hashed.
const METADATA_VERSION: u32 = 15;
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody answers there, or not as a node does. Worth a retry.
    #[error("the node at {url} cannot be reached: {reason}")]
    Unreachable {
        /// Its URL.
        url: String,
        /// Why.
        reason: String,
    },
    /// The node is of another chain.
    #[error(
        "the node at {url} serves the chain with genesis 0x{found}, not 0x{expected}: check the URL and the network file"
    )]
    OtherGenesis {
        /// Its URL.
        url: String,
        /// As configured.
        expected: String,
        /// As it says.
        found: String,
    },
    /// The metadata that it gives cannot be hashed.
    #[error("the metadata of the node at {url} cannot be used: {reason}")]
    Metadata {
        /// Its URL.
        url: String,
        /// Why.
        reason: String,
    },
}

/// Why a transaction did not take effect.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The chain executed it and refused. Do not send it again as it is.
    #[error("the chain refused {call}: {pallet}::{name}: {docs}")]
    Dispatch {
        /// The call.
        call: String,
        /// Whose error.
        pallet: String,
        /// Which.
        name: String,
        /// What the metadata say about it.
        docs: String,
    },
    /// The pool or the chain's checks did not take it: no funds for the fee, a stale nonce, other metadata.
    #[error("{call} was not accepted: {reason}")]
    Invalid {
        /// The call.
        call: String,
        /// Why.
        reason: String,
    },
    /// The node failed or went away. Whether it was executed is not known.
    #[error("{call} was lost: {reason}")]
    Lost {
        /// The call.
        call: String,
        /// Why.
        reason: String,
    },
}

impl SubmitError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Dispatch { .. })
    }
}

/// See the [module's documentation](self). Clones share the connection.
#[derive(Clone)]
pub struct Chain {
    client: OnlineClient<PhalaConfig>,
    config: PhalaConfig,
    rpc: RpcClient,
    url: String,
    /// The next nonce of the account that signed last, so that several transactions can be in flight.
    nonces: Arc<tokio::sync::Mutex<()>>,
}

impl Chain {
    /// Connects, and checks the chain's genesis if one is given.
    pub async fn connect(url: &str, genesis: Option<Hash256>) -> Result<Self, ConnectError> {
        let unreachable = |reason: String| ConnectError::Unreachable { url: url.to_owned(), reason };
        let config = PhalaConfig::default();
        let connecting = async {
            let rpc = RpcClient::from_insecure_url(url).await.map_err(|error| unreachable(error.to_string()))?;
            let backend = LegacyBackend::builder().build(rpc.clone());
            let client = OnlineClient::<PhalaConfig>::from_backend_with_config(config.clone(), Arc::new(backend))
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            Ok((rpc, client))
        };
        let (rpc, client) =
            tokio::time::timeout(CONNECT, connecting).await.map_err(|_| unreachable("no answer in time".into()))??;
        let found = client.genesis_hash().0;
        if let Some(expected) = genesis.filter(|expected| *expected != found) {
            let (expected, found) = (hex::encode(expected), hex::encode(found));
            return Err(ConnectError::OtherGenesis { url: url.into(), expected, found });
        }
        Ok(Self { client, config, rpc, url: url.to_owned(), nonces: Arc::default() })
    }

    /// The hash of block 0.
    pub fn genesis(&self) -> Hash256 {
        self.client.genesis_hash().0
    }

    /// Fetches the metadata of the runtime that the node has now, and computes their hash, unless they are known. Whether the chain
    /// has the same is settled by the chain, which knows the hash of its own.
    async fn learn_metadata(&self) -> Result<(), ConnectError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            spec_name: String,
            spec_version: u32,
        }
        let failed = |reason: String| ConnectError::Metadata { url: self.url.clone(), reason };
        let version: Version = self
            .rpc
            .request("state_getRuntimeVersion", rpc_params![])
            .await
            .map_err(|error| failed(error.to_string()))?;
        if self.config.knows(version.spec_version) {
            return Ok(());
        }
        let argument = format!("0x{}", hex::encode(codec::Encode::encode(&METADATA_VERSION)));
        let opaque: String = self
            .rpc
            .request("state_call", rpc_params!["Metadata_metadata_at_version", argument])
            .await
            .map_err(|error| failed(error.to_string()))?;
        let bytes = hex::decode(opaque.trim_start_matches("0x")).map_err(|error| failed(error.to_string()))?;
        let inner = Option::<Vec<u8>>::decode(&mut bytes.as_slice())
            .map_err(|error| failed(error.to_string()))?
            .ok_or_else(|| failed(format!("it has no metadata of version {METADATA_VERSION}")))?;
        let (prefixed, metadata) = (
            frame_metadata::RuntimeMetadataPrefixed::decode(&mut inner.as_slice()),
            Metadata::decode(&mut inner.as_slice()),
        );
        let prefixed = prefixed.map_err(|error| failed(error.to_string()))?;
        let metadata = metadata.map_err(|error| failed(error.to_string()))?;
        covered(&prefixed.1).map_err(failed)?;
        let extra = ExtraInfo {
            spec_version: version.spec_version,
            spec_name: version.spec_name,
            base58_prefix: SS58_PREFIX,
            decimals: DECIMALS,
            token_symbol: SYMBOL.into(),
        };
        let hash = generate_metadata_digest(&prefixed.1, extra).map_err(failed)?.hash();
        self.config.learn(version.spec_version, Arc::new(metadata), hash);
        Ok(())
    }

    /// Signs and submits a call.
    pub async fn submit(&self, signer: &Signer, call: &Call) -> Result<Submitted, SubmitError> {
        let name = call.name();
        let lost = |reason: String| SubmitError::Lost { call: name.clone(), reason };
        let invalid = |reason: String| SubmitError::Invalid { call: name.clone(), reason };
        self.learn_metadata().await.map_err(|error| invalid(error.to_string()))?;
        let at = self.client.at_current_block().await.map_err(|error| lost(error.to_string()))?;
        // what is signed is encoded by the very metadata whose hash it carries
        let hash = self.config.hash_of(at.spec_version(), &at.metadata());
        let hash = hash.ok_or_else(|| invalid("the node has just changed its runtime: try again".into()))?;
        let account = subxt::utils::AccountId32(signer.account().0);

        // one at a time, until the pool has it and counts it: two must not get the same number
        let _turn = self.nonces.lock().await;
        let nonce: u64 = self
            .rpc
            .request("system_accountNextIndex", rpc_params![account.to_string()])
            .await
            .map_err(|error| lost(error.to_string()))?;
        let transactions = at.transactions();
        let mut signable = transactions
            .create_v4_signable(call, &account, params(nonce, hash))
            .await
            .map_err(|error| invalid(error.to_string()))?;
        let signed = signable.sign(&signer.0).map_err(|error| invalid(error.to_string()))?;
        let progress = signed.submit_and_watch().await.map_err(|error| invalid(error.to_string()))?;
        Ok(Submitted { call: name, progress })
    }
}

/// That a transaction is encoded by what the hash covers. The hash is of the runtime's calls as one type; subxt encodes by the index
/// and the calls that each pallet names for itself, which a node could have made up beside it.
fn covered(metadata: &RuntimeMetadata) -> Result<(), String> {
    let RuntimeMetadata::V15(metadata) = metadata else {
        return Err(format!("they are not of version {METADATA_VERSION}"));
    };
    let calls = metadata.types.resolve(metadata.extrinsic.call_ty.id).map(|calls| &calls.type_def);
    let Some(TypeDef::Variant(calls)) = calls else { return Err("the runtime has no calls".into()) };
    for pallet in &metadata.pallets {
        let Some(own) = &pallet.calls else { continue };
        let same = calls.variants.iter().any(|call| {
            call.name == pallet.name
                && call.index == pallet.index
                && matches!(call.fields.as_slice(), [field] if field.ty.id == own.ty.id)
        });
        if !same {
            return Err(format!("the calls of {} are not the runtime's", pallet.name));
        }
    }
    Ok(())
}

type AtBlock = subxt::client::OnlineClientAtBlockImpl<PhalaConfig>;

/// A transaction that the pool has taken.
pub struct Submitted {
    call: String,
    progress: TransactionProgress<PhalaConfig, AtBlock>,
}

impl Submitted {
    /// Waits until a block has it, which may still lose against another one.
    pub async fn in_block(mut self) -> Result<Included, SubmitError> {
        self.follow(false).await
    }

    /// Waits until a finalised block has it.
    pub async fn finalized(mut self) -> Result<Included, SubmitError> {
        self.follow(true).await
    }

    async fn follow(&mut self, finalized: bool) -> Result<Included, SubmitError> {
        let call = self.call.clone();
        let lost = |reason: String| SubmitError::Lost { call: call.clone(), reason };
        loop {
            let status = self.progress.next().await.ok_or_else(|| lost("the node stopped telling about it".into()))?;
            match status.map_err(|error| lost(error.to_string()))? {
                TransactionStatus::InBestBlock(block) if !finalized => return included(call, block).await,
                TransactionStatus::InFinalizedBlock(block) => return included(call, block).await,
                TransactionStatus::Error { message } => return Err(lost(message)),
                TransactionStatus::Invalid { message } | TransactionStatus::Dropped { message } => {
                    return Err(SubmitError::Invalid { call, reason: message });
                }
                _ => {}
            }
        }
    }
}

async fn included(call: String, block: TransactionInBlock<PhalaConfig, AtBlock>) -> Result<Included, SubmitError> {
    let hash = block.block_hash().0;
    match block.wait_for_success().await {
        Ok(events) => {
            let events = events.iter().filter_map(Result::ok).map(|event| Event {
                pallet: event.pallet_name().to_owned(),
                name: event.event_name().to_owned(),
                fields: event.field_bytes().to_vec(),
            });
            Ok(Included { block_hash: hash, events: events.collect() })
        }
        Err(TransactionEventsError::ExtrinsicFailed(error)) => Err(refusal(call, error)),
        Err(error) => Err(SubmitError::Lost { call, reason: error.to_string() }),
    }
}

fn refusal(call: String, error: DispatchError) -> SubmitError {
    if let DispatchError::Module(error) = &error
        && let Ok(details) = error.details()
    {
        return SubmitError::Dispatch {
            call,
            pallet: details.pallet.name().to_owned(),
            name: details.variant.name.clone(),
            docs: details.variant.docs.join(" "),
        };
    }
    SubmitError::Dispatch { call, pallet: "Runtime".into(), name: error.to_string(), docs: String::new() }
}

/// A transaction in a block, executed with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The block.
    pub block_hash: Hash256,
    /// What it has left.
    pub events: Vec<Event>,
}

impl Included {
    /// The first event with this name, decoded from its fields in their order.
    pub fn find<T: Decode>(&self, pallet: &str, name: &str) -> Option<T> {
        let event = self.events.iter().find(|event| event.pallet == pallet && event.name == name)?;
        T::decode(&mut event.fields.as_slice()).ok()
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose.
    pub pallet: String,
    /// Which.
    pub name: String,
    /// SCALE bytes of its fields.
    pub fields: Vec<u8>,
}
