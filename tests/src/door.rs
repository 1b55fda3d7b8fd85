//! A door before the database: everything passes through it, and somebody looks at what passes.

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
/// The content type of answers that are not the database's.
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// Looks at what passes.
pub trait Watch: Send + Sync + 'static {
    /// An answer in place of the database's, for what is no matter of the database.
    fn answer(&self, _operation: &str) -> Option<Bytes> {
        None
    }

    /// What the database is asked, if not what came.
    fn ask(&self, _operation: &str, came: Bytes) -> Bytes {
        came
    }

    /// A request that was answered.
    fn passed(&self, passed: &Passed<'_>);
}

/// A request that was answered.
#[derive(Debug)]
pub struct Passed<'a> {
    /// The operation, for instance `PutItem`.
    pub operation: &'a str,
    /// The time until the database had answered.
    pub took: Duration,
    /// Whether the database did it; a condition that did not hold counts as not done.
    pub done: bool,
    /// The body of the request, as it came.
    pub asked: &'a [u8],
    /// The body of the answer.
    pub told: &'a [u8],
}

/// A door. It closes when dropped.
pub struct Door<W> {
    url: String,
    watch: Arc<W>,
    serving: JoinHandle<()>,
}

struct Passage<W> {
    database: String,
    http: reqwest::Client,
    watch: Arc<W>,
}

impl<W: Watch> Door<W> {
    /// Opens a door at `listener` to the database at the URL `database`.
    ///
    /// # Errors
    /// If the listener has no address, or no HTTP client can be made.
    pub fn open(
        listener: TcpListener,
        database: &str,
        watch: W,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let url = format!("http://{}", listener.local_addr()?);
        let watch = Arc::new(watch);
        let passage = Arc::new(Passage {
            database: database.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            watch: Arc::clone(&watch),
        });
        let router = Router::new()
            .fallback(pass::<W>)
            .layer(DefaultBodyLimit::disable())
            .with_state(passage);
        let serving = tokio::spawn(async move {
            // Serving ends with the task and has no other end.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            watch,
            serving,
        })
    }

    /// Where the function finds the database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Who looks.
    #[must_use]
    pub fn watch(&self) -> &W {
        &self.watch
    }
}

impl<W> Drop for Door<W> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl<W: Watch> Passage<W> {
    async fn ask(&self, mut headers: HeaderMap, came: Bytes) -> Result<Response, reqwest::Error> {
        let target = headers
            .get(TARGET)
            .and_then(|target| target.to_str().ok())
            .unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let asked = Instant::now();
        let (status, kind, told) = if let Some(told) = self.watch.answer(&operation) {
            (StatusCode::OK, Some(JSON), told)
        } else {
            // What is asked may be longer than what came.
            headers.remove(CONTENT_LENGTH);
            let request = self.http.post(&self.database).headers(headers);
            let body = self.watch.ask(&operation, came.clone());
            let answer = request.body(body).send().await?;
            let status = answer.status();
            let kind = answer.headers().get(CONTENT_TYPE).cloned();
            (status, kind, answer.bytes().await?)
        };
        self.watch.passed(&Passed {
            operation: &operation,
            took: asked.elapsed(),
            done: status.is_success(),
            asked: &came,
            told: &told,
        });
        let mut response = (status, Body::from(told)).into_response();
        if let Some(kind) = kind {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        Ok(response)
    }
}

async fn pass<W: Watch>(
    State(passage): State<Arc<Passage<W>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match passage.ask(headers, body).await {
        Ok(response) => response,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
