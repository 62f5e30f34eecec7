//! The HTTP API. Bodies are SCALE bytes of `phala_primitives::query` and `handover`, errors are JSON.
//!
//! ```text
//! GET  /health         alive                       POST /v1/session    opens a session        200: empty
//! GET  /v1/health      how far it is, JSON         POST /v1/query      asks                   200: the sealed answer
//! GET  /metrics        Prometheus                  POST /v1/handover   keys for a new member  200: the sealed keys
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use phala_primitives::{
    Wire,
    handover::HandoverRequest,
    query::{QueryRequest, SessionRequest},
};
use phala_worker_core::{Deadline, Queries, QueryError};
use rand_core::{OsRng, RngCore};
use tracing::Instrument as _;

use crate::{errors::ApiError, metrics::Metrics, pool::Pool};

/// How long a client may take to send its body.
const BODY: Duration = Duration::from_secs(10);
/// The time that a query has.
const QUERY: Duration = Duration::from_secs(10);
/// Ticks of the engine in a second, see `crate::follow`.
pub const TICKS_PER_SECOND: u64 = 100;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers share.
pub struct Api {
    /// Answers.
    pub queries: Arc<Queries>,
    /// Runs them.
    pub pool: Pool,
    /// Counts them.
    pub metrics: Metrics,
    /// Numbers them.
    pub requests: AtomicU64,
}

/// The routes.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/health", get(status))
        .route("/v1/session", post(session))
        .route("/v1/query", post(query))
        .route("/v1/handover", post(hand_over))
        .layer(middleware::from_fn_with_state(api.clone(), with_request_id))
        // outside of the layer: this is what load balancers ask, and what others are measured against
        .route("/health", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .with_state(api)
}

/// Gives every request an id that runs through the logs, and browsers of all origins their headers: the API has no cookies.
async fn with_request_id(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let number = api.requests.fetch_add(1, Ordering::Relaxed);
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= 64).cloned();
    let id = given.unwrap_or_else(|| HeaderValue::from(number));
    let path = request.uri().path().to_owned();
    let span = tracing::debug_span!("request", id = ?id, path = %path);
    let preflight = request.method() == Method::OPTIONS;
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).instrument(span).await };
    api.metrics.answered(&path, response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    if preflight {
        headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST"));
        headers.insert("access-control-allow-headers", HeaderValue::from_static("content-type, x-request-id"));
    }
    response
}

async fn body(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY, to_bytes(body, limit)).await;
    let read = read.map_err(|_| ApiError::body("the body did not arrive in time"))?;
    read.map_err(|_| ApiError::body(format!("the body is longer than {limit} bytes, or broke off")))
}

/// Runs a handler's work where contracts may run.
async fn run<R: Send + 'static>(
    api: &Arc<Api>,
    work: impl FnOnce(&Queries, &phat_engine::Stack) -> Result<R, QueryError> + Send + 'static,
) -> Result<R, ApiError> {
    let queries = api.queries.clone();
    let done = api.pool.run(move |stack| work(&queries, stack)).await.map_err(|_| ApiError::overloaded())?;
    done.map_err(|error| {
        tracing::debug!(%error, "refused");
        error.into()
    })
}

async fn session(State(api): State<Arc<Api>>, request: Body) -> Result<(), ApiError> {
    let bytes = body(request, SessionRequest::MAX_BYTES).await?;
    run(&api, move |queries, _| queries.open_session(&bytes)).await
}

async fn query(State(api): State<Arc<Api>>, request: Body) -> Result<Vec<u8>, ApiError> {
    let bytes = body(request, QueryRequest::MAX_BYTES).await?;
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let ticks = QUERY.as_secs().saturating_mul(TICKS_PER_SECOND);
    let started = std::time::Instant::now();
    let at_ms = now_ms().saturating_add(u64::try_from(QUERY.as_millis()).unwrap_or(u64::MAX));
    let answer = run(&api, move |queries, stack| queries.query(stack, &bytes, Deadline { ticks, at_ms }, nonce)).await;
    api.metrics.queried(started.elapsed());
    answer
}

async fn hand_over(State(api): State<Arc<Api>>, request: Body) -> Result<Vec<u8>, ApiError> {
    let bytes = body(request, HandoverRequest::MAX_BYTES).await?;
    run(&api, move |queries, _| queries.hand_over(&bytes, &mut OsRng)).await
}

async fn status(State(api): State<Arc<Api>>) -> Response {
    let view = api.queries.view();
    let body = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": view.is_some(),
        "phase": api.metrics.phase(),
        "height": api.metrics.height(),
        "block": view.as_ref().map(|view| view.block()),
        "logIndex": view.as_ref().map(|view| view.log_index()),
        "assurance": view.as_ref().map(|view| view.assurance()),
        "sessions": api.queries.sessions(),
    });
    let code = if view.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(body)).into_response()
}

async fn metrics(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain; version=0.0.4"));
    (headers, api.metrics.text(api.queries.sessions()))
}

/// The host's clock, in milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
