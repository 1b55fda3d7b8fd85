//! A proxy in front of DynamoDB: it forwards every request, and an observer sees requests and responses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Names the operation of a request (AWS JSON protocols).
const TARGET: &str = "x-amz-target";
/// The content type of responses that the observer provides.
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// Sees the requests that pass through the proxy.
pub trait Observer: Send + Sync + 'static {
    /// A response in place of the database's, for requests to other services.
    fn response(&self, _operation: &str) -> Option<Bytes> {
        None
    }

    /// The body to forward to the database; by default the one received.
    fn rewrite(&self, _operation: &str, body: Bytes) -> Bytes {
        body
    }

    /// Called after each request with its response.
    fn observe(&self, exchange: &Exchange<'_>);
}

/// A request and its response.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The operation, for instance `PutItem`.
    pub operation: &'a str,
    /// The time until the response of the database.
    pub duration: Duration,
    /// Whether the database executed it; a failed condition counts as not executed.
    pub succeeded: bool,
    /// The body of the request, as received.
    pub request: &'a [u8],
    /// The body of the response.
    pub response: &'a [u8],
}

/// A running proxy. It stops when dropped.
pub struct DynamoDbProxy<O> {
    url: String,
    observer: Arc<O>,
    serving: JoinHandle<()>,
}

struct Forwarder<O> {
    database: String,
    http: reqwest::Client,
    observer: Arc<O>,
}

impl<O: Observer> DynamoDbProxy<O> {
    /// Starts a proxy at `listener` for the database at the URL `database`.
    ///
    /// # Errors
    /// If the listener has no address, or no HTTP client can be made.
    pub fn start(
        listener: TcpListener,
        database: &str,
        observer: O,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let url = format!("http://{}", listener.local_addr()?);
        let observer = Arc::new(observer);
        let forwarder = Arc::new(Forwarder {
            database: database.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            observer: Arc::clone(&observer),
        });
        let router = Router::new()
            .fallback(handle::<O>)
            .layer(DefaultBodyLimit::disable())
            .with_state(forwarder);
        let serving = tokio::spawn(async move {
            // Serving ends with the task and has no other end.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            observer,
            serving,
        })
    }

    /// The URL of the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The observer.
    #[must_use]
    pub fn observer(&self) -> &O {
        &self.observer
    }
}

impl<O> Drop for DynamoDbProxy<O> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl<O: Observer> Forwarder<O> {
    async fn forward(
        &self,
        mut headers: HeaderMap,
        received: Bytes,
    ) -> Result<Response, reqwest::Error> {
        let target = headers
            .get(TARGET)
            .and_then(|target| target.to_str().ok())
            .unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let started = Instant::now();
        let (status, kind, body) = if let Some(body) = self.observer.response(&operation) {
            (StatusCode::OK, Some(JSON), body)
        } else {
            // The rewritten body may have another length.
            headers.remove(CONTENT_LENGTH);
            let request = self.http.post(&self.database).headers(headers);
            let body = self.observer.rewrite(&operation, received.clone());
            let response = request.body(body).send().await?;
            let status = response.status();
            let kind = response.headers().get(CONTENT_TYPE).cloned();
            (status, kind, response.bytes().await?)
        };
        self.observer.observe(&Exchange {
            operation: &operation,
            duration: started.elapsed(),
            succeeded: status.is_success(),
            request: &received,
            response: &body,
        });
        let mut response = (status, Body::from(body)).into_response();
        if let Some(kind) = kind {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        Ok(response)
    }
}

async fn handle<O: Observer>(
    State(forwarder): State<Arc<Forwarder<O>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match forwarder.forward(headers, body).await {
        Ok(response) => response,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
