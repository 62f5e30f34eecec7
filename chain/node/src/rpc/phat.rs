//! What workers and clients fetch from a node: hand-overs of authority, and the bodies of a cluster's messages.
//!
//! Nothing here is trusted by those who ask: hand-overs carry the votes of validators, and messages hash to a head that the
//! asker has proven. A node that lies is found out.
//!
//! - `phat_handoffs(fromSet: u64, limit: u32)`: a [`FinalityProof`] in hex that starts with the hand-over out of authority set
//!   `fromSet`. With fewer hand-overs than `limit` it ends with the newest justified header.
//! - `phat_messages(cluster: u32, headHash: 0x…, headIndex: u64, fromIndex: u64, limit: u32)`: the messages before the head, in
//!   ascending order, each in hex. The head is the log's hash and next index after the last message wanted.

use std::sync::Arc;

use codec::{Decode, Encode};
use jsonrpsee::{
    RpcModule,
    types::{ErrorObjectOwned, Params},
};
use phala_light_client::{FinalityProof, FinalityStep, Justification};
use phala_primitives::{ClusterId, offchain_key};
use phala_runtime::{BlockNumber, Hash};
use sc_client_api::Backend as _;
use sc_consensus_grandpa::SharedAuthoritySet;
use sp_blockchain::{Backend as _, HeaderBackend};
use sp_core::{Bytes, H256, offchain::OffchainStorage};

use crate::service::Backend;

/// The most hand-overs of one answer.
const MAX_HANDOFFS: u32 = 256;
/// The most messages of one answer.
const MAX_MESSAGES: u32 = 1024;
/// About the most bytes of one answer: the message that passes it is the last.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A request that cannot be served as it is. Codes from the range that JSON-RPC leaves to servers.
const INVALID: i32 = -32001;
/// This node lacks what was asked for; another may have it.
const MISSING: i32 = -32002;
/// The database failed.
const FAILED: i32 = -32003;

/// Where the answers come from.
pub struct Phat {
    backend: Arc<Backend>,
    authorities: SharedAuthoritySet<Hash, BlockNumber>,
}

impl Phat {
    /// Answers out of this database.
    pub fn new(backend: Arc<Backend>, authorities: SharedAuthoritySet<Hash, BlockNumber>) -> Self {
        Self { backend, authorities }
    }

    /// The methods.
    pub fn into_rpc(self) -> Result<RpcModule<Self>, jsonrpsee::core::RegisterMethodError> {
        let mut module = RpcModule::new(self);
        // both read the database: not on the threads that answer everything else
        module.register_blocking_method("phat_handoffs", |params, phat, _| phat.handoffs(&params))?;
        module.register_blocking_method("phat_messages", |params, phat, _| phat.messages(&params))?;
        Ok(module)
    }

    fn handoffs(&self, params: &Params) -> Result<Bytes, ErrorObjectOwned> {
        let (from_set, limit): (u64, u32) = params.parse()?;
        let limit = bounded(limit, MAX_HANDOFFS)?;
        let changes = self.authorities.authority_set_changes();
        let ends: Vec<BlockNumber> = changes
            .iter_from(0)
            .ok_or_else(|| {
                error(MISSING, "this node does not know the first authority sets: ask one that synced from genesis")
            })?
            .filter(|(set, _)| *set >= from_set)
            .map(|(_, end)| *end)
            .take(limit)
            .collect();

        let mut steps = Vec::with_capacity(ends.len().saturating_add(1));
        for end in &ends {
            steps.push(self.step_at(*end)?);
        }
        if steps.len() < limit {
            let newest = sc_consensus_grandpa::best_justification::<_, phala_runtime::opaque::Block>(&*self.backend)
                .map_err(|reason| error(FAILED, reason))?;
            if let Some(newest) = newest {
                let (number, hash) = newest.target();
                if ends.last().is_none_or(|end| *end < number) {
                    let header = self.header(hash)?;
                    let justification = Justification::decode(&mut newest.encode().as_slice())
                        .map_err(|reason| error(FAILED, reason))?;
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
            .map_err(|reason| error(FAILED, reason))?
            .ok_or_else(|| error(MISSING, format!("this node does not have block {number}")))?;
        let justification = chain
            .justifications(hash)
            .map_err(|reason| error(FAILED, reason))?
            .and_then(|all| all.into_justification(sp_consensus_grandpa::GRANDPA_ENGINE_ID))
            .ok_or_else(|| error(MISSING, format!("this node does not have the justification of block {number}")))?;
        let justification =
            Justification::decode(&mut justification.as_slice()).map_err(|reason| error(FAILED, reason))?;
        Ok(FinalityStep { header: self.header(hash)?, justification })
    }

    fn header(&self, hash: Hash) -> Result<phala_light_client::Header, ErrorObjectOwned> {
        let header = self
            .backend
            .blockchain()
            .header(hash)
            .map_err(|reason| error(FAILED, reason))?
            .ok_or_else(|| error(MISSING, format!("this node does not have block {hash:?}")))?;
        debug_assert_eq!(header.hash(), hash);
        Ok(header)
    }

    fn messages(&self, params: &Params) -> Result<Vec<Bytes>, ErrorObjectOwned> {
        let (cluster, head_hash, head_index, from_index, limit): (u32, H256, u64, u64, u32) = params.parse()?;
        let limit = bounded(limit, MAX_MESSAGES)?;
        let wanted = head_index
            .checked_sub(from_index)
            .ok_or_else(|| error(INVALID, "the first index wanted lies behind the head"))?;
        if wanted > limit as u64 {
            return Err(error(
                INVALID,
                format!("{wanted} messages wanted, at most {limit} are given: ask with an earlier head"),
            ));
        }
        let storage =
            self.backend.offchain_storage().ok_or_else(|| error(MISSING, "this node keeps no off-chain index"))?;

        let mut found = Vec::new();
        let mut bytes = 0usize;
        let mut hash = head_hash.0;
        // from the head backwards: each body names the hash before it
        for index in (from_index..head_index).rev() {
            let key = offchain_key::log_body(ClusterId(cluster), index, &hash);
            let value = storage
                .get(sp_core::offchain::STORAGE_PREFIX, &key)
                .ok_or_else(|| error(MISSING, format!("this node does not have message {index} under that head")))?;
            let body = offchain_key::LogBody::decode(&mut value.as_slice()).map_err(|reason| error(FAILED, reason))?;
            bytes = bytes.saturating_add(body.message.len());
            if bytes > ANSWER_BYTES && !found.is_empty() {
                return Err(error(INVALID, "these messages are too many bytes for one answer: ask for fewer"));
            }
            hash = body.parent;
            found.push(Bytes(body.message));
        }
        found.reverse();
        Ok(found)
    }
}

fn bounded(limit: u32, most: u32) -> Result<usize, ErrorObjectOwned> {
    if limit == 0 || limit > most {
        return Err(error(INVALID, format!("the limit is between 1 and {most}")));
    }
    usize::try_from(limit).map_err(|reason| error(INVALID, reason))
}

fn error(code: i32, reason: impl ToString) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code, reason.to_string(), None::<()>)
}
