//! The HTTP clients of a function: one for WeCom, one below the AWS SDK.
//!
//! Both trust Mozilla's roots as compiled in ([`webpki_roots`]): to read and parse the machine's certificates took most
//! of the processor time of a start. A new build takes the roots of its day. Both speak HTTP/1.1: DynamoDB speaks no
//! other, and WeCom's documents promise no other.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

/// A connection to AWS that is not there in a second is tried anew.
const CONNECT: Duration = Duration::from_secs(1);
/// Connections to AWS are kept this long: one that AWS has closed would cost a try.
const IDLE: Duration = Duration::from_secs(60);

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

/// The client for WeCom and for media. Of time-outs it has the one for connecting, see
/// [`wecom::client::http_client_builder`].
///
/// # Errors
/// If TLS cannot be set up.
pub fn client() -> Result<reqwest::Client, HttpError> {
    let builder = wecom::client::http_client_builder();
    let tls = trusting(mozilla())?;
    Ok(builder.tls_backend_preconfigured(tls).build()?)
}

/// The client below the AWS SDK. Requests and answers are held whole: DynamoDB has none above 16 MB, and pages are of
/// one. The time that a try may take is the SDK's to watch.
#[derive(Clone, Debug)]
pub struct AwsHttp(Client<HttpsConnector<TcpConnector>, Full<Bytes>>);

impl AwsHttp {
    /// Makes the client. It connects when it is first used.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, HttpError> {
        Ok(Self::over(trusting(mozilla())?))
    }

    fn over(tls: ClientConfig) -> Self {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self(client)
    }
}

fn mozilla() -> RootCertStore {
    let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
    RootCertStore { roots }
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider);
    Ok(versions
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

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
            let answer = client.request(whole(request)?).await.map_err(broken)?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(broken)?.to_bytes();
            let mut answer = HttpResponse::new(head.status.into(), SdkBody::from(body));
            *answer.headers_mut() = head.headers.try_into().map_err(unusable)?;
            Ok(answer)
        })
    }
}

fn whole(request: HttpRequest) -> Result<http::Request<Full<Bytes>>, ConnectorError> {
    let request = request.try_into_http1x().map_err(unusable)?;
    let (head, body) = request.into_parts();
    let bytes = body
        .bytes()
        .ok_or_else(|| unusable("its body is a stream"))?;
    let body = Full::from(Bytes::copy_from_slice(bytes));
    Ok(http::Request::from_parts(head, body))
}

/// The request or the answer is none. Trying again would not help.
fn unusable(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// The exchange broke, which the SDK tries again: every write of the bundle may be made twice.
fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::io(error.into())
}

#[cfg(test)]
pub(crate) mod tests;
