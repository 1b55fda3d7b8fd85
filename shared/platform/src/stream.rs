//! A batch of the inbox's stream: each record on its own, and an answer that names those to bring again.
//!
//! Lambda continues from the lowest failed record, so a record is reported as failed only if waiting can
//! help. One that cannot be read, or that makes the code panic, would fail for ever and hold back all that
//! come after it: it is logged and counted, and the others continue. Its event is still in the inbox.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::event::InboxEvent;
use domain::outcome::Outcome;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use tracing::Instrument as _;

use crate::metrics::Metrics;
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

/// Handles `events`, at most `max_concurrent` at a time.
pub async fn handle_each<H, F>(
    events: Vec<(String, InboxEvent)>,
    max_concurrent: usize,
    metrics: &Metrics,
    handle: H,
) -> DynamoDbEventResponse
where
    H: Fn(InboxEvent) -> F,
    F: Future<Output = Verdict> + Send,
{
    let verdicts = futures::stream::iter(events).map(|(place, event)| {
        let span = tracing::error_span!("record", event.id = %event.id, corp.id = %event.corp);
        // Boxed, because what a record takes is a deep future, and a batch holds many; and as a type of its own, so
        // that the compiler does not have to prove the whole depth `Send` in every crate that spawns a batch.
        let handled = AssertUnwindSafe(handle(event).boxed()).catch_unwind();
        let verdict = async move {
            let verdict = handled.await.unwrap_or_else(|_| {
                tracing::error!(
                    event = "stream.record_panicked",
                    "a record made the function panic; the others are not affected"
                );
                metrics.count_in_total("records_lost", &[("cause", "panic")]);
                Verdict::Done
            });
            (verdict == Verdict::Retry).then_some(place)
        };
        verdict.instrument(span)
    });
    let failed: Vec<String> = verdicts
        .buffer_unordered(max_concurrent)
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
        ("outcome.attempts", Value::from(outcome.attempts)),
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
            metrics.count_in_total("records_lost", &[("cause", "unreadable")]);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clock::ManualClock;
    use domain::outcome::{WelcomeOutcome, WelcomeResult};
    use wecom::{AppName, CorpId, ErrorCode, Message};

    use super::*;

    /// Metrics, and the lines that they write.
    fn metrics() -> (Metrics, Arc<Mutex<Vec<Value>>>) {
        let lines = Arc::<Mutex<Vec<Value>>>::default();
        let written = Arc::clone(&lines);
        let metrics = Metrics::new("scrm-tagging", ManualClock::new().clock(), move |line| {
            let line = serde_json::from_str(line).unwrap();
            written.lock().unwrap().push(line);
        });
        (metrics, lines)
    }

    fn compare(name: &str, value: &Value) {
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_sort_maps(true);
        settings.bind(|| insta::assert_json_snapshot!(name, value));
    }

    fn event() -> InboxEvent {
        let message = "<xml><MsgType>event</MsgType><Event>change_external_contact</Event>\
            <ChangeType>add_external_contact</ChangeType><CreateTime>4116801600</CreateTime>\
            <UserID>zhangsan</UserID><ExternalUserID>wm1</ExternalUserID></xml>";
        let (corp, app) = (CorpId::from("ww1"), AppName::from("contact"));
        let message = Message::parse(message).unwrap();
        InboxEvent::receive(corp, app, message, clock::START)
    }

    #[test]
    fn a_record_that_cannot_be_read_is_counted() {
        let (metrics, lines) = metrics();
        let mut record = EventRecord::default();
        record.change.sequence_number = Some("7".to_owned());
        let mut batch = Event::default();
        batch.records.push(record);
        assert!(events(batch, &metrics).is_empty());
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        compare("metric_unreadable_record", &lines[0]);
    }

    #[tokio::test]
    async fn a_record_that_makes_the_code_panic_is_counted() {
        let (metrics, lines) = metrics();
        let events = vec![("7".to_owned(), event())];
        let answer = handle_each(events, 1, &metrics, async |_| panic!("on purpose"));
        assert!(answer.await.batch_item_failures.is_empty());
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        compare("metric_record_that_panicked", &lines[0]);
    }

    #[test]
    fn a_line_about_an_outcome_has_ids_and_the_code_only() {
        let mut outcome = WelcomeOutcome::new(WelcomeResult::Failed);
        outcome.attempts = 3;
        outcome.errcode = Some(ErrorCode::new(45009));
        let fields = outcome_fields(&event(), &outcome);
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        compare(
            "metric_fields_of_an_outcome",
            &Value::Object(fields.collect()),
        );
    }
}
