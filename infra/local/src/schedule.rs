//! The schedules of the template: what EventBridge sends to the sync, sent from here at the same times, or on request.
//!
//! `POST /schedule/tick` and `POST /schedule/reconcile` invoke the function as the schedule would, and answer with what
//! it answers. They take requests from this machine, and from elsewhere those with an admin key.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use platform::secret::ConfigSource;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::invoke::{Function, InvokeError};
use crate::local_request::is_local;
use crate::progress::Progress;

/// How often EventBridge sends a tick.
pub const TICK: Duration = Duration::from_secs(60);

/// When the sync is invoked without being asked: a tick each minute, and a reconcile at this time of each day. A
/// reconcile that should have begun while nothing ran is not made up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daily {
    /// When a reconcile begins, to the minute.
    pub at: Time,
    /// Where that is.
    pub timezone: TimeZone,
}

impl Daily {
    /// The next time after `now`. Where clocks are set forward over it, it is as much later.
    fn after(&self, now: Timestamp) -> Timestamp {
        let mut date = now.to_zoned(self.timezone.clone()).date();
        loop {
            let at = self.timezone.to_ambiguous_zoned(date.to_datetime(self.at));
            match (at.compatible(), date.tomorrow()) {
                (Ok(at), _) if at.timestamp() > now => return at.timestamp(),
                (_, Ok(tomorrow)) => date = tomorrow,
                // The end of the calendar.
                (_, Err(_)) => return Timestamp::MAX,
            }
        }
    }
}

/// Invokes the sync on request.
#[derive(Clone)]
pub(crate) struct Scheduler {
    sync: Function,
    progress: Arc<Progress>,
    config: Arc<ConfigSource>,
    /// Turns true when the stack stops: a run that takes minutes is resumed by the next process.
    stopping: watch::Receiver<bool>,
}

/// Invocations by the schedules, until it is dropped. Those that run are cancelled then, and what they did not finish
/// is resumed by the next process.
pub(crate) struct Ticking(JoinHandle<()>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Ticking {
    /// Invokes `sync` with a tick each minute from now on, and with a reconcile when it is due. Time is that of the
    /// function's clock.
    pub(crate) fn start(sync: Function, daily: Daily) -> Self {
        let mut before = sync.clock().now();
        Self(tokio::spawn(async move {
            // Invocations overlap, as EventBridge's do: one that resumes a long run delays no other.
            let mut running = JoinSet::new();
            loop {
                sync.clock().next_turn(TICK).await;
                while running.try_join_next().is_some() {}
                running.spawn(scheduled(sync.clone(), "tick"));
                // The time of day is compared anew each minute, so a clock that is set, or a machine that slept, delays
                // it no longer than that.
                let now = sync.clock().now();
                if daily.after(before) <= now {
                    running.spawn(scheduled(sync.clone(), "reconcile"));
                }
                before = now;
            }
        }))
    }
}

/// A failure is logged where it happens, and the schedule comes again.
async fn scheduled(sync: Function, task: &'static str) {
    let _logged = send(&sync, task).await;
}

async fn send(sync: &Function, task: &str) -> Result<Vec<u8>, InvokeError> {
    let event = json!({"task": task}).to_string().into_bytes();
    sync.invoke(event).await.answer
}

impl Scheduler {
    pub(crate) fn new(
        sync: Function,
        progress: Progress,
        config: Arc<ConfigSource>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            sync,
            progress: Arc::new(progress),
            config,
            stopping,
        }
    }

    /// `POST /schedule/{task}`.
    pub(crate) fn router(&self) -> Router {
        let authorized = middleware::from_fn_with_state(self.clone(), authorize);
        Router::new()
            .route("/schedule/{task}", post(invoke))
            .route_layer(authorized)
            .with_state(self.clone())
    }

    /// Whether the request has an admin key of the configuration.
    async fn has_admin_key(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        let Some((scheme, key)) = header.and_then(|header| header.split_once(' ')) else {
            return false;
        };
        let config = self.config.current().await;
        scheme.eq_ignore_ascii_case("bearer")
            && config.is_ok_and(|config| config.is_admin_key(key.trim()))
    }
}

