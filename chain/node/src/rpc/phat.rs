//! What workers and clients fetch from a node: hand-overs of authority, and the bodies of a cluster's messages.
//!
//! Nothing here is trusted by those who ask: hand-overs carry the votes of validators, and messages hash to a head that the
//! asker has proven. A node that lies is found out.
//!
//! - `phat_handoffs(fromSet: u64, limit: u32)`: a [`FinalityProof`] in hex that starts with the hand-over out of authority set
//!   `fromSet`. It ends with the newest justified header, unless there are more hand-overs than `limit`, or than fit into an answer:
//!   then the asker goes on from where it has come to.
//! - `phat_messages(cluster: u32, headHash: 0x…, headIndex: u64, fromIndex: u64, limit: u32)`: the last messages before the head, but
//!   none before `fromIndex`: `{ before: 0x…, messages: [0x…] }`, in ascending order, with the log's hash before the first one. The
//!   head is the log's hash and next index after the last message wanted. `before` is the head of the next page.
//! - `phat_code(cluster: u32, codeHash: 0x…, chunkHash: 0x…)`: a chunk of uploaded code, in hex.
//! - `phat_evidence(hash: 0x…)`: the evidence of a worker's registration, in hex.
//!
//! Errors have a code of the project's table in their `data`, [`phala_primitives::fault`].

use std::sync::{Arc, Mutex, PoisonError};

use codec::{Decode, Encode};
use futures::{FutureExt, StreamExt};
use jsonrpsee::{
    RpcModule,
    types::{ErrorObjectOwned, Params},
};
use phala_light_client::{FinalityProof, FinalityStep, Justification};
use phala_primitives::{ClusterId, CodeHash, Fault, offchain_key};
use phala_runtime::{BlockNumber, Hash, opaque::Block};
use sc_client_api::Backend as _;
use sc_consensus_grandpa::{GrandpaJustification, GrandpaJustificationStream, SharedAuthoritySet};
use sc_rpc::SubscriptionTaskExecutor;
use sp_blockchain::{Backend as _, HeaderBackend};
use sp_core::{Bytes, H256, offchain::OffchainStorage};

use super::refusal::{read, refusal};
use crate::service::Backend;

/// The most hand-overs of one answer.
const MAX_HANDOFFS: u32 = 256;
/// The most bytes of hand-overs in one answer, but for the one that passes them: 300 validators sign one with 30 KiB, and JSON-RPC
/// doubles what it carries in hex.
const HANDOFF_BYTES: usize = 6 * 1024 * 1024;
/// The most messages of one answer.
const MAX_MESSAGES: u32 = 1024;
/// The most bytes of messages in one answer. One message is always given.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Messages that follow one another.
#[derive(Clone, serde::Serialize)]
struct Messages {
    /// The log's hash before the first one.
    before: H256,
    messages: Vec<Bytes>,
}

/// Where the answers come from.
pub struct Phat {
    backend: Arc<Backend>,
    authorities: SharedAuthoritySet<Hash, BlockNumber>,
    newest: NewestJustification,
}

/// The last justification that the voter has made. The database keeps one only every few blocks; who follows a log should not
/// wait for these.
#[derive(Clone, Default)]
pub struct NewestJustification(Arc<Mutex<Option<GrandpaJustification<Block>>>>);

impl NewestJustification {
    /// Notes every justification from here on.
    pub fn follow(executor: &SubscriptionTaskExecutor, stream: &GrandpaJustificationStream<Block>) -> Self {
        let newest = Self::default();
        let (slot, mut justifications) = (newest.clone(), stream.subscribe(1_000));
        let follow = async move {
            while let Some(justification) = justifications.next().await {
                *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(justification);
            }
        };
        executor.spawn("newest-justification", Some("rpc"), follow.boxed());
        newest
    }

