//! What a function under test saw, and what it answers.

use std::future::pending;
use std::sync::{Arc, Mutex};

use aws_lambda_events::dynamodb;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use clock::ManualClock;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};

use crate::patience::eventually;

/// One event, as the function got it.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) records: Vec<dynamodb::EventRecord>,
    pub(crate) context: Context,
}

impl Event {
    pub(crate) fn new(event: LambdaEvent<dynamodb::Event>) -> Self {
        Self {
            records: event.payload.records,
            context: event.context,
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.records.iter().map(name).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().iter().any(|own| own == name)
    }

    fn failure(&self, wanted: &str) -> DynamoDbBatchItemFailure {
        let record = self
            .records
            .iter()
            .find(|record| name(record) == wanted)
            .unwrap();
        let mut failure = DynamoDbBatchItemFailure::default();
        failure
            .item_identifier
            .clone_from(&record.change.sequence_number);
        failure
    }
}

fn name(record: &dynamodb::EventRecord) -> String {
    let image: Value = serde_json::to_value(&record.change.new_image).unwrap();
    image["name"]["S"].as_str().unwrap_or("removed").to_owned()
}

/// What a function does about an event.
pub(crate) enum Reply {
    Done,
    /// Reports the records of these names as failed.
    Failed(&'static [&'static str]),
    Error,
    Panic,
    /// Never answers.
    Hang,
    /// Answers when the future is ready.
    After(futures::future::BoxFuture<'static, ()>),
}

impl Reply {
    pub(crate) async fn give(self, event: Event) -> Result<Value, Diagnostic> {
        let mut response = DynamoDbEventResponse::default();
        match self {
            Self::Done => {}
            Self::Failed(names) => {
                response.batch_item_failures =
                    names.iter().map(|name| event.failure(name)).collect();
            }
            Self::Error => return Err(Diagnostic::from("refused")),
            Self::Panic => panic!("a panic that the test asked for"),
            Self::Hang => pending().await,
            Self::After(ready) => ready.await,
        }
        Ok(json!(response))
    }
}

/// The names in each event that a function got, in the order of the invocations.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    events: Arc<Mutex<Vec<Vec<String>>>>,
    /// The clock of the function and of its mapping.
    pub(crate) clock: ManualClock,
}

impl Recorder {
    pub(crate) fn record(&self, event: &Event) {
        self.events.lock().unwrap().push(event.names());
    }

    pub(crate) fn events(&self) -> Vec<Vec<String>> {
        self.events.lock().unwrap().clone()
    }

    /// Waits until the condition holds for what was seen so far, and returns that. Pauses of the mapping end while it
    /// waits.
    pub(crate) async fn until(
        &self,
        condition: impl Fn(&[Vec<String>]) -> bool,
    ) -> Vec<Vec<String>> {
        eventually(async || {
            let events = self.events();
            if condition(&events) {
                return Ok(events);
            }
            self.clock.end_next_pause();
            Err(events)
        })
        .await
    }

    /// Waits until the function was invoked `count` times.
    pub(crate) async fn invocations(&self, count: usize) -> Vec<Vec<String>> {
        self.until(|events| events.len() >= count).await
    }

    /// Waits until a record of this name was seen.
    pub(crate) async fn sees(&self, name: &str) -> Vec<Vec<String>> {
        self.until(|events| events.iter().flatten().any(|seen| seen == name))
            .await
    }
}
