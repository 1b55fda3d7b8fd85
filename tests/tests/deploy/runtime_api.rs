//! Lambda's Runtime API for one event: what a function's process asks for its work, and tells what came of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use crate::command::Outcome;

/// How long a process may take for its event; it is emulated instruction by instruction.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a function answered, or the error that it told.
type Answer = Result<Value, String>;

/// A server that has one event.
pub(crate) struct RuntimeApi {
    /// `127.0.0.1:PORT`, which `AWS_LAMBDA_RUNTIME_API` is to be.
    pub(crate) address: String,
    answer: oneshot::Receiver<Answer>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Work {
    event: Arc<Mutex<Option<String>>>,
    answer: Arc<Mutex<Option<oneshot::Sender<Answer>>>>,
    function_arn: Arc<str>,
}

impl RuntimeApi {
    /// Serves `event` to the first who asks.
    pub(crate) async fn serve(event: &Value, function_arn: &str) -> Outcome<Self> {
        let (sender, answer) = oneshot::channel();
        let work = Work {
            event: Arc::new(Mutex::new(Some(event.to_string()))),
            answer: Arc::new(Mutex::new(Some(sender))),
            function_arn: function_arn.into(),
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(ended))
            .route("/2018-06-01/runtime/init/error", post(died))
            .with_state(work);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let server = tokio::spawn(async move {
            // Serving ends with the task and has no other end.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            answer,
            server,
        })
    }

    /// What the function answered.
    pub(crate) async fn answer(self) -> Outcome<Value> {
        let answer = tokio::time::timeout(PATIENCE, self.answer).await;
        self.server.abort();
        let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
        Ok(answer??)
    }
}

async fn next(State(work): State<Work>) -> Response {
    let Some(event) = work.event.lock().await.take() else {
        // There is no more; Lambda lets the process wait, frozen.
        return std::future::pending().await;
    };
    let deadline = SystemTime::now() + PATIENCE;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let header = |name: &'static str, value: String| (HeaderName::from_static(name), value);
    let headers = [
        header("content-type", "application/json".to_owned()),
        header(
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        ),
        header(
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        header(
            "lambda-runtime-invoked-function-arn",
            work.function_arn.to_string(),
        ),
        header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned(),
        ),
    ];
    (headers, event).into_response()
}

async fn ended(
    State(work): State<Work>,
    Path((_, what)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let said = String::from_utf8_lossy(&body).into_owned();
    let parsed = serde_json::from_slice(&body).map_err(|error| format!("{error}: {said}"));
    let answer = if what == "response" {
        parsed
    } else {
        Err(said)
    };
    tell(&work, answer).await
}

async fn died(State(work): State<Work>, body: Bytes) -> StatusCode {
    let said = String::from_utf8_lossy(&body).into_owned();
    tell(&work, Err(format!("init failed: {said}"))).await
}

async fn tell(work: &Work, answer: Answer) -> StatusCode {
    if let Some(sender) = work.answer.lock().await.take() {
        let _nobody_waits = sender.send(answer);
    }
    StatusCode::ACCEPTED
}