async fn authorize(
    State(scheduler): State<Scheduler>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if is_local(peer, request.headers()) || scheduler.has_admin_key(request.headers()).await {
        return next.run(request).await;
    }
    refusal(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "a request that is not from this machine, or that a proxy forwarded, needs an admin key: \
         Authorization: Bearer <key>",
    )
}

async fn invoke(State(scheduler): State<Scheduler>, Path(task): Path<String>) -> Response {
    let mut stopping = scheduler.stopping.clone();
    let invoked = async {
        match task.as_str() {
            "tick" => Some(send(&scheduler.sync, "tick").await),
            "reconcile" => {
                let sent = send(&scheduler.sync, "reconcile");
                Some(scheduler.progress.show_while(sent).await)
            }
            _ => None,
        }
    };
    let invoked = tokio::select! {
        invoked = invoked => invoked,
        _ = stopping.wait_for(|stopping| *stopping) => {
            let message = "the server stops; the work is resumed after the next start";
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "stopping", message);
        }
    };
    match invoked {
        None => refusal(
            StatusCode::NOT_FOUND,
            "not_found",
            "there are /schedule/tick and /schedule/reconcile",
        ),
        Some(Ok(answer)) => ([(CONTENT_TYPE, "application/json")], answer).into_response(),
        Some(Err(error)) => {
            let message = error.to_string();
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "failed", &message)
        }
    }
}

fn refusal(status: StatusCode, error: &str, message: &str) -> Response {
    let body = json!({"error": error, "message": message});
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::{ManualClock, START, Wait};
    use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
    use serde_json::Value;
    use tokio::sync::mpsc;

    fn daily(at: &str, timezone: &str) -> Daily {
        Daily {
            at: at.parse().unwrap(),
            timezone: TimeZone::get(timezone).unwrap(),
        }
    }

    #[test]
    fn a_day_has_one_reconcile_also_where_clocks_are_set() {
        let berlin = daily("02:30", "Europe/Berlin");
        for (now, expected) in [
            ("2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z"),
            ("2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ] {
            let next = berlin.after(now.parse().unwrap());
            assert_eq!(next.to_string(), expected, "after {now}");
        }
        let shanghai = daily("03:30", "Asia/Shanghai");
        let next = shanghai.after("2026-11-26T20:00:00Z".parse().unwrap());
        assert_eq!(next.to_string(), "2026-11-27T19:30:00Z");
    }

    #[tokio::test]
    async fn a_tick_is_sent_each_minute_and_a_reconcile_once_a_day() {
        let manual = ManualClock::new();
        let (tasks, mut sent) = mpsc::unbounded_channel();
        let service = service_fn(move |event: LambdaEvent<Value>| {
            let task = event.payload["task"].as_str().unwrap().to_owned();
            tasks.send(task).unwrap();
            async { Ok::<_, Diagnostic>(Value::Null) }
        });
        let sync = Function::new("sync", TICK, manual.clock(), service);
        // The clock of tests begins at 12:00 in Shanghai.
        assert_eq!(START.to_string(), "2100-06-16T04:00:00Z");
        let _ticking = Ticking::start(sync, daily("12:02", "Asia/Shanghai"));
        let mut minutes = async |count: usize| {
            let mut seen = Vec::new();
            for _ in 0..count {
                while manual.waiting(Wait::Interval) == 0 {
                    tokio::task::yield_now().await;
                }
                manual.advance(TICK);
                seen.push(sent.recv().await.unwrap());
                while manual.waiting(Wait::Interval) == 0 || manual.waiting(Wait::Deadline) > 0 {
                    tokio::task::yield_now().await;
                }
                while let Ok(task) = sent.try_recv() {
                    seen.push(task);
                }
            }
            seen
        };
        assert_eq!(minutes(1).await, ["tick"]);
        assert_eq!(minutes(1).await, ["tick", "reconcile"]);
        let rest_of_the_day = minutes(24 * 60 - 1).await;
        assert!(rest_of_the_day.iter().all(|task| task == "tick"));
        assert_eq!(minutes(1).await, ["tick", "reconcile"]);
    }
}
