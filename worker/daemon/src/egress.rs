//! HTTP for contracts, under the policy of their cluster.
//!
//! Names are resolved here, and what a name resolves to is checked **after** resolution, for the first request and for each
//! redirect; the connection then goes to the very address that was checked. The policy comes from the chain; the worker has no
//! flag that would widen it.

mod address;
mod tls;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, StatusCode, Uri,
    body::Bytes,
    header::{AUTHORIZATION, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION},
};
use hyper_util::rt::TokioIo;
use phala_primitives::cluster::HttpPolicy;
use phala_worker_core::Outside;
use phat_engine::{HostFailure, HttpError, Options, Request, Response};
use rand_core::{OsRng, RngCore as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};
use url::Url;

use crate::{metrics::Metrics, server::now_ms};
use address::Forbidden;

/// Without options: see `contract/wit/http.wit`.
const DEFAULT_TIMEOUT_MS: u32 = 8_000;
const DEFAULT_BYTES: u32 = 1024 * 1024;
const DEFAULT_REDIRECTS: u8 = 3;
/// More than this nobody gets, whatever the options say.
const MOST_BYTES: u32 = 4 * 1024 * 1024;
const MOST_REDIRECTS: u8 = 10;
/// Headers that a contract cannot set.
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Names that are looked up at a time. The system's resolver holds a thread for each, also after the asker's time is over.
const LOOKUPS: usize = 64;
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;
/// How long one of several addresses is tried before the next.
const ADDRESS_TIME: Duration = Duration::from_secs(2);

/// The way out. Clones share the runtime, and are counted together.
#[derive(Clone)]
pub struct Egress {
    runtime: tokio::runtime::Handle,
    lookups: Arc<Semaphore>,
    metrics: Metrics,
}

impl Egress {
    /// Uses this runtime for its connections.
    pub fn new(runtime: tokio::runtime::Handle, metrics: Metrics) -> Self {
        Self { runtime, lookups: Arc::new(Semaphore::new(LOOKUPS)), metrics }
    }
}

/// What an exchange is counted as.
fn outcome(result: &Result<Response, HttpError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(HttpError::Forbidden(_)) => "forbidden",
        Err(HttpError::NameNotResolved(_) | HttpError::NotConnected(_)) => "unreachable",
        Err(HttpError::TimedOut) => "timed_out",
        Err(HttpError::Tls(_)) => "tls",
        Err(_) => "other",
    }
}

impl Outside for Egress {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), HostFailure> {
        OsRng.try_fill_bytes(bytes).map_err(|error| HostFailure(error.to_string()))
    }

    fn fetch(
        &self,
        policy: &HttpPolicy,
        requests: Vec<(Request, Option<Options>)>,
        time_ms: u64,
        deadline_ms: u64,
    ) -> Vec<Result<Response, HttpError>> {
        let left = Duration::from_millis(deadline_ms.saturating_sub(now_ms()));
        let tls = match tls::config(policy, time_ms) {
            Ok(tls) => tls,
            Err(reason) => {
                requests.iter().for_each(|_| self.metrics.fetched("tls"));
                return requests.iter().map(|_| Err(HttpError::Tls(reason.clone()))).collect();
            }
        };
        let exchanges = requests.into_iter().map(|(request, options)| {
            let exchange = Exchange {
                policy: policy.clone(),
                tls: tls.clone(),
                limits: Limits::new(options),
                lookups: self.lookups.clone(),
            };
            let limit = exchange.limits.timeout.min(left);
            async move {
                let result = tokio::time::timeout(limit, exchange.run(request)).await;
                result.unwrap_or(Err(HttpError::TimedOut))
            }
        });
        let results = self.runtime.block_on(join_all(exchanges));
        results.iter().for_each(|result| self.metrics.fetched(outcome(result)));
        results
    }
}

struct Limits {
    timeout: Duration,
    bytes: usize,
    redirects: u8,
}

