//! Connections to the HTTP API: how many at a time, how long they may take, and how they end.
//!
//! A flood from outside must not take the worker's memory or files. It can still take all connections: an operator who expects
//! one puts a proxy in front that tells its clients apart.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::serving::Serving;

/// How connections are treated.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// At a time; the others wait in the system's queue.
    pub connections: usize,
    /// How long a client may take for the head of a request, and how long a connection may idle.
    pub head: Duration,
    /// How old a connection may get: whoever does not read its answers would keep one for ever.
    pub age: Duration,
    /// How long requests that are being served may take after the end has come.
    pub grace: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            connections: 1_024,
            head: Duration::from_secs(15),
            age: Duration::from_secs(600),
            grace: Duration::from_secs(12),
        }
    }
}

/// How long to wait when no connection can be taken, for instance because there are no more files to be had.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest head of a request, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// Serves on these threads, each connection on one of them, until `stopping` is ready and the requests that came before have been
/// answered, or their grace is over.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    rules: Rules,
    serving: Serving,
    stopping: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(rules.connections));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut turns = serving.executors().iter().cycle();
    tokio::pin!(stopping);
    loop {
        let accepting = async { (slots.clone().acquire_owned().await, listener.accept().await) };
        let (slot, accepted) = tokio::select! {
            () = &mut stopping => break,
            accepted = accepting => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let (routes, stopped) = (routes.clone(), stopped.clone());
                let Some(executor) = turns.next() else { break };
                let serving = async move {
                    connection(stream, routes, rules, stopped).await;
                    drop(slot);
                };
                connections.spawn_on(serving, executor);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(rules.grace, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "broken off: their time is over");
    }
}

async fn connection(stream: TcpStream, routes: Router, rules: Rules, mut stopped: watch::Receiver<bool>) {
    // from the executor that has accepted it to the one that serves it
    let stream = match stream.into_std().and_then(TcpStream::from_std) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "a connection could not be served");
            return;
        }
    };
    // an answer goes out as it is written: without this, short ones can wait for the client's acknowledgements
    let _slower = stream.set_nodelay(true);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(rules.head)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    tokio::pin!(serving);
    let ending = async {
        tokio::select! {
            _ended = async { stopped.wait_for(|stopped| *stopped).await.is_ok() } => {}
            () = sleep(rules.age) => {}
        }
    };
    let early = tokio::select! {
        done = serving.as_mut() => Some(done),
        () = ending => None,
    };
    let done = match early {
        Some(done) => done,
        None => {
            serving.as_mut().graceful_shutdown();
            match timeout(rules.grace, serving).await {
                Ok(done) => done,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended");
    }
}
