//! The one HTTP client of a function, through which it calls WeCom and AWS.
//!
//! Of a function's start, most of the processor time went to reading and parsing the certificates of the machine, once
//! for each of two clients. Here is one client, and the roots that it trusts are Mozilla's, compiled in
//! ([`webpki_roots`]): nothing is read or parsed. A new build takes the roots of its day.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use futures::TryFutureExt as _;
use reqwest::Client;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

/// Why a function has no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// The client, with the time-outs of WeCom's ([`wecom::client::http_client_builder`]), for HTTP/1.1: DynamoDB speaks no
/// other, and WeCom's documents promise no other.
///
/// # Errors
/// If TLS cannot be set up.
pub fn client() -> Result<Client, HttpError> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
    trusting(RootCertStore { roots })
}

fn trusting(roots: RootCertStore) -> Result<Client, HttpError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = wecom::client::http_client_builder();
    Ok(builder.tls_backend_preconfigured(tls).build()?)
}

/// The client, for the AWS SDK. Requests and answers are held whole: a page of DynamoDB has a megabyte at most. The time
/// that a try may take is the SDK's to watch.
#[derive(Clone, Debug)]
pub struct AwsHttp(pub Client);

impl HttpClient for AwsHttp {
    fn http_connector(
        &self,
        _time_outs: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for AwsHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let answer = client.execute(whole(request)?).map_err(broken).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().map_err(broken).await?;
            let mut answer = HttpResponse::new(status.into(), SdkBody::from(body));
            *answer.headers_mut() = headers.try_into().map_err(unusable)?;
            Ok(answer)
        })
    }
}

fn whole(request: HttpRequest) -> Result<reqwest::Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(unusable)?;
    let (head, body) = request.into_parts();
    let bytes = body
        .bytes()
        .ok_or_else(|| unusable("a body that is a stream"))?;
    let request = http::Request::from_parts(head, bytes.to_vec());
    request.try_into().map_err(unusable)
}

/// The request or the answer is none. Trying again would not help.
fn unusable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// The exchange broke, which the SDK tries again: every write of the bundle may be made twice.
fn broken(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
pub(crate) mod tests;
