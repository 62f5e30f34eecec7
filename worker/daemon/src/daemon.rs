//! Puts the worker together and runs it until it is asked to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use phala_crypto::BootIdentity;
use phala_primitives::worker::{Endpoint, MAX_ENDPOINT};
use phala_worker_core::{Codes, Parts, Queries, Worker};
use phat_engine::{Revision, Stack};
use rand_core::OsRng;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{Config, PlatformChoice},
    disk::Disk,
    egress::Egress,
    follow::{Follow, News},
    listen::{self, Rules},
    metrics::Metrics,
    node::Nodes,
    operator::Operator,
    platform::{Platform, SoftTee},
    pool::Pool,
    server::{Api, TICKS_PER_SECOND, routes},
    serving::Serving,
};

/// Queries that may wait for each thread.
const WAITING_PER_THREAD: usize = 64;
/// Memory that the engine's pool can give a call, in bytes: what the chain lets clusters ask for.
const POOL_MEMORY: usize = 256 * 1024 * 1024;
/// Gas of a query; its time ends it earlier as a rule.
const QUERY_GAS: u64 = 50_000_000_000;

/// Runs a worker.
pub async fn run(config: Config) -> Result<()> {
    let boot = Arc::new(BootIdentity::generate(&mut OsRng));
    let platform: Arc<dyn Platform> = match &config.platform {
        PlatformChoice::SoftTee(socket) => Arc::new(SoftTee::new(socket.clone())),
    };
    let asked = platform.clone();
    let sealing = tokio::task::spawn_blocking(move || asked.sealing_key()).await??;
    tracing::info!(platform = platform.name(), sealing = sealing.is_some(), boot = %boot.boot_sign(), "a new boot");

    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: is the port taken?", config.listen))?;
    let address = listener.local_addr()?;
    let endpoint = config.endpoint.unwrap_or_else(|| format!("http://{address}"));
    let endpoint: Endpoint =
        endpoint.into_bytes().try_into().map_err(|_| anyhow!("the endpoint has more than {MAX_ENDPOINT} bytes"))?;

    let genesis = config.network.genesis();
    let disk = Disk::open(&config.data_dir, &genesis, config.cluster)?;
    let metrics = Metrics::new(disk.failures())?;
    let serving = Serving::start(std::thread::available_parallelism().map_or(1, Into::into))?;
    // those of the pool, those that serve, and the one that executes the log
    let calls = config.threads.saturating_add(serving.executors().len()).saturating_add(1);
    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
    let codes = Codes::new(Revision::LATEST, phat_engine::Pool { calls, memory_bytes: POOL_MEMORY })?;
    let egress = Egress::new(tokio::runtime::Handle::current(), metrics.clone());
    let worker = Worker::new(
        phala_worker_core::Config {
            chain: config.network.light_client(),
            cluster: config.cluster,
            operator: config.operator.account(),
            salt: sp_crypto_hashing::blake2_256(config.name.as_bytes()),
            endpoint: Some(endpoint),
        },
        Parts {
            boot: boot.clone(),
            store: Arc::new(disk),
            codes: codes.clone(),
            outside: Arc::new(egress.clone()),
            platform: sealing,
        },
    )?;
    tracing::info!(worker = %worker.id(), cluster = %config.cluster, network = config.network.name, "starting");

    let stop = Arc::new(AtomicBool::new(false));
    let ticking = stop.clone();
    let ticker = std::thread::Builder::new().name("ticks".into()).spawn(move || {
        while !ticking.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_micros(1_000_000 / TICKS_PER_SECOND));
            codes.engine().tick();
        }
    })?;

    let queries = Arc::new(Queries::new(genesis, boot, QUERY_GAS));
    let pool = Pool::new(config.threads, config.threads.saturating_mul(WAITING_PER_THREAD))?;
    let follow = Follow {
        worker,
        nodes: Nodes::new(config.nodes.clone(), genesis),
        platform,
        operator: Operator::start(config.operator, config.nodes, genesis, metrics.clone()),
        queries: queries.clone(),
        metrics: metrics.clone(),
        egress,
        stop: stop.clone(),
        news: News::new(config.stall_after),
    };
    let runtime = tokio::runtime::Handle::current();
    let (alive, ended) = tokio::sync::oneshot::channel::<()>();
    let following = Stack::spawn("follow", move |stack| {
        // dropped when this ends, however it ends
        let _alive = alive;
        follow.run(stack, &runtime);
    })?;

    let api = Arc::new(Api::new(queries, pool, metrics));
    // scripts and tests read the address from this line
    println!("listening on http://{address}");
    let stopping = async {
        tokio::select! {
            name = stop_signal() => {
                tracing::info!(signal = name, "stopping: no new requests, the current step is finished");
            }
            // a worker that follows nothing is of no use: whoever supervises it starts it again
            _ended = ended => tracing::error!("stopping: the thread that follows the chain has ended"),
        }
    };
    listen::serve(listener, routes(api), Rules::default(), serving, stopping).await;
    stop.store(true, Ordering::Relaxed);
    let followed = tokio::task::spawn_blocking(move || (following.join().is_ok(), ticker.join().is_ok())).await?;
    ensure!(followed == (true, true), "a thread of the worker panicked: its log says why");
    tracing::info!("stopped");
    Ok(())
}

async fn stop_signal() -> &'static str {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        // without signals the worker ends when it is killed
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => "SIGTERM", _ = int.recv() => "SIGINT" }
}
