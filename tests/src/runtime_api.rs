//! Lambda's Runtime API for one process and many events: the process requests events and reports its answers.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// The answer of a function, or the error that it reported.
type Answer = Result<Value, String>;

/// The server of one process. It stops when dropped.
pub struct RuntimeApi {
    /// `127.0.0.1:PORT`, the value for `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    patience: Duration,
    events: UnboundedSender<Bytes>,
    requested: UnboundedReceiver<Instant>,
    answers: UnboundedReceiver<(Instant, Answer)>,
    delivered: Arc<Mutex<Option<Instant>>>,
    server: JoinHandle<()>,
}

/// A completed invocation.
pub struct Invocation {
    /// The answer of the function.
    pub answer: Value,
    /// From the delivery of the event to the answer.
    pub answered: Duration,
    /// From the delivery of the event to the request for the next one, which is what Lambda bills.
    pub billed: Duration,
}

struct Shared {
    function_arn: String,
    patience: Duration,
    number: AtomicU64,
    events: tokio::sync::Mutex<UnboundedReceiver<Bytes>>,
    requested: UnboundedSender<Instant>,
    answers: UnboundedSender<(Instant, Answer)>,
    delivered: Arc<Mutex<Option<Instant>>>,
}

impl RuntimeApi {
    /// Serves a process of the function `function_arn`. Every wait for the process is limited to `patience`.
    ///
    /// # Errors
    /// If no socket can be bound.
    pub async fn serve(function_arn: &str, patience: Duration) -> io::Result<Self> {
        let (events, waiting) = unbounded_channel();
        let (request_times, requested) = unbounded_channel();
        let (answered, answers) = unbounded_channel();
        let delivered = Arc::new(Mutex::new(None));
        let shared = Shared {
            function_arn: function_arn.to_owned(),
            patience,
            number: AtomicU64::new(1),
            events: tokio::sync::Mutex::new(waiting),
            requested: request_times,
            answers: answered,
            delivered: Arc::clone(&delivered),
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/{what}",
                post(invocation_ended),
            )
            .route("/2018-06-01/runtime/init/error", post(init_failed))
            .with_state(Arc::new(shared));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Serving ends with the task and has no other end.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address: address.to_string(),
            patience,
            events,
            requested,
            answers,
            delivered,
            server,
        })
    }

    /// Waits until the process requests an event, and returns when it did.
    ///
    /// # Errors
    /// If it does not.
    pub async fn event_requested(&mut self) -> Result<Instant, String> {
        let requested = tokio::time::timeout(self.patience, self.requested.recv()).await;
        let patience = self.patience.as_secs();
        requested
            .ok()
            .flatten()
            .ok_or_else(|| format!("it requested no event within {patience} s"))
    }

    /// Delivers an event as soon as the process requests one, and returns its answer with the time of the answer.
    ///
    /// # Errors
    /// The error that the process reported, or that it did not answer.
    pub async fn answer(&mut self, event: Bytes) -> Result<(Value, Instant), String> {
        let sent = self.events.send(event);
        sent.map_err(|_| "its runtime API is closed".to_owned())?;
        let answered = tokio::time::timeout(self.patience, self.answers.recv()).await;
        let patience = self.patience.as_secs();
        let answered = answered.ok().flatten();
        let (at, answer) = answered.ok_or_else(|| format!("no answer within {patience} s"))?;
        Ok((answer?, at))
    }

    /// Delivers an event to the process, which has requested one, and waits until it requests the next.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), or that it does not request another event.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Invocation, String> {
        let (answer, answered) = self.answer(event).await?;
        let next = self.event_requested().await?;
        let delivered = *self
            .delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let delivered = delivered.ok_or("an answer without an event")?;
        Ok(Invocation {
            answer,
            answered: answered - delivered,
            billed: next - delivered,
        })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    // The receiver is gone when the bench is over.
    let _over = shared.requested.send(Instant::now());
    let Some(event) = shared.events.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let number = shared.number.fetch_add(1, Ordering::Relaxed);
    let deadline = SystemTime::now() + shared.patience;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let header = |name: &'static str, value: String| (HeaderName::from_static(name), value);
    let headers = [
        header("content-type", "application/json".to_owned()),
        header(
            "lambda-runtime-aws-request-id",
            format!("8476a536-e9f4-11e8-9739-{number:012x}"),
        ),
        header(
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        header(
            "lambda-runtime-invoked-function-arn",
            shared.function_arn.clone(),
        ),
        header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned(),
        ),
    ];
    *shared
        .delivered
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    (headers, event).into_response()
}

async fn invocation_ended(
    State(shared): State<Arc<Shared>>,
    Path((_, what)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let at = Instant::now();
    let text = || String::from_utf8_lossy(&body).into_owned();
    let answer = match what.as_str() {
        "response" => serde_json::from_slice(&body).map_err(|error| format!("{error}: {}", text())),
        _ => Err(text()),
    };
    let _over = shared.answers.send((at, answer));
    StatusCode::ACCEPTED
}

async fn init_failed(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let error = format!("its init failed: {}", String::from_utf8_lossy(&body));
    let _over = shared.answers.send((Instant::now(), Err(error)));
    StatusCode::ACCEPTED
}
