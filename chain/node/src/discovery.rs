//! Authority discovery: each validator publishes in the network's hash table where it can be reached, signed by the key
//! of its session and by that of its node, and looks for the records of the others.
//!
//! Whoever knows the authorities of the chain finds their addresses so. What this node finds is kept on disk and counted in
//! the metrics; its connections are still chosen by the ordinary discovery of peers.

use std::sync::Arc;

use futures::{StreamExt, future::ready};
use phala_runtime::opaque::Block;
use sc_authority_discovery::{Role, WorkerConfig};
use sc_network::{Event, NetworkEventStream, config::NetworkConfiguration, service::traits::NetworkService};
use sc_service::{Configuration, TaskManager};
use sp_keystore::KeystorePtr;

use crate::service::Client;

/// Starts the task of a validator. It ends with the network.
pub fn start(
    config: &Configuration,
    client: Arc<Client>,
    network: Arc<dyn NetworkService>,
    keystore: KeystorePtr,
    task_manager: &TaskManager,
) {
    let events = network.event_stream("authority-discovery").filter_map(|event| {
        ready(match event {
            Event::Dht(event) => Some(event),
            _ => None,
        })
    });
    // the service answers what has been found: nothing in this node asks
    let (worker, _service) = sc_authority_discovery::new_worker_and_service_with_config::<Client, Block, _>(
        settings(&config.network),
        client,
        Arc::new(network),
        events,
        Role::PublishAndDiscover(keystore),
        config.prometheus_registry().cloned(),
        task_manager.spawn_handle(),
    );
    task_manager.spawn_handle().spawn("authority-discovery-worker", Some("authority-discovery"), worker.run());
}

fn settings(network: &NetworkConfiguration) -> WorkerConfig {
    WorkerConfig {
        // on a development network all addresses are private; on a live one such an address leads nowhere, unless
        // `--discover-local` says otherwise
        publish_non_global_ips: network.allow_non_globals_in_dht,
        public_addresses: network.public_addresses.clone(),
        // there never was a version of this node whose records the node's key did not sign
        strict_record_validation: true,
        persisted_cache_directory: network.net_config_path.clone(),
        ..WorkerConfig::default()
    }
}