impl Limits {
    fn new(options: Option<Options>) -> Self {
        let (timeout, bytes, redirects) = match options {
            Some(options) => (options.timeout_ms, options.max_response_bytes, options.max_redirects),
            None => (DEFAULT_TIMEOUT_MS, DEFAULT_BYTES, DEFAULT_REDIRECTS),
        };
        Self {
            timeout: Duration::from_millis(timeout.into()),
            bytes: usize::try_from(bytes.min(MOST_BYTES)).unwrap_or(usize::MAX),
            redirects: redirects.min(MOST_REDIRECTS),
        }
    }
}

struct Exchange {
    policy: HttpPolicy,
    tls: Arc<rustls::ClientConfig>,
    limits: Limits,
    lookups: Arc<Semaphore>,
}

/// A response whose body may not have arrived yet, with the task that reads its connection. Both end together, so that
/// nothing of an exchange outlives its time.
type Reply = (hyper::Response<hyper::body::Incoming>, JoinSet<hyper::Result<()>>);

/// What is sent next: the first request, or what a redirect makes of it.
struct Outgoing {
    method: Method,
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Exchange {
    async fn run(&self, request: Request) -> Result<Response, HttpError> {
        let mut outgoing = Outgoing::new(request)?;
        let mut redirects = 0;
        loop {
            let reply = self.send(&outgoing).await?;
            let (response, _) = &reply;
            let location = response.headers().get(LOCATION).filter(|_| is_redirect(response.status()));
            let Some(location) = location.cloned().filter(|_| self.limits.redirects > 0) else {
                return self.read(reply, outgoing.url).await;
            };
            if redirects >= self.limits.redirects {
                return Err(HttpError::TooManyRedirects);
            }
            redirects = redirects.saturating_add(1);
            outgoing = outgoing.redirected(response.status(), &location)?;
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Reply, HttpError> {
        let secure = match outgoing.url.scheme() {
            "https" => true,
            "http" if self.policy.allow_http => false,
            "http" => return Err(HttpError::Forbidden("http:// is not allowed in this cluster".into())),
            other => return Err(HttpError::BadRequest(format!("'{other}' is neither http nor https"))),
        };
        let stream = connect(&self.resolve(&outgoing.url).await?).await?;
        if secure {
            let stream = tls::connect(self.tls.clone(), &outgoing.url, stream).await?;
            exchange(stream, outgoing).await
        } else {
            exchange(stream, outgoing).await
        }
    }

    /// The name's addresses that the policy allows.
    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, HttpError> {
        let port = url.port_or_known_default().ok_or_else(|| HttpError::BadRequest("no port".into()))?;
        let addresses: Vec<IpAddr> = match url.host() {
            Some(url::Host::Ipv4(address)) => vec![address.into()],
            Some(url::Host::Ipv6(address)) => vec![address.into()],
            Some(url::Host::Domain(name)) => self.look_up(name.to_owned(), port).await?,
            None => return Err(HttpError::BadRequest("no host".into())),
        };
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in addresses {
            match address::check(address, self.policy.allow_loopback) {
                Ok(()) => allowed.push(SocketAddr::new(address, port)),
                Err(reason) => refused = Some(reason),
            }
        }
        match refused {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(Forbidden(reason)) => Err(HttpError::Forbidden(format!("the host has {reason} address"))),
            None => Err(HttpError::NameNotResolved("the name has no address".into())),
        }
    }

    async fn look_up(&self, name: String, port: u16) -> Result<Vec<IpAddr>, HttpError> {
        let failed = |reason: String| HttpError::NameNotResolved(reason);
        let permit = self.lookups.clone().acquire_owned().await.map_err(|error| failed(error.to_string()))?;
        // its own task: the permit is given back when the resolver's thread is free, not when the asker's time is over
        let lookup = tokio::spawn(async move {
            let _permit = permit;
            let found = tokio::net::lookup_host((name.as_str(), port)).await;
            found.map(|found| found.map(|address| address.ip()).collect()).map_err(|error| format!("{name}: {error}"))
        });
        lookup.await.map_err(|error| failed(error.to_string()))?.map_err(failed)
    }

    async fn read(&self, (response, _connection): Reply, url: Url) -> Result<Response, HttpError> {
        let (head, mut body) = response.into_parts();
        let headers =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| HttpError::BadResponse(error.to_string()))?;
            if let Ok(data) = frame.into_data() {
                if bytes.len().saturating_add(data.len()) > self.limits.bytes {
                    return Err(HttpError::ResponseTooLong);
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok(Response { status: head.status.as_u16(), headers, body: bytes, url: url.into() })
    }
}

/// Connects to one of these addresses, by their order.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, HttpError> {
    let mut last = HttpError::NotConnected("no address".into());
    let tried = addresses.len().min(ADDRESSES);
    for (number, address) in addresses.iter().take(tried).enumerate() {
        // the last one has all the time that is left
        let is_last = number.saturating_add(1) == tried;
        let time = if is_last { Duration::MAX } else { ADDRESS_TIME };
        last = match tokio::time::timeout(time, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => HttpError::NotConnected(format!("{address}: {error}")),
            Err(_) => HttpError::NotConnected(format!("{address}: it does not answer")),
        };
    }
    Err(last)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    outgoing: &Outgoing,
) -> Result<Reply, HttpError> {
    let bad = |error: hyper::Error| HttpError::BadResponse(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(bad)?;
    let mut task = JoinSet::new();
    task.spawn(connection);
    let response = sender.send_request(outgoing.to_http()?).await.map_err(bad)?;
    Ok((response, task))
}

impl Outgoing {
    fn new(request: Request) -> Result<Self, HttpError> {
        let bad = |what: &str| HttpError::BadRequest(what.to_owned());
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| bad("the method"))?;
        // one would open a tunnel past all checks, the other shows headers that are not the contract's
        if matches!(method, Method::CONNECT | Method::TRACE) {
            return Err(HttpError::BadRequest(format!("the method {method} is not for contracts")));
        }
        let url = Url::parse(&request.url).map_err(|error| HttpError::BadRequest(format!("the URL: {error}")))?;
        if has_credentials(&url) {
            return Err(bad("the URL has a name or a password: send them as a header"));
        }
        let mut headers = Vec::with_capacity(request.headers.len());
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("a header's name"))?;
            // what frames the message is this side's, or requests could be smuggled
            if OURS.contains(&name.as_str()) {
                return Err(HttpError::BadRequest(format!("the header '{name}' is set by the worker")));
            }
            headers.push((name, HeaderValue::from_bytes(&value).map_err(|_| bad("a header's value"))?));
        }
        Ok(Self { method, url, headers, body: request.body.into() })
    }

    fn to_http(&self) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
        let path = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let uri: Uri = path.parse().map_err(|_| HttpError::BadRequest("the path".into()))?;
        let host = self.url.host_str().unwrap_or_default();
        let host = self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut request = hyper::Request::builder().method(self.method.clone()).uri(uri).header(HOST, host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body.clone())).map_err(|error| HttpError::BadRequest(error.to_string()))
    }

    /// As browsers do it (Fetch, "HTTP-redirect fetch"): some statuses turn a request into a GET, and credentials do not go to
    /// another origin.
    fn redirected(mut self, status: StatusCode, location: &HeaderValue) -> Result<Self, HttpError> {
        let bad = || HttpError::BadResponse("a redirect to what is no URL".into());
        let target = self.url.join(location.to_str().map_err(|_| bad())?).map_err(|_| bad())?;
        if has_credentials(&target) {
            return Err(bad());
        }
        let becomes_get = match status.as_u16() {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.retain(|(name, _)| !name.as_str().starts_with("content-"));
        }
        if target.origin() != self.url.origin() {
            self.headers.retain(|(name, _)| ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name));
        }
        self.url = target;
        Ok(self)
    }
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests;
