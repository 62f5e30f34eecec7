//! Puts the node together: client, transaction pool, network, authority discovery, BABE, GRANDPA, RPC.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use phala_runtime::{apis::RuntimeApi, opaque::Block};
use sc_client_api::{Backend as _, BlockBackend};
use sc_consensus_babe::{BabeLink, BabeWorkerHandle, SlotProportion};
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaPruningFilter, SharedVoterState};
use sc_network::NetworkBackend;
use sc_service::{Configuration, Error, TaskManager, WarpSyncConfig};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool::TransactionPoolHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::{SlotDuration, inherents::InherentDataProvider as BabeInherent};
use sp_inherents::CreateInherentDataProviders;
use sp_runtime::traits::Block as BlockT;
use sp_timestamp::InherentDataProvider as TimestampInherent;

use crate::{discovery, launch::FirstAuthorities, rpc};

type HostFunctions = sp_io::SubstrateHostFunctions;
/// The full client.
pub type Client = sc_service::TFullClient<Block, RuntimeApi, sc_executor::WasmExecutor<HostFunctions>>;
/// The database.
pub type Backend = sc_service::TFullBackend<Block>;
/// The fork choice: the longest chain above the last finalised block.
pub type SelectChain = sc_consensus::LongestChain<Backend, Block>;

type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, Client, SelectChain>;

/// A justification is made at least every this many blocks, and with each change of authorities. Workers and light clients
/// follow finality by them, so they come often.
const JUSTIFICATION_PERIOD: u32 = 8;

/// What exists before the node has a network.
pub struct Parts {
    block_import: sc_consensus::BoxBlockImport<Block>,
    grandpa: GrandpaLink,
    babe: BabeLink<Block>,
    babe_worker: BabeWorkerHandle<Block>,
    telemetry: Option<Telemetry>,
}

type PartialComponents = sc_service::PartialComponents<
    Client,
    Backend,
    SelectChain,
    sc_consensus::DefaultImportQueue<Block>,
    TransactionPoolHandle<Block, Client>,
    Parts,
>;

/// The parts of a node that commands on its database need as well.
pub fn partial(config: &Configuration) -> Result<PartialComponents, Error> {
    let telemetry = match config.telemetry_endpoints.clone().filter(|endpoints| !endpoints.is_empty()) {
        Some(endpoints) => {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Some((worker, telemetry))
        }
        None => None,
    };

    let (client, backend, keystore_container, task_manager) = sc_service::new_full_parts::<Block, RuntimeApi, _>(
        config,
        telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
        sc_service::new_wasm_executor::<HostFunctions>(&config.executor),
        // blocks whose justification hands over to the next authorities outlive pruning: without them nobody could follow
        // the chain from its genesis
        vec![Arc::new(GrandpaPruningFilter)],
    )?;
    let client = Arc::new(client);
    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });

    let select_chain = sc_consensus::LongestChain::new(backend.clone());
    let transaction_pool = Arc::from(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );

    let (grandpa_import, grandpa) = sc_consensus_grandpa::block_import(
        client.clone(),
        JUSTIFICATION_PERIOD,
        &FirstAuthorities(client.clone()),
        select_chain.clone(),
        telemetry.as_ref().map(Telemetry::handle),
    )?;
    let justification_import = grandpa_import.clone();

    let babe_config = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = babe_config.slot_duration();
    let (block_import, babe) = sc_consensus_babe::block_import(
        babe_config,
        grandpa_import,
        client.clone(),
        inherent_data_providers(slot_duration),
        select_chain.clone(),
        OffchainTransactionPoolFactory::new(Arc::clone(&transaction_pool)),
    )?;
    let (import_queue, babe_worker) = sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
        link: babe.clone(),
        block_import: block_import.clone(),
        justification_import: Some(Box::new(justification_import)),
        client: client.clone(),
        slot_duration,
        spawner: &task_manager.spawn_essential_handle(),
        registry: config.prometheus_registry(),
        telemetry: telemetry.as_ref().map(Telemetry::handle),
    })?;

    Ok(sc_service::PartialComponents {
        client,
        backend,
        task_manager,
        keystore_container,
        select_chain,
        import_queue,
        transaction_pool,
        other: Parts { block_import: Box::new(block_import), grandpa, babe, babe_worker, telemetry },
    })
}

