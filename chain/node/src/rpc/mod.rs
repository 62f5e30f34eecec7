//! The JSON-RPC interface: the methods that wallets, indexers and light clients expect. The service adds the `chainHead`,
//! `chainSpec`, `transaction`, `chain`, `state` and `system` families by itself.

mod phat;
mod refusal;

use std::sync::Arc;

use jsonrpsee::RpcModule;
use phala_runtime::{BlockNumber, Hash, opaque::Block};
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool::TransactionPoolHandle;
use sp_keystore::KeystorePtr;

use crate::service::{Backend, Client, SelectChain};

/// What the methods of GRANDPA need.
pub struct Finality {
    /// The state of the voter in this node.
    pub voter: SharedVoterState,
    /// The current and pending authorities.
    pub authorities: SharedAuthoritySet<Hash, BlockNumber>,
    /// New justifications.
    pub justifications: GrandpaJustificationStream<Block>,
    /// Old justifications.
    pub proofs: Arc<FinalityProofProvider<Backend, Block>>,
}

/// What all methods need.
pub struct Dependencies {
    /// The client.
    pub client: Arc<Client>,
    /// The database.
    pub backend: Arc<Backend>,
    /// The transaction pool.
    pub pool: Arc<TransactionPoolHandle<Block, Client>>,
    /// The fork choice.
    pub select_chain: SelectChain,
    /// The spec of the chain.
    pub chain_spec: Box<dyn sc_chain_spec::ChainSpec>,
    /// The keys of this node.
    pub keystore: KeystorePtr,
    /// BABE's worker.
    pub babe: BabeWorkerHandle<Block>,
    /// GRANDPA.
    pub finality: Finality,
}

/// Builds the methods of this node.
pub fn methods(
    dependencies: Dependencies,
    executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>> {
    use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
    use sc_consensus_babe_rpc::{Babe, BabeApiServer};
    use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
    use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
    use substrate_frame_rpc_system::{System, SystemApiServer};

    let Dependencies { client, backend, pool, select_chain, chain_spec, keystore, babe, finality } = dependencies;

    let newest = phat::NewestJustification::follow(&executor, &finality.justifications);
    let mut module = RpcModule::new(());
    module.merge(phat::Phat::new(backend, finality.authorities.clone(), newest).into_rpc()?)?;
    module.merge(System::<_, _, Block>::new(client.clone(), pool).into_rpc())?;
    module.merge(TransactionPayment::<_, Block>::new(client.clone()).into_rpc())?;
    module.merge(Babe::new(client.clone(), babe.clone(), keystore, select_chain).into_rpc())?;
    module.merge(
        Grandpa::new(executor, finality.authorities.clone(), finality.voter, finality.justifications, finality.proofs)
            .into_rpc(),
    )?;
    module.merge(SyncState::new(chain_spec, client, finality.authorities, babe)?.into_rpc())?;
    Ok(module)
}
