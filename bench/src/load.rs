//! The load generator: a process of its own, so that it can be kept on one core. It keeps some connections busy, and measures from
//! the first request to the last answer.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use codec::{Decode, Encode};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Of so many answers of a connection one is kept, the first of them, to be checked.
pub const KEPT: usize = 100;
/// A server that takes longer for all of it hangs.
const DEADLINE: Duration = Duration::from_secs(300);

/// What is asked of a server.
#[derive(Encode, Decode)]
pub struct Load {
    /// Its address and port.
    pub server: String,
    /// The path of all requests.
    pub path: String,
    /// The bodies that each connection posts, one after the other. An empty one is a GET.
    pub bodies: Vec<Vec<Vec<u8>>>,
}

/// What came of it. That every status was 200 has been checked.
#[derive(Encode, Decode)]
pub struct Answered {
    nanoseconds: u64,
    /// Of each connection every [`KEPT`]th answer, the first one included.
    pub kept: Vec<Vec<Vec<u8>>>,
}

impl Answered {
    /// Seconds from the first request to the last answer.
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds).as_secs_f64()
    }
}

impl Load {
    /// GETs.
    pub fn gets(server: String, path: &str, connections: usize, requests: usize) -> Self {
        Self { server, path: path.into(), bodies: vec![vec![Vec::new(); requests]; connections] }
    }

    /// Requests of all connections.
    pub fn requests(&self) -> usize {
        self.bodies.iter().map(Vec::len).sum()
    }

    /// Puts it on the server, from a process that runs on the first core only.
    pub fn put(&self) -> Result<Answered> {
        let mut generator = Command::new("taskset");
        generator.args(["--cpu-list", "0"]).arg(std::env::current_exe()?).arg("load");
        generator.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut generator =
            generator.spawn().context("taskset, of the package util-linux, keeps the load generator on one core")?;
        // an end that came early says why on standard error, and by its status below
        let _written = generator.stdin.take().context("its standard input")?.write_all(&self.encode());
        let output = generator.wait_with_output()?;
        ensure!(output.status.success(), "the load generator failed ({})", output.status);
        Ok(Answered::decode(&mut output.stdout.as_slice())?)
    }
}

/// Puts the load of standard input on a server, and writes what came of it to standard output.
pub fn run() -> Result<()> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let load = Load::decode(&mut bytes.as_slice())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answered = runtime.block_on(async { tokio::time::timeout(DEADLINE, answer(load)).await })??;
    std::io::stdout().lock().write_all(&answered.encode())?;
    Ok(())
}

type Sender = http1::SendRequest<Full<Bytes>>;

async fn answer(load: Load) -> Result<Answered> {
    let mut connections = Vec::new();
    for bodies in load.bodies {
        let stream = TcpStream::connect(&load.server).await.with_context(|| load.server.clone())?;
        stream.set_nodelay(true)?;
        let (sender, connection): (Sender, _) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let requests: Result<Vec<_>> = bodies.into_iter().map(|body| request(&load.server, &load.path, body)).collect();
        connections.push((sender, requests?));
    }
    let start = Instant::now();
    let busy: Vec<_> = connections.into_iter().map(|(sender, all)| tokio::spawn(send(sender, all))).collect();
    let mut kept = Vec::new();
    for connection in busy {
        kept.push(connection.await??);
    }
    let nanoseconds = u64::try_from(start.elapsed().as_nanos())?;
    Ok(Answered { nanoseconds, kept })
}

fn request(server: &str, path: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>> {
    let method = if body.is_empty() { Method::GET } else { Method::POST };
    let request = Request::builder().method(method).uri(path).header(header::HOST, server);
    Ok(request.body(Full::new(Bytes::from(body)))?)
}

/// The requests of one connection, each after the answer to the one before.
async fn send(mut sender: Sender, requests: Vec<Request<Full<Bytes>>>) -> Result<Vec<Vec<u8>>> {
    let mut kept = Vec::new();
    for (number, request) in requests.into_iter().enumerate() {
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        if number.is_multiple_of(KEPT) {
            kept.push(body.to_vec());
        }
    }
    Ok(kept)
}
