//! Lambda's Runtime API for one process and many events: what the process asks for its work, and tells what came of it.

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

/// What a function answered, or the error that it told.
type Answer = Result<Value, String>;

/// The server of one process. It stops when dropped.
pub struct RuntimeApi {
    /// `127.0.0.1:PORT`, which `AWS_LAMBDA_RUNTIME_API` is to be.
    pub address: String,
    patience: Duration,
    events: UnboundedSender<Bytes>,
    asked: UnboundedReceiver<Instant>,
    answers: UnboundedReceiver<(Instant, Answer)>,
    handed: Arc<Mutex<Option<Instant>>>,
    server: JoinHandle<()>,
}

/// An event and what became of it.
pub struct Invocation {
    /// What the function answered.
    pub answer: Value,
    /// From the handing out to the answer.
    pub answered: Duration,
    /// From the handing out to the request for the next event, which is what Lambda bills.
    pub billed: Duration,
}

struct Desk {
    function_arn: String,
    patience: Duration,
    number: AtomicU64,
    events: tokio::sync::Mutex<UnboundedReceiver<Bytes>>,
    asked: UnboundedSender<Instant>,
    answers: UnboundedSender<(Instant, Answer)>,
    handed: Arc<Mutex<Option<Instant>>>,
}

impl RuntimeApi {
    /// Serves the process of the function `function_arn`, and waits for whatever it does `patience` at most.
    ///
    /// # Errors
    /// If there is no socket.
    pub async fn serve(function_arn: &str, patience: Duration) -> io::Result<Self> {
        let (events, waiting) = unbounded_channel();
        let (asks, asked) = unbounded_channel();
        let (tells, answers) = unbounded_channel();
        let handed = Arc::new(Mutex::new(None));
        let desk = Desk {
            function_arn: function_arn.to_owned(),
            patience,
            number: AtomicU64::new(1),
            events: tokio::sync::Mutex::new(waiting),
            asked: asks,
            answers: tells,
            handed: Arc::clone(&handed),
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(ended))
            .route("/2018-06-01/runtime/init/error", post(died))
            .with_state(Arc::new(desk));
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
            asked,
            answers,
            handed,
            server,
        })
    }

    /// Waits until the process asks for an event, and says when it did.
    ///
    /// # Errors
    /// If it does not.
    pub async fn asked(&mut self) -> Result<Instant, String> {
        let asked = tokio::time::timeout(self.patience, self.asked.recv()).await;
        let patience = self.patience.as_secs();
        asked
            .ok()
            .flatten()
            .ok_or_else(|| format!("it asked for no event within {patience} s"))
    }

    /// Hands out an event as soon as the process asks, and waits for its answer: that, and when it came.
    ///
    /// # Errors
    /// What the process told as an error, or that it told nothing.
    pub async fn answer(&mut self, event: Bytes) -> Result<(Value, Instant), String> {
        let handed_out = self.events.send(event);
        handed_out.map_err(|_| "its runtime API is closed".to_owned())?;
        let answered = tokio::time::timeout(self.patience, self.answers.recv()).await;
        let patience = self.patience.as_secs();
        let answered = answered.ok().flatten();
        let (at, answer) = answered.ok_or_else(|| format!("no answer within {patience} s"))?;
        Ok((answer?, at))
    }

    /// Hands out an event to the process, which has asked for it, and waits until it asks for the next.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), or that it does not ask for more.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Invocation, String> {
        let (answer, answered) = self.answer(event).await?;
        let next = self.asked().await?;
        let handed = *self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let handed = handed.ok_or("an answer without an event")?;
        Ok(Invocation {
            answer,
            answered: answered - handed,
            billed: next - handed,
        })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    // Nobody listens any more when the bench is over.
    let _over = desk.asked.send(Instant::now());
    let Some(event) = desk.events.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let number = desk.number.fetch_add(1, Ordering::Relaxed);
    let deadline = SystemTime::now() + desk.patience;
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
            desk.function_arn.clone(),
        ),
        header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned(),
        ),
    ];
    *desk.handed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    (headers, event).into_response()
}

async fn ended(
    State(desk): State<Arc<Desk>>,
    Path((_, what)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let at = Instant::now();
    let said = || String::from_utf8_lossy(&body).into_owned();
    let answer = match what.as_str() {
        "response" => serde_json::from_slice(&body).map_err(|error| format!("{error}: {}", said())),
        _ => Err(said()),
    };
    let _over = desk.answers.send((at, answer));
    StatusCode::ACCEPTED
}

async fn died(State(desk): State<Arc<Desk>>, body: Bytes) -> StatusCode {
    let said = format!("its init failed: {}", String::from_utf8_lossy(&body));
    let _over = desk.answers.send((Instant::now(), Err(said)));
    StatusCode::ACCEPTED
}
