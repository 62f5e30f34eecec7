//! The owner of a contract, who is about to send what only they may send.

use phala_client::{Node, Result};
use phala_extrinsics::{Call, Included, Network, Signer};
use phala_primitives::{ContractId, contract::ContractEntryV1};

use super::{
    Common, Progress, entry,
    message::{self, Deadline, Sent},
    owned,
    terms::Terms,
};

/// See the [module's documentation](self).
pub struct Owner {
    /// A node that is followed.
    pub node: Node,
    /// The contract.
    pub contract: ContractId,
    /// Its entry, before anything is sent.
    pub before: ContractEntryV1,
    /// What the terminal shows meanwhile.
    pub progress: Progress,
    network: Network,
    signer: Signer,
}

impl Owner {
    /// The owner of a contract in a cluster that takes messages; whoever signs is refused if it is somebody else.
    pub async fn of(common: &Common, contract: ContractId) -> Result<Self> {
        let signer = common.required_signer()?;
        let network = common.network()?;
        let progress = Progress::new("following the chain");
        let node = common.node(&network).await?;
        let before = entry(&node, contract).await?;
        owned(&before, contract, signer.account())?;
        Terms::of(&node, before.cluster).await?;
        Ok(Self { node, contract, before, progress, network, signer })
    }

    /// Submits a call, and waits for finality.
    pub async fn submit(&self, common: &Common, call: &Call, deadline: &Deadline) -> Result<Included> {
        let chain = common.chain(&self.network).await?;
        self.progress.now("waiting for finality");
        message::submit(&chain, &self.signer, call, deadline).await
    }

    /// Waits for the report that speaks of a message.
    pub async fn settled(&mut self, sent: &Sent, deadline: &Deadline) -> Result<()> {
        self.progress.now("waiting for the cluster's report");
        message::settled(&mut self.node, sent, deadline).await
    }
}
