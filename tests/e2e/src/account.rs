//! An account that submits calls past `phala`, as a program of somebody else's would.

use std::time::Duration;

use anyhow::{Context as _, Result};
use phala_extrinsics::{Call, Chain, Included, Signer, SubmitError};
use phala_primitives::{AccountId, ClusterId, ContractId, Hash256};
use tokio::runtime::Runtime;

use crate::wait_for;

const DEADLINE: Duration = Duration::from_secs(60);

/// See the [module's documentation](self). Not one that `phala` or a worker signs with at the same time: two transactions would get
/// the same number.
pub struct Account {
    // before the runtime, which it needs until it is gone
    chain: Chain,
    signer: Signer,
    runtime: Runtime,
}

/// A message of a cluster's log, and the block that has appended it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Its place in the log.
    pub index: u64,
    /// The log's hash after it.
    pub log_hash: Hash256,
    /// The block.
    pub block_hash: Hash256,
}

impl Account {
    /// The account of this secret URI, on the chain of this node.
    pub fn new(url: &str, uri: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let chain = runtime.block_on(Chain::connect(url, None))?;
        Ok(Self { chain, signer: Signer::from_uri(uri)?, runtime })
    }

    /// Its id.
    pub fn id(&self) -> AccountId {
        self.signer.account()
    }

    /// The hash of block 0.
    pub fn genesis(&self) -> Hash256 {
        self.chain.genesis()
    }

    /// Submits a call, and does not wait for more than the pool's taking it.
    pub fn send(&self, call: &Call) -> Result<()> {
        // while a block comes in, the pool may say a number that is used: what it then refuses is not in it
        wait_for("the pool to take a transaction", DEADLINE, || {
            let submitted = self.runtime.block_on(async {
                let _followed_by_nobody = self.chain.submit(&self.signer, call).await?;
                Ok::<_, SubmitError>(())
            });
            Ok(Some(submitted?))
        })
    }

    /// Submits a call, and waits until a finalised block has it.
    pub fn submit(&self, call: &Call) -> Result<Included, SubmitError> {
        self.runtime.block_on(async { self.chain.submit(&self.signer, call).await?.finalized().await })
    }

    /// The same with a call that appends to a cluster's log.
    pub fn message(&self, call: &Call) -> Result<Sent> {
        type Fields = (ClusterId, u64, Hash256, Option<ContractId>);
        let included = self.submit(call)?;
        let (_, index, log_hash, _) = included.find::<Fields>("Phat", "Message").context("a message")?;
        Ok(Sent { index, log_hash, block_hash: included.block_hash })
    }
}
