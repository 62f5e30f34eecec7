//! The HTTP API. Bodies are SCALE bytes of `phala_primitives::query` and `handover`, errors are JSON.
//!
//! ```text
//! GET  /health         alive                       POST /v1/session    opens a session        200: empty
//! GET  /v1/health      how far it is, JSON         POST /v1/query      asks                   200: the sealed answer
//! GET  /metrics        Prometheus                  POST /v1/handover   keys for a new member  200: the sealed keys
//! ```

use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
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
use http_body_util::LengthLimitError;
use phala_primitives::{
    Wire,
    handover::HandoverRequest,
    query::{QueryRequest, SessionRequest},
};
use phala_worker_core::{Deadline, Queries};
use phat_engine::Stack;
use rand_core::{OsRng, RngCore};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::{
    errors::ApiError,
    metrics::Metrics,
    pool::{Pool, guarded},
};

/// How long a client may take to send its body.
const BODY: Duration = Duration::from_secs(10);
/// The time that a query has.
const QUERY: Duration = Duration::from_secs(10);
/// Requests that are read or served at a time. With the longest body of each this bounds the memory that they take.
const REQUESTS: usize = 512;
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
    /// Bounds them.
    slots: Semaphore,
}

impl Api {
    /// Answers with these.
    pub fn new(queries: Arc<Queries>, pool: Pool, metrics: Metrics) -> Self {
        Self { queries, pool, metrics, slots: Semaphore::new(REQUESTS) }
    }
}

/// The routes.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/health", get(status))
        .route("/v1/session", post(session))
        .route("/v1/query", post(query))
        .route("/v1/handover", post(hand_over))
        .fallback(async || ApiError::no_such_path())
        .method_not_allowed_fallback(async || ApiError::other_method())
        .layer(middleware::from_fn_with_state(api.clone(), with_request_id))
        // outside of the layer: this is what load balancers ask, and what others are measured against
        .route("/health", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .with_state(api)
}

/// Gives every request an id that runs through the logs, takes no more requests than fit, and gives browsers of all origins
/// their headers: the API has no cookies.
async fn with_request_id(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= 64);
    let id = match given.and_then(|id| id.to_str().ok()) {
        Some(id) => id.to_owned(),
        None => format!("{:016x}", OsRng.next_u64()),
    };
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", id = %id, path = %path);
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else if let Ok(_slot) = api.slots.try_acquire() {
        next.run(request).instrument(span).await
    } else {
        ApiError::overloaded().into_response()
    };
    api.metrics.answered(&path, response.status().as_u16());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert("access-control-expose-headers", HeaderValue::from_static("x-request-id, retry-after"));
    if preflight {
        headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST"));
        headers.insert("access-control-allow-headers", HeaderValue::from_static("content-type, x-request-id"));
        headers.insert("access-control-max-age", HeaderValue::from_static("86400"));
    }
    response
}

async fn body(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY, to_bytes(body, limit)).await.map_err(|_| ApiError::slow_body())?;
    read.map_err(|error| match error.source() {
        Some(reason) if reason.is::<LengthLimitError>() => ApiError::long_body(limit),
        _ => ApiError::broken_body(),
    })
}

/// Runs a handler's work where contracts may run.
async fn run<R: Send + 'static, E: Into<ApiError> + Send + 'static>(
    api: &Arc<Api>,
    work: impl FnOnce(&Queries, &Stack) -> Result<R, E> + Send + 'static,
) -> Result<R, ApiError> {
    let (queries, span) = (api.queries.clone(), tracing::Span::current());
    let done = api.pool.run(move |stack| span.in_scope(|| work(&queries, stack))).await?;
    done.map_err(refused)
}

/// What a client does wrong does not fill the operator's log; what went wrong here is in it, under the request's id.
fn refused(error: impl Into<ApiError>) -> ApiError {
    let error = error.into();
    if error.is_internal() {
        tracing::warn!(%error, "failed");
    } else {
        tracing::debug!(%error, "refused");
    }
    error
}

async fn session(State(api): State<Arc<Api>>, request: Body) -> Result<(), ApiError> {
    let bytes = body(request, SessionRequest::MAX_BYTES).await?;
    run(&api, move |queries, _| queries.open_session(&bytes)).await
}

async fn query(State(api): State<Arc<Api>>, request: Body) -> Result<Vec<u8>, ApiError> {
    let bytes = body(request, QueryRequest::MAX_BYTES).await?;
    let started = Instant::now();
    let answer = answer(&api, &bytes, started).await;
    api.metrics.queried(started.elapsed());
    answer
}

/// Answers here, where the request has arrived, if that is done in no time; else where contracts may take their time.
async fn answer(api: &Arc<Api>, request: &[u8], started: Instant) -> Result<Vec<u8>, ApiError> {
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let at_ms = now_ms().saturating_add(millis(QUERY));
    let accepted = guarded(|| api.queries.accept(request))?.map_err(refused)?;
    let deadline = move |left: Duration| {
        let ticks = millis(left).saturating_mul(TICKS_PER_SECOND).div_ceil(1_000);
        Deadline { ticks, at_ms }
    };
    let brief = |stack: &Stack| api.queries.answer_briefly(stack, &accepted, deadline(QUERY), nonce);
    if let Some(answer) = guarded(|| Stack::here(brief))?.transpose().map_err(refused)?.flatten() {
        return Ok(answer);
    }
    run(api, move |queries, stack| {
        // what has waited for its turn is not there for the contract any more
        let left = QUERY.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ApiError::overloaded());
        }
        Ok(queries.answer(stack, &accepted, deadline(left), nonce)?)
    })
    .await
}

async fn hand_over(State(api): State<Arc<Api>>, request: Body) -> Result<Vec<u8>, ApiError> {
    let bytes = body(request, HandoverRequest::MAX_BYTES).await?;
    run(&api, move |queries, _| queries.hand_over(&bytes, &mut OsRng)).await
}

async fn status(State(api): State<Arc<Api>>) -> Response {
    let (view, readiness) = (api.queries.view(), api.queries.readiness());
    let body = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": readiness.is_ok(),
        "reason": readiness.as_ref().err().map(ToString::to_string),
        "refused": api.metrics.refused(),
        "phase": api.metrics.phase(),
        "height": api.metrics.height(),
        "block": view.as_ref().map(|view| view.block()),
        "logIndex": view.as_ref().map(|view| view.log_index()),
        "assurance": view.as_ref().map(|view| view.assurance()),
        "sessions": api.queries.sessions(),
    });
    let code = if readiness.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(body)).into_response()
}

async fn metrics(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain; version=0.0.4"));
    (headers, api.metrics.text(api.queries.sessions(), api.queries.readiness().is_ok()))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The host's clock, in milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests;
