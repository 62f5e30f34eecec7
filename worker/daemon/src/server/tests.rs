//! Over real connections, as clients see it. The worker has no state yet: what it answers with is tested in its core.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use phala_crypto::BootIdentity;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::*;
use crate::{
    listen::{self, Rules},
    serving::Serving,
};

struct Running {
    address: SocketAddr,
    api: Arc<Api>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start(rules: Rules) -> Running {
    let boot = Arc::new(BootIdentity::generate(&mut OsRng));
    let queries = Arc::new(Queries::new([7; 32], boot, 1_000_000));
    let api = Arc::new(Api::new(queries, Pool::new(1, 1).unwrap(), Metrics::new(Arc::default()).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopping = async {
        // a test that has let go of the sender does not want it to end
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let served =
        tokio::spawn(listen::serve(listener, routes(api.clone()), rules, Serving::start(1).unwrap(), stopping));
    Running { address, api, stop, served }
}

/// Sends these bytes and reads until the server closes.
async fn send(address: SocketAddr, text: impl Into<Vec<u8>>) -> String {
    let text = text.into();
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _closed = stream.write_all(&text);
        let mut answer = Vec::new();
        // a server that refuses a body resets the connection when it closes
        let _reset = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> String {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    send(address, [head.as_bytes(), body].concat()).await
}

fn has(answer: &str, status: &str, parts: &[&str]) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    for part in parts {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_alive_before_it_is_ready() {
    let Running { address, api, .. } = start(Rules::default()).await;
    has(&ask(address, "GET", "/health", "", b"").await, "200", &["\r\n\r\nok\n"]);
    has(&ask(address, "GET", "/v1/health", "", b"").await, "503", &["\"ready\":false", "\"phase\":\"syncing\""]);
    let hello = SessionRequest::MAX_BYTES;
    let answer = ask(address, "POST", "/v1/session", "", &vec![1; hello]).await;
    has(&answer, "503", &["PHALA-2010", "\"class\":\"retry\"", "retry-after: 1"]);
    for path in ["/v1/query", "/v1/handover"] {
        has(&ask(address, "POST", path, "", b"x").await, "503", &["PHALA-2010"]);
    }
    let text = api.metrics.text(0, false);
    assert!(text.contains("http_answers_total{path=\"/v1/session\",status=\"503\"} 1"), "{text}");
    has(&ask(address, "GET", "/metrics", "", b"").await, "200", &["phala_worker_height 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_json_with_a_number() {
    let Running { address, .. } = start(Rules::default()).await;
    has(&ask(address, "GET", "/v1/nothing", "", b"").await, "404", &["PHALA-2003", "\"class\":\"user\""]);
    has(&ask(address, "GET", "/v1/query", "", b"").await, "405", &["PHALA-2004"]);
    let long = vec![0; SessionRequest::MAX_BYTES + 1];
    has(&ask(address, "POST", "/v1/session", "", &long).await, "413", &["PHALA-2002"]);
    let chunked = "POST /v1/handover HTTP/1.1\r\nhost: w\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let body = format!("{chunked}80\r\n{}\r\n0\r\n\r\n", "x".repeat(0x80));
    has(&send(address, body).await, "413", &["PHALA-2002"]);
    has(&send(address, format!("{chunked}nonsense\r\n")).await, "400", &["PHALA-2006"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_have_ids_and_browsers_their_headers() {
    let Running { address, .. } = start(Rules::default()).await;
    let given = ask(address, "GET", "/v1/health", "x-request-id: from-me\r\n", b"").await;
    has(&given, "503", &["x-request-id: from-me", "access-control-allow-origin: *"]);
    let long = format!("x-request-id: {}\r\n", "a".repeat(65));
    let answer = ask(address, "GET", "/v1/health", &long, b"").await;
    assert!(answer.contains("x-request-id: ") && !answer.contains("aaaa"), "{answer}");
    let preflight = ask(address, "OPTIONS", "/v1/query", "origin: https://a\r\n", b"").await;
    has(&preflight, "204", &["access-control-allow-methods: GET, POST", "access-control-allow-headers: content-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_fit_are_sent_away() {
    let Running { address, api, .. } = start(Rules::default()).await;
    let taken = api.slots.acquire_many(u32::try_from(REQUESTS).unwrap()).await.unwrap();
    let answer = ask(address, "POST", "/v1/query", "", b"x").await;
    has(&answer, "503", &["PHALA-2001", "retry-after: 1", "x-request-id: "]);
    // who is asked whether it lives does not wait for those who ask for work
    has(&ask(address, "GET", "/health", "", b"").await, "200", &[]);
    drop(taken);
    has(&ask(address, "POST", "/v1/query", "", b"x").await, "503", &["PHALA-2010"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_old_connections_are_closed() {
    let rules = Rules { head: Duration::from_millis(200), age: Duration::from_millis(600), ..Rules::default() };
    let Running { address, .. } = start(rules).await;
    let started = Instant::now();
    let answer = send(address, "GET /health HT").await;
    assert!(!answer.contains("ok\n") && started.elapsed() < Duration::from_secs(10), "{answer}");
    // a body that never ends keeps no connection beyond the connection's age and grace
    let rules = Rules { age: Duration::from_millis(200), grace: Duration::from_millis(200), ..Rules::default() };
    let Running { address, .. } = start(rules).await;
    let started = Instant::now();
    send(address, "POST /v1/query HTTP/1.1\r\nhost: w\r\ncontent-length: 10\r\n\r\nx").await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let Running { address, .. } = start(Rules::default()).await;
    let head = "POST /v1/query HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: 10\r\n\r\nx";
    let answer = send(address, head).await;
    has(&answer, "408", &["PHALA-2005", "\"class\":\"retry\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_wait_for_their_turn() {
    let Running { address, .. } = start(Rules { connections: 1, ..Rules::default() }).await;
    let first = TcpStream::connect(address).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let second = tokio::spawn(async move { ask(address, "GET", "/health", "", b"").await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished());
    drop(first);
    has(&second.await.unwrap(), "200", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_what_has_begun_is_answered() {
    let Running { address, api, stop, served } = start(Rules::default()).await;
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let pool = api.pool.clone();
    let busy = tokio::spawn(async move { pool.run(move |_| wait.recv().unwrap()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = tokio::spawn(async move { ask(address, "POST", "/v1/query", "", b"x").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(TcpStream::connect(address).is_err());
    release.send(()).unwrap();
    has(&asked.await.unwrap(), "503", &["PHALA-2010"]);
    served.await.unwrap();
    busy.await.unwrap().unwrap();
}
