//! What is answered when a callback is not taken: a stable code for the caller, the cause for the log.

use domain::error::StoreError;
use lambda_http::{Body, Response};
use platform::secret::SecretError;
use wecom::OpenError;

/// Why a callback was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no such corp or app takes callbacks here")]
    UnknownApp,
    #[error("only GET and POST are answered")]
    Method,
    #[error("the parameter {0} is missing")]
    MissingParameter(&'static str),
    #[error("the body is over 64 KiB")]
    TooLarge,
    #[error("the body is no envelope")]
    NoEnvelope,
    #[error("{0}")]
    Unopened(OpenError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    pub(crate) fn status(&self) -> u16 {
        self.status_and_code().0
    }

    pub(crate) fn response(&self) -> Response<Body> {
        let (status, code) = self.status_and_code();
        let mut response = text(status, format!(r#"{{"error":"{code}"}}"#));
        response.headers_mut().insert("content-type", JSON);
        response
    }

    fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::UnknownApp => (404, "not_found"),
            Self::Method => (405, "method_not_allowed"),
            Self::MissingParameter(_) => (400, "missing_parameter"),
            Self::TooLarge => (400, "body_too_large"),
            Self::NoEnvelope => (400, "not_an_envelope"),
            Self::Unopened(OpenError::SignatureMismatch) => (403, "bad_signature"),
            Self::Unopened(OpenError::ForeignReceiver) => (400, "foreign_receiver"),
            Self::Unopened(_) => (400, "not_decryptable"),
            Self::Secret(_) => (503, "not_configured"),
            Self::Store(_) => (503, "store_unavailable"),
        }
    }
}

const TEXT: lambda_http::http::HeaderValue =
    lambda_http::http::HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: lambda_http::http::HeaderValue =
    lambda_http::http::HeaderValue::from_static("application/json");

/// An answer of plain text, which WeCom compares byte by byte.
pub(crate) fn text(status: u16, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = lambda_http::http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert("content-type", TEXT);
    response
}
