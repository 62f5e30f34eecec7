//! How the HTTP API answers with an error of the project's table ([`phala_primitives::fault`]): its status and its JSON.

use std::fmt;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use phala_primitives::fault::{Class, Fault};
use phala_worker_core::QueryError;

use crate::pool::PoolError;

/// An error of the API: its row of the table, its status, and what has happened this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    fault: Fault,
    status: StatusCode,
    message: String,
}

impl ApiError {
    fn new(fault: Fault, status: StatusCode, message: impl ToString) -> Self {
        Self { fault, status, message: message.to_string() }
    }

    /// Whether the request was right, and the worker or its machine has failed.
    pub fn is_internal(&self) -> bool {
        self.status == StatusCode::INTERNAL_SERVER_ERROR
    }

    /// More is asked at a time than the worker serves.
    pub fn overloaded() -> Self {
        Self::new(Fault::Overloaded, StatusCode::SERVICE_UNAVAILABLE, "the worker is overloaded")
    }

    /// The body is longer than such a request can be.
    pub fn long_body(limit: usize) -> Self {
        let text = format!("the body is longer than {limit} bytes");
        Self::new(Fault::LongBody, StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    /// There is nothing under this path.
    pub fn no_such_path() -> Self {
        Self::new(Fault::NoSuchPath, StatusCode::NOT_FOUND, "there is nothing under this path")
    }

    /// The path takes other methods.
    pub fn other_method() -> Self {
        Self::new(Fault::OtherMethod, StatusCode::METHOD_NOT_ALLOWED, "the path does not take this method")
    }

    /// The body did not arrive in time.
    pub fn slow_body() -> Self {
        Self::new(Fault::SlowBody, StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
    }

    /// The body broke off.
    pub fn broken_body() -> Self {
        Self::new(Fault::BrokenBody, StatusCode::BAD_REQUEST, "the body broke off")
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded => Self::overloaded(),
            PoolError::Panicked => Self::new(Fault::WorkerBug, StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let (fault, status) = match &error {
            QueryError::NotReady => (Fault::NotReady, StatusCode::SERVICE_UNAVAILABLE),
            QueryError::CatchingUp { .. } => (Fault::CatchingUp, StatusCode::SERVICE_UNAVAILABLE),
            QueryError::Frozen => (Fault::Frozen, StatusCode::CONFLICT),
            QueryError::Wire(_) => (Fault::Unreadable, StatusCode::BAD_REQUEST),
            QueryError::OtherCluster => (Fault::OtherCluster, StatusCode::BAD_REQUEST),
            QueryError::OtherBoot => (Fault::OtherBoot, StatusCode::GONE),
            QueryError::UnknownSession => (Fault::UnknownSession, StatusCode::GONE),
            QueryError::Undecryptable => (Fault::Undecryptable, StatusCode::BAD_REQUEST),
            QueryError::Replayed(_) => (Fault::Replayed, StatusCode::CONFLICT),
            QueryError::Certificate(_) => (Fault::Certificate, StatusCode::FORBIDDEN),
            QueryError::Unsigned => (Fault::Unsigned, StatusCode::FORBIDDEN),
            QueryError::NotMember { .. } => (Fault::NotMember, StatusCode::FORBIDDEN),
            QueryError::Host(_) => (Fault::HostFailed, StatusCode::INTERNAL_SERVER_ERROR),
            _ => (Fault::WorkerOther, StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self::new(fault, status, error)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fault.code(), self.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "code": self.fault.code().to_string(), "class": self.fault.class().name(), "message": self.message,
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.fault.class() == Class::Retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use phala_primitives::fault::Part;

    use super::*;

    /// Clients know them.
    #[test]
    fn errors_keep_their_numbers_and_statuses() {
        for (error, shown, status) in [
            (ApiError::overloaded(), "PHALA-2001: the worker is overloaded", 503),
            (ApiError::long_body(7), "PHALA-2002: the body is longer than 7 bytes", 413),
            (ApiError::no_such_path(), "PHALA-2003: there is nothing under this path", 404),
            (PoolError::Overloaded.into(), "PHALA-2001: the worker is overloaded", 503),
            (PoolError::Panicked.into(), "PHALA-2007: the worker failed by a bug", 500),
            (QueryError::CatchingUp { missing: 3 }.into(), "PHALA-2011: the worker is catching up: 3 messages", 503),
            (QueryError::Frozen.into(), "PHALA-2012: the cluster is frozen", 409),
            (QueryError::NotMember { block: 9 }.into(), "PHALA-2021: the asker is no live member", 403),
            (QueryError::Host("disk full".into()).into(), "PHALA-2022: the worker failed: disk full", 500),
        ] {
            assert!(error.to_string().starts_with(shown), "{error}, expected {shown}");
            assert_eq!(error.fault.code().part(), Some(Part::Worker), "{error}");
            assert_eq!(error.into_response().status().as_u16(), status, "{shown}");
        }
    }

    #[test]
    fn who_may_come_again_is_told_when() {
        for (error, again) in [
            (ApiError::from(QueryError::NotReady), Some("1")),
            (QueryError::Frozen.into(), None),
            (QueryError::Unsigned.into(), None),
            (PoolError::Panicked.into(), None),
        ] {
            let response = error.clone().into_response();
            let given = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(given, again, "{error}");
        }
    }
}
