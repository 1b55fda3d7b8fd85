//! A batch of the inbox's stream: each record on its own, and an answer that names those to bring again.
//!
//! Lambda goes on from the lowest failed record, so a record is reported as failed only if waiting can
//! help. One that cannot be read, or that makes the code panic, would fail for ever and hold back all that
//! come after it: it is logged and counted, and the others go on. Its event is still in the inbox.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::event::InboxEvent;
use domain::outcome::Outcome;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use tracing::Instrument as _;

use crate::metrics::{Metrics, Unit};
use crate::store::inbox::event_of_image;

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, or its outcome is written down.
    Done,
    /// Bring it again: the cause passes by itself.
    Retry,
}

/// The events of a batch with their places in the stream.
#[must_use]
pub fn events(batch: Event, metrics: &Metrics) -> Vec<(String, InboxEvent)> {
    batch
        .records
        .into_iter()
        .filter_map(|record| read(record, metrics))
        .collect()
}

/// Handles `events`, at most `at_once` at a time.
pub async fn handle_each<H, F>(
    events: Vec<(String, InboxEvent)>,
    at_once: usize,
    metrics: &Metrics,
    handle: H,
) -> DynamoDbEventResponse
where
    H: Fn(InboxEvent) -> F,
    F: Future<Output = Verdict>,
{
    let verdicts = futures::stream::iter(events).map(|(place, event)| {
        let span = tracing::info_span!("record", event.id = %event.id, corp.id = %event.corp);
        // Boxed, because what a record takes is a deep future, and a batch holds many.
        let handled = AssertUnwindSafe(Box::pin(handle(event))).catch_unwind();
        let verdict = async move {
            let verdict = handled.await.unwrap_or_else(|_| {
                tracing::error!(
                    event = "stream.record_panicked",
                    "a record made the function panic; the others are not affected"
                );
                metrics.put("records_lost", Unit::Count, 1, &[("cause", "panic")]);
                Verdict::Done
            });
            (verdict == Verdict::Retry).then_some(place)
        };
        verdict.instrument(span)
    });
    let failed: Vec<String> = verdicts
        .buffer_unordered(at_once)
        .filter_map(|place| async { place })
        .collect()
        .await;
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    response
}

/// The fields of a metric line about an event's outcome: ids and codes, nothing about a customer.
#[must_use]
pub fn outcome_fields<R>(event: &InboxEvent, outcome: &Outcome<R>) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("event.id", Value::from(event.id.as_str())),
        ("corp.id", Value::from(event.corp.as_str())),
        ("attempts", Value::from(outcome.attempts)),
    ];
    let code = outcome
        .errcode
        .map(|code| ("wecom.errcode", Value::from(code.get())));
    fields.extend(code);
    fields
}

fn failure(place: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(place);
    failure
}

fn read(record: EventRecord, metrics: &Metrics) -> Option<(String, InboxEvent)> {
    let place = record.change.sequence_number.unwrap_or_default();
    match event_of_image(record.change.new_image) {
        Ok(event) => Some((place, event)),
        Err(error) => {
            tracing::error!(
                event = "stream.record_unreadable",
                record.sequence_number = place,
                record.error = %error,
                "a record cannot be read; the others are not affected"
            );
            metrics.put("records_lost", Unit::Count, 1, &[("cause", "unreadable")]);
            None
        }
    }
}