/// Starts the node that the configuration describes.
pub async fn start(config: Configuration) -> Result<TaskManager, Error> {
    match config.network.network_backend {
        sc_network::config::NetworkBackendType::Libp2p => {
            run::<sc_network::NetworkWorker<Block, <Block as BlockT>::Hash>>(config)
        }
        sc_network::config::NetworkBackendType::Litep2p => run::<sc_network::Litep2pNetworkBackend>(config),
    }
}

fn run<N: NetworkBackend<Block, <Block as BlockT>::Hash>>(config: Configuration) -> Result<TaskManager, Error> {
    let sc_service::PartialComponents {
        client,
        backend,
        mut task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other: Parts { block_import, grandpa, babe, babe_worker, mut telemetry },
    } = partial(&config)?;

    let mut net_config = sc_network::config::FullNetworkConfiguration::<_, _, N>::new(
        &config.network,
        config.prometheus_registry().cloned(),
    );
    let metrics = N::register_notification_metrics(config.prometheus_registry());
    let genesis = client.block_hash(0)?.ok_or_else(|| Error::Other("the database has no genesis block".into()))?;
    let grandpa_protocol = sc_consensus_grandpa::protocol_standard_name(&genesis, &config.chain_spec);
    let (grandpa_protocol_config, grandpa_notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
        grandpa_protocol.clone(),
        metrics.clone(),
        net_config.peer_store_handle(),
    );
    net_config.add_notification_protocol(grandpa_protocol_config);

    let warp = Arc::new(sc_consensus_grandpa::warp_proof::NetworkProvider::new(
        backend.clone(),
        grandpa.shared_authority_set().clone(),
        Vec::new(),
    ));
    let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
        sc_service::build_network(sc_service::BuildNetworkParams {
            config: &config,
            net_config,
            client: client.clone(),
            transaction_pool: transaction_pool.clone(),
            spawn_handle: task_manager.spawn_handle(),
            spawn_essential_handle: task_manager.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    if config.offchain_worker.enabled {
        let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
            runtime_api_provider: client.clone(),
            is_validator: config.role.is_authority(),
            keystore: Some(keystore_container.keystore()),
            offchain_db: backend.offchain_storage(),
            transaction_pool: Some(OffchainTransactionPoolFactory::new(transaction_pool.clone())),
            network_provider: Arc::new(network.clone()),
            enable_http_requests: false,
            custom_extensions: |_| Vec::new(),
        })?;
        task_manager.spawn_handle().spawn(
            "offchain-workers-runner",
            "offchain-worker",
            workers.run(client.clone(), task_manager.spawn_handle()).boxed(),
        );
    }

    let role = config.role;
    if role.is_authority() {
        discovery::start(&config, client.clone(), network.clone(), keystore_container.keystore(), &task_manager);
    }

    let name = config.network.node_name.clone();
    let prometheus = config.prometheus_registry().cloned();
    let force_authoring = config.force_authoring;
    let disable_grandpa = config.disable_grandpa;
    let voter_state = SharedVoterState::empty();

    let rpc_builder = {
        let client = client.clone();
        let backend = backend.clone();
        let pool = transaction_pool.clone();
        let select_chain = select_chain.clone();
        let chain_spec = config.chain_spec.cloned_box();
        let keystore = keystore_container.keystore();
        let voter = voter_state.clone();
        let authorities = grandpa.shared_authority_set().clone();
        let justifications = grandpa.justification_stream();
        let proofs = FinalityProofProvider::new_for_service(backend.clone(), Some(authorities.clone()));
        move |executor| {
            rpc::methods(
                rpc::Dependencies {
                    client: client.clone(),
                    backend: backend.clone(),
                    pool: pool.clone(),
                    select_chain: select_chain.clone(),
                    chain_spec: chain_spec.cloned_box(),
                    keystore: keystore.clone(),
                    babe: babe_worker.clone(),
                    finality: rpc::Finality {
                        voter: voter.clone(),
                        authorities: authorities.clone(),
                        justifications: justifications.clone(),
                        proofs: proofs.clone(),
                    },
                },
                executor,
            )
            .map_err(Into::into)
        }
    };

    sc_service::spawn_tasks(sc_service::SpawnTasksParams {
        config,
        client: client.clone(),
        backend,
        task_manager: &mut task_manager,
        keystore: keystore_container.keystore(),
        transaction_pool: transaction_pool.clone(),
        rpc_builder: Box::new(rpc_builder),
        network: network.clone(),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync_service.clone(),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    if role.is_authority() {
        let proposer = sc_basic_authorship::ProposerFactory::new(
            task_manager.spawn_handle(),
            client.clone(),
            transaction_pool.clone(),
            prometheus.as_ref(),
            telemetry.as_ref().map(Telemetry::handle),
        );
        let slot_duration = babe.config().slot_duration();
        let author = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
            keystore: keystore_container.keystore(),
            client: client.clone(),
            select_chain,
            env: proposer,
            block_import,
            sync_oracle: sync_service.clone(),
            justification_sync_link: sync_service.clone(),
            create_inherent_data_providers: inherent_data_providers(slot_duration),
            force_authoring,
            backoff_authoring_blocks: Some(sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging::default()),
            babe_link: babe,
            block_proposal_slot_portion: SlotProportion::new(0.5),
            max_block_proposal_slot_portion: None,
            telemetry: telemetry.as_ref().map(Telemetry::handle),
        })?;
        task_manager.spawn_essential_handle().spawn_blocking("babe-proposer", Some("block-authoring"), author);
    }

    // `--no-grandpa`: blocks are imported with the finality that others prove
    if disable_grandpa {
        return Ok(task_manager);
    }
    let slot = client_slot(&client)?;
    let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
        config: sc_consensus_grandpa::Config {
            // how long a round waits for votes before it moves on: a message needs a small part of a slot to spread
            gossip_duration: slot / 6,
            justification_generation_period: JUSTIFICATION_PERIOD,
            name: Some(name),
            observer_enabled: false,
            keystore: role.is_authority().then(|| keystore_container.keystore()),
            local_role: role,
            telemetry: telemetry.as_ref().map(Telemetry::handle),
            protocol_name: grandpa_protocol,
        },
        link: grandpa,
        network,
        sync: sync_service,
        notification_service: grandpa_notifications,
        // Vote for the best block: the usual rules would keep finality two blocks behind it, and workers act on finality
        // only. What that costs is a little more work for validators when they disagree on the best block for a moment.
        voting_rule: (),
        prometheus_registry: prometheus,
        shared_voter_state: voter_state,
        telemetry: telemetry.as_ref().map(Telemetry::handle),
        offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(transaction_pool),
    })?;
    task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);

    Ok(task_manager)
}

/// What a block says of its time: the slot, and the timestamp that it is derived from.
fn inherent_data_providers(
    slot_duration: SlotDuration,
) -> impl CreateInherentDataProviders<Block, (), InherentDataProviders = (BabeInherent, TimestampInherent)> + Clone {
    move |_parent, ()| async move {
        let timestamp = TimestampInherent::from_system_time();
        Ok((BabeInherent::from_timestamp_and_slot_duration(*timestamp, slot_duration), timestamp))
    }
}

/// The length of a slot on this chain.
fn client_slot(client: &Client) -> Result<Duration, Error> {
    Ok(sc_consensus_babe::configuration(client)?.slot_duration().as_duration())
}
