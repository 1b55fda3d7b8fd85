//! Verifying a callback URL, as "save" in the console does (WeCom doc 90930).

use std::time::Duration;

use axum::body::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::delivery::signed_url;
use crate::Sandbox;

/// Why a callback URL could not be verified.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The corp has no app of this name, or it has no callback.
    #[error("no such callback")]
    NoCallback,
    /// No answer within the second that WeCom waits, or no connection.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// Answered with another status than 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// The body is not exactly the decrypted `echostr`.
    #[error("the answer is not exactly the decrypted echostr")]
    WrongBody,
}

/// What "save" in the console does (WeCom doc 90930).
pub(crate) async fn verify(sandbox: &Sandbox, corp: &str, app: &str) -> Result<(), VerifyError> {
    let prepared = sandbox.change(|state| {
        let app = state.corps.get(corp)?.app(app)?;
        let (secret, nonce) = (state.ids.nonce(), state.ids.nonce());
        let echo = app.seal.encrypt(state.ids.bytes(), &secret);
        let url = signed_url(app, &nonce, &echo, sandbox.now());
        let echo = utf8_percent_encode(&echo, NON_ALPHANUMERIC);
        (!app.callback_url.is_empty()).then(|| (format!("{url}&echostr={echo}"), secret))
    });
    let (url, secret) = prepared.ok_or(VerifyError::NoCallback)?;
    let limit = sandbox.options().verify_timeout;
    let answered = ask(sandbox, &url, limit);
    let answer = sandbox.clock().timeout(limit, answered).await;
    let body = answer.unwrap_or(Err(VerifyError::NoAnswer(limit)))?;
    if body == secret.as_bytes() {
        Ok(())
    } else {
        Err(VerifyError::WrongBody)
    }
}

/// The body of the answer, however long it takes.
async fn ask(sandbox: &Sandbox, url: &str, limit: Duration) -> Result<Bytes, VerifyError> {
    let no_answer = |_| VerifyError::NoAnswer(limit);
    let client = sandbox.clients().for_url(url).map_err(no_answer)?;
    let answer = client.get(url).send().await.map_err(no_answer)?;
    match answer.status().as_u16() {
        200 => answer.bytes().await.map_err(no_answer),
        status => Err(VerifyError::Status(status)),
    }
}
