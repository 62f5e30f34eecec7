//! The one table of errors that the HTTP API answers with. Numbers are never given to another error.

use std::fmt;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use phala_worker_core::QueryError;

use crate::pool::PoolError;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The same request may succeed later, or elsewhere.
    Retry,
    /// The request is wrong as it is.
    User,
    /// Whoever runs the worker must do something.
    Operator,
    /// The worker is wrong. Please report it.
    Bug,
}

/// An error of the API: its row of the table, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    number: u16,
    class: Class,
    status: StatusCode,
    message: String,
}

impl ApiError {
    fn new(number: u16, class: Class, status: StatusCode, message: impl ToString) -> Self {
        Self { number, class, status, message: message.to_string() }
    }

    /// More is asked at a time than the worker serves.
    pub fn overloaded() -> Self {
        Self::new(2001, Class::Retry, StatusCode::SERVICE_UNAVAILABLE, "the worker is overloaded")
    }

    /// The body is longer than such a request can be.
    pub fn long_body(limit: usize) -> Self {
        let text = format!("the body is longer than {limit} bytes");
        Self::new(2002, Class::User, StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    /// There is nothing under this path.
    pub fn no_such_path() -> Self {
        Self::new(2003, Class::User, StatusCode::NOT_FOUND, "there is nothing under this path")
    }

    /// The path takes other methods.
    pub fn other_method() -> Self {
        Self::new(2004, Class::User, StatusCode::METHOD_NOT_ALLOWED, "the path does not take this method")
    }

    /// The body did not arrive in time.
    pub fn slow_body() -> Self {
        Self::new(2005, Class::Retry, StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
    }

    /// The body broke off.
    pub fn broken_body() -> Self {
        Self::new(2006, Class::Retry, StatusCode::BAD_REQUEST, "the body broke off")
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded => Self::overloaded(),
            PoolError::Panicked => Self::new(2007, Class::Bug, StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        use Class::{Operator, Retry, User};
        let (number, class, status) = match &error {
            QueryError::NotReady => (2010, Retry, StatusCode::SERVICE_UNAVAILABLE),
            QueryError::CatchingUp { .. } => (2011, Retry, StatusCode::SERVICE_UNAVAILABLE),
            QueryError::Frozen => (2012, Operator, StatusCode::CONFLICT),
            QueryError::Wire(_) => (2013, User, StatusCode::BAD_REQUEST),
            QueryError::OtherCluster => (2014, User, StatusCode::BAD_REQUEST),
            QueryError::OtherBoot => (2015, User, StatusCode::GONE),
            QueryError::UnknownSession => (2016, User, StatusCode::GONE),
            QueryError::Undecryptable => (2017, User, StatusCode::BAD_REQUEST),
            QueryError::Replayed(_) => (2018, User, StatusCode::CONFLICT),
            QueryError::Certificate(_) => (2019, User, StatusCode::FORBIDDEN),
            QueryError::Unsigned => (2020, User, StatusCode::FORBIDDEN),
            QueryError::NotMember { .. } => (2021, User, StatusCode::FORBIDDEN),
            QueryError::Host(_) => (2022, Retry, StatusCode::INTERNAL_SERVER_ERROR),
            _ => (2023, Retry, StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self::new(number, class, status, error)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PHALA-{}: {}", self.number, self.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "code": format!("PHALA-{}", self.number), "class": self.class, "message": self.message,
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.class == Class::Retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
