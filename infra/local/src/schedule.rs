//! The schedules of the template: what EventBridge sends to the sync, sent from here, every minute or on request.
//!
//! `POST /schedule/tick` and `POST /schedule/reconcile` invoke the function as the schedule would, and answer with what
//! it answers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::invoke::{Function, InvokeError};
use crate::progress::Progress;

/// How often EventBridge sends a tick.
pub const TICK: Duration = Duration::from_secs(60);

/// Invokes the sync.
#[derive(Clone)]
pub(crate) struct Scheduler {
    sync: Function,
    progress: Arc<Progress>,
    /// Turns true when the stack stops: a run that takes minutes is resumed by the next process.
    stopping: watch::Receiver<bool>,
}

/// A tick every so often, until it is dropped.
pub(crate) struct Ticking(JoinHandle<()>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Scheduler {
    pub(crate) fn new(sync: Function, progress: Progress, stopping: watch::Receiver<bool>) -> Self {
        Self {
            sync,
            progress: Arc::new(progress),
            stopping,
        }
    }

    /// `POST /schedule/{task}`.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/schedule/{task}", post(invoke))
            .with_state(self.clone())
    }

    /// Sends a tick every `period`, the first after one.
    pub(crate) fn tick_every(&self, period: Duration) -> Ticking {
        let scheduler = self.clone();
        Ticking(tokio::spawn(async move {
            // Invocations overlap, as EventBridge's do: one that resumes a long run delays no other.
            let mut running = JoinSet::new();
            loop {
                scheduler.sync.clock().next_turn(period).await;
                while running.try_join_next().is_some() {}
                let scheduler = scheduler.clone();
                // A failure is logged where it happens, and the next tick comes anyway.
                running.spawn(async move { scheduler.send("tick").await.map(drop) });
            }
        }))
    }

    async fn send(&self, task: &str) -> Result<Vec<u8>, InvokeError> {
        let event = json!({"task": task}).to_string().into_bytes();
        self.sync.invoke(event).await.answer
    }

    /// The same with a progress bar at the terminal.
    async fn reconcile(&self) -> Result<Vec<u8>, InvokeError> {
        self.progress.show_while(self.send("reconcile")).await
    }
}

async fn invoke(State(scheduler): State<Scheduler>, Path(task): Path<String>) -> Response {
    let mut stopping = scheduler.stopping.clone();
    let invoked = async {
        match task.as_str() {
            "tick" => Some(scheduler.send("tick").await),
            "reconcile" => Some(scheduler.reconcile().await),
            _ => None,
        }
    };
    let invoked = tokio::select! {
        invoked = invoked => invoked,
        _ = stopping.wait_for(|stopping| *stopping) => {
            return message(StatusCode::SERVICE_UNAVAILABLE, "the local stack stops");
        }
    };
    match invoked {
        None => message(
            StatusCode::NOT_FOUND,
            "there are /schedule/tick and /schedule/reconcile",
        ),
        Some(Ok(answer)) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Some(Err(error)) => message(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn message(status: StatusCode, message: &str) -> Response {
    let body: Value = json!({"message": message});
    (status, Json(body)).into_response()
}