    fn get(&self) -> Option<GrandpaJustification<Block>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Phat {
    /// Answers out of this database.
    pub fn new(
        backend: Arc<Backend>,
        authorities: SharedAuthoritySet<Hash, BlockNumber>,
        newest: NewestJustification,
    ) -> Self {
        Self { backend, authorities, newest }
    }

    /// The methods.
    pub fn into_rpc(self) -> Result<RpcModule<Self>, jsonrpsee::core::RegisterMethodError> {
        let mut module = RpcModule::new(self);
        // all read the database: not on the threads that answer everything else
        module.register_blocking_method("phat_handoffs", |params, phat, _| phat.handoffs(&params))?;
        module.register_blocking_method("phat_messages", |params, phat, _| phat.messages(&params))?;
        module.register_blocking_method("phat_code", |params, phat, _| phat.code(&params))?;
        module.register_blocking_method("phat_evidence", |params, phat, _| phat.evidence(&params))?;
        Ok(module)
    }

    fn handoffs(&self, params: &Params) -> Result<Bytes, ErrorObjectOwned> {
        let (from_set, limit): (u64, u32) = read(params)?;
        let limit = bounded(limit, MAX_HANDOFFS)?;
        let changes = self.authorities.authority_set_changes();
        let ends: Vec<BlockNumber> = changes
            .iter_from(0)
            .ok_or_else(|| {
                refusal(
                    Fault::RpcMissing,
                    "this node does not know the first authority sets: ask one that synced from genesis",
                )
            })?
            .filter(|(set, _)| *set >= from_set)
            .map(|(_, end)| *end)
            .take(limit)
            .collect();

        let mut steps = Vec::with_capacity(ends.len().saturating_add(1));
        let mut bytes = 0usize;
        for end in &ends {
            if bytes >= HANDOFF_BYTES {
                break;
            }
            let step = self.step_at(*end)?;
            bytes = bytes.saturating_add(step.encoded_size());
            steps.push(step);
        }
        // the newest header follows on the last hand-over that there is, not on one where the answer became too long
        if steps.len() == ends.len() && steps.len() < limit {
            let kept = sc_consensus_grandpa::best_justification::<_, Block>(&*self.backend)
                .map_err(|reason| refusal(Fault::RpcFailed, reason))?;
            let newest =
                [self.newest.get(), kept].into_iter().flatten().max_by_key(|justification| justification.target().0);
            if let Some(newest) = newest {
                let (number, hash) = newest.target();
                if ends.last().is_none_or(|end| *end < number) {
                    let header = self.header(hash)?;
                    let justification = Justification::decode(&mut newest.encode().as_slice())
                        .map_err(|reason| refusal(Fault::RpcFailed, reason))?;
                    steps.push(FinalityStep { header, justification });
                }
            }
        }
        Ok(FinalityProof::V1(steps).encode().into())
    }

    /// The header at the end of an authority set, with the votes that finalised it.
    fn step_at(&self, number: BlockNumber) -> Result<FinalityStep, ErrorObjectOwned> {
        let chain = self.backend.blockchain();
        let hash = chain
            .hash(number)
            .map_err(|reason| refusal(Fault::RpcFailed, reason))?
            .ok_or_else(|| refusal(Fault::RpcMissing, format!("this node does not have block {number}")))?;
        let justification = chain
            .justifications(hash)
            .map_err(|reason| refusal(Fault::RpcFailed, reason))?
            .and_then(|all| all.into_justification(sp_consensus_grandpa::GRANDPA_ENGINE_ID))
            .ok_or_else(|| {
                refusal(Fault::RpcMissing, format!("this node does not have the justification of block {number}"))
            })?;
        let justification =
            Justification::decode(&mut justification.as_slice()).map_err(|reason| refusal(Fault::RpcFailed, reason))?;
        Ok(FinalityStep { header: self.header(hash)?, justification })
    }

    fn header(&self, hash: Hash) -> Result<phala_light_client::Header, ErrorObjectOwned> {
        let header = self
            .backend
            .blockchain()
            .header(hash)
            .map_err(|reason| refusal(Fault::RpcFailed, reason))?
            .ok_or_else(|| refusal(Fault::RpcMissing, format!("this node does not have block {hash:?}")))?;
        debug_assert_eq!(header.hash(), hash);
        Ok(header)
    }

    fn messages(&self, params: &Params) -> Result<Messages, ErrorObjectOwned> {
        let (cluster, head_hash, head_index, from_index, limit): (u32, H256, u64, u64, u32) = read(params)?;
        let limit = bounded(limit, MAX_MESSAGES)?;
        if from_index > head_index {
            return Err(refusal(Fault::RpcBounds, "the first index wanted lies behind the head"));
        }
        let storage = self.index()?;

        let mut messages = Vec::new();
        let mut bytes = 0usize;
        let mut before = head_hash;
        // from the head backwards: each body names the hash before it
        for index in (from_index..head_index).rev().take(limit) {
            let key = offchain_key::log_body(ClusterId(cluster), index, &before.0);
            let value = storage.get(sp_core::offchain::STORAGE_PREFIX, &key).ok_or_else(|| {
                refusal(Fault::RpcMissing, format!("this node does not have message {index} under that head"))
            })?;
            let body = offchain_key::LogBody::decode(&mut value.as_slice())
                .map_err(|reason| refusal(Fault::RpcFailed, reason))?;
            bytes = bytes.saturating_add(body.message.len());
            if bytes > ANSWER_BYTES && !messages.is_empty() {
                break;
            }
            before = H256(body.parent);
            messages.push(Bytes(body.message));
        }
        messages.reverse();
        Ok(Messages { before, messages })
    }

    fn code(&self, params: &Params) -> Result<Bytes, ErrorObjectOwned> {
        let (cluster, code, chunk): (u32, H256, H256) = read(params)?;
        let key = offchain_key::code_chunk(ClusterId(cluster), &CodeHash(code.0), &chunk.0);
        self.indexed(&key, "this chunk of code")
    }

    fn evidence(&self, params: &Params) -> Result<Bytes, ErrorObjectOwned> {
        let (hash,): (H256,) = read(params)?;
        self.indexed(&offchain_key::evidence(&hash.0), "this evidence")
    }

    fn indexed(&self, key: &[u8], what: &str) -> Result<Bytes, ErrorObjectOwned> {
        let value = self.index()?.get(sp_core::offchain::STORAGE_PREFIX, key);
        value.map(Bytes).ok_or_else(|| refusal(Fault::RpcMissing, format!("this node does not have {what}")))
    }

    fn index(&self) -> Result<impl OffchainStorage, ErrorObjectOwned> {
        self.backend.offchain_storage().ok_or_else(|| refusal(Fault::RpcMissing, "this node keeps no off-chain index"))
    }
}

fn bounded(limit: u32, most: u32) -> Result<usize, ErrorObjectOwned> {
    if limit == 0 || limit > most {
        return Err(refusal(Fault::RpcBounds, format!("the limit is between 1 and {most}")));
    }
    usize::try_from(limit).map_err(|reason| refusal(Fault::RpcBounds, reason))
}
