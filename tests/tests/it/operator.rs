//! An operator of a test: calls the admin API over HTTP, and lets pauses of the functions end while it waits.

use std::fmt::Display;

use scrm_local::operator::{Answer, Operator as Caller};
use serde_json::Value;

use crate::time::Time;

/// What the admin API answered to a call.
#[derive(Debug)]
#[must_use]
pub(crate) struct Answered {
    call: String,
    status: u16,
    body: Value,
}

impl Answered {
    fn to(path: &str, sent: impl Display, answer: Result<Answer, String>) -> Self {
        let (status, body) = answer.unwrap();
        let call = format!("{path} {sent}");
        Self { call, status, body }
    }

    /// Checks the status, and returns the body.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.call, self.body);
        self.body
    }

    /// Checks that the call was refused with this status and `error`, and returns the body.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, error: &str) -> Value {
        let call = self.call.clone();
        let body = self.is(status);
        assert_eq!(body["error"], error, "{call}: {body}");
        body
    }

    /// Checks that the call was refused because of a field of its body.
    #[track_caller]
    pub(crate) fn refused_because_of(self, field: &str) -> Value {
        let call = self.call.clone();
        let body = self.refused(422, "invalid_field");
        assert_eq!(body["field"], field, "{call}: {body}");
        body
    }
}

/// Calls the admin API about one corp.
#[derive(Clone)]
pub(crate) struct Operator {
    caller: Caller,
    time: Time,
}

impl Operator {
    pub(crate) fn new(front_door: &str, corp: &str, key: &str, time: &Time) -> Self {
        Self {
            caller: Caller::new(front_door, corp, key),
            time: time.clone(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, String> {
        self.time.drive(self.caller.get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.time.drive(self.caller.post(path, body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.time.drive(self.caller.put(path, body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.time.drive(self.caller.patch(path, body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, String> {
        self.time.drive(self.caller.delete(path)).await
    }

    /// Creates a channel.
    pub(crate) async fn creates_channel(&self, body: &Value) -> Answered {
        Answered::to("create", body, self.post("channels", body).await)
    }

    /// Changes a channel.
    pub(crate) async fn changes(&self, path: &str, patch: &Value) -> Answered {
        Answered::to(path, patch, self.patch(path, patch).await)
    }

    /// Deletes a channel.
    pub(crate) async fn deletes(&self, path: &str) -> Answered {
        Answered::to(path, "delete", self.delete(path).await)
    }

    /// Sets the welcomes of the corp and of members.
    pub(crate) async fn sets_welcomes(&self, body: &Value) -> Answered {
        Answered::to("welcome", body, self.put("welcome", body).await)
    }

    /// Reads something.
    pub(crate) async fn reads(&self, path: &str) -> Answered {
        Answered::to(path, "read", self.get(path).await)
    }
}
