//! An operator of a test: calls the admin API over HTTP, and lets pauses of the functions end while it waits.

use scrm_local::operator::{Answer, Operator as Caller};
use serde_json::Value;

use crate::time::Time;

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
}
