//! One of the concurrent batches of a shard: it invokes the function, and retries, bisects or discards what fails.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, mpsc, watch};

use super::EventSourceMapping;
use super::checkpoint::Checkpoint;
use super::discard::{Condition, Discard};
use super::stream::{Record, Shard};
use crate::invoke::Invocation;

/// Works off its queue, in order, one batch at a time.
pub(super) struct Lane {
    mapping: Arc<EventSourceMapping>,
    shard: Shard,
    checkpoint: Arc<Mutex<Checkpoint>>,
    /// Turns true when the mapping stops.
    stopping: watch::Receiver<bool>,
    /// Failed invocations since the last progress, which set the pause before the next one.
    failures: u32,
}

/// A batch, as long as it stays the same: what remains of it after a partial success and the halves of a bisected one
/// are new batches with retries of their own.
struct Batch {
    records: Vec<Record>,
    invocations: u32,
}

/// What an invocation says about its batch.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Succeeded,
    /// The records from this index on are to be retried; those before it are done.
    FailedFrom(usize),
}

/// The answer of a function with `ReportBatchItemFailures`.
#[derive(Deserialize)]
struct BatchResponse {
    #[serde(rename = "batchItemFailures")]
    batch_item_failures: Option<Vec<ItemFailure>>,
}

#[derive(Deserialize)]
struct ItemFailure {
    #[serde(rename = "itemIdentifier")]
    item_identifier: Option<String>,
}

impl Lane {
    pub(super) const fn new(
        mapping: Arc<EventSourceMapping>,
        shard: Shard,
        checkpoint: Arc<Mutex<Checkpoint>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            mapping,
            shard,
            checkpoint,
            stopping,
            failures: 0,
        }
    }

    /// Takes what has been read while the last batch was being processed, up to the batch size, and waits for nothing
    /// more (`MaximumBatchingWindowInSeconds` is 0). When the mapping stops, what is left in the queue stays there.
    pub(super) async fn run(mut self, mut chunks: mpsc::Receiver<Vec<Record>>) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                let Some(chunk) = chunks.recv().await else {
                    return;
                };
                waiting.extend(chunk);
            }
            if self.is_stopping() {
                return;
            }
            while waiting.len() < self.mapping.batch_size
                && let Ok(chunk) = chunks.try_recv()
            {
                waiting.extend(chunk);
            }
            let size = waiting.len().min(self.mapping.batch_size);
            self.process(waiting.drain(..size).collect()).await;
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Invokes the function until each record of the batch is processed or discarded, or the mapping stops.
    async fn process(&mut self, records: Vec<Record>) {
        // The top of the stack is the oldest part.
        let mut stack = vec![Batch::new(records)];
        while let Some(batch) = stack.pop() {
            let Some(mut batch) = self.discard_expired(batch).await else {
                continue;
            };
            let invocation = self.mapping.function.invoke(batch.event()).await;
            batch.invocations += 1;
            match self.verdict(&batch.records, &invocation) {
                Verdict::Succeeded => {
                    self.failures = 0;
                    self.finish(&batch.records).await;
                }
                Verdict::FailedFrom(index) => {
                    let parts = self.divide(batch, index, &invocation).await;
                    stack.extend(parts.into_iter().rev());
                    let pause = self.mapping.backoff.after(self.failures);
                    tokio::select! {
                        () = self.mapping.clock().sleep(pause) => {}
                        _ = self.stopping.wait_for(|stopping| *stopping) => return,
                    }
                }
            }
            if self.is_stopping() {
                return;
            }
        }
    }

    /// What is left to do of a batch that failed from `index` on, oldest first.
    async fn divide(
        &mut self,
        mut batch: Batch,
        index: usize,
        invocation: &Invocation,
    ) -> Vec<Batch> {
        if index > 0 {
            let rest = batch.records.split_off(index);
            self.failures = 1;
            self.finish(&batch.records).await;
            return vec![Batch::new(rest)];
        }
        self.failures = self.failures.saturating_add(1);
        if self.mapping.bisect_batch_on_function_error && batch.records.len() > 1 {
            let second = batch.records.split_off(batch.records.len() / 2);
            return vec![Batch::new(batch.records), Batch::new(second)];
        }
        let limit = self.mapping.maximum_retry_attempts;
        if limit.is_some_and(|limit| batch.invocations > limit) {
            self.failures = 0;
            let condition = Condition::RetryAttemptsExhausted;
            self.discard(
                &batch.records,
                condition,
                batch.invocations,
                Some(invocation),
            )
            .await;
            return Vec::new();
        }
        vec![batch]
    }

    /// Discards the records that are too old, which are the first of a batch, and gives back the rest, if any.
    async fn discard_expired(&self, mut batch: Batch) -> Option<Batch> {
        let now = self.mapping.clock().now();
        let limit = self.mapping.record_age_limit();
        let fresh = |record: &Record| record.age(now) <= limit;
        let fresh = batch.records.iter().position(fresh);
        let rest = batch
            .records
            .split_off(fresh.unwrap_or(batch.records.len()));
        if !batch.records.is_empty() {
            self.discard(
                &batch.records,
                Condition::RecordAgeExceeded,
                batch.invocations,
                None,
            )
            .await;
        }
        let kept = Batch {
            records: rest,
            invocations: batch.invocations,
        };
        (!kept.records.is_empty()).then_some(kept)
    }

    async fn discard(
        &self,
        records: &[Record],
        condition: Condition,
        invocations: u32,
        last_invocation: Option<&Invocation>,
    ) {
        tracing::error!(
            function.name = self.mapping.function.name(),
            batch.size = records.len(),
            ?condition,
            "records of a stream were discarded"
        );
        let discard = Discard {
            function: &self.mapping.function,
            shard: &self.shard,
            records,
            condition,
            invocations,
            last_invocation,
        };
        if let Some(destination) = &self.mapping.on_failure {
            // It is the owner's choice to read the destination no more.
            let _ = destination.send(discard.document());
        }
        self.finish(records).await;
    }

    async fn finish(&self, records: &[Record]) {
        let sequences = records.iter().map(Record::sequence);
        self.checkpoint.lock().await.finish(sequences).await;
    }

    fn verdict(&self, records: &[Record], invocation: &Invocation) -> Verdict {
        match &invocation.answer {
            Err(_) => Verdict::FailedFrom(0),
            Ok(answer) if self.mapping.report_batch_item_failures => reported(records, answer),
            Ok(_) => Verdict::Succeeded,
        }
    }
}

impl Batch {
    const fn new(records: Vec<Record>) -> Self {
        Self {
            records,
            invocations: 0,
        }
    }

    fn event(&self) -> Vec<u8> {
        let records: Vec<_> = self.records.iter().map(Record::document).collect();
        json!({ "Records": records }).to_string().into_bytes()
    }
}

/// Reads the answer as AWS does: null, `{}` and an empty or null list are a success; the lowest sequence number named
/// is where to go on; an identifier that is empty, null, missing or not of this batch, like an answer of another shape,
/// fails the whole batch (Lambda developer guide, "Configuring partial batch response with DynamoDB and Lambda").
fn reported(records: &[Record], answer: &[u8]) -> Verdict {
    let Ok(response) = serde_json::from_slice::<Option<BatchResponse>>(answer) else {
        return Verdict::FailedFrom(0);
    };
    let failures = response
        .and_then(|response| response.batch_item_failures)
        .unwrap_or_default();
    let index = |failure: ItemFailure| {
        let sequence = failure.item_identifier?.parse().ok()?;
        records
            .iter()
            .position(|record| record.sequence() == sequence)
    };
    failures
        .into_iter()
        .map(|failure| index(failure).unwrap_or(0))
        .min()
        .map_or(Verdict::Succeeded, Verdict::FailedFrom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_aws_reads_them() {
        let records: Vec<Record> = [101, 102, 103].map(Record::numbered).into();
        for (answer, expected) in [
            ("null", Verdict::Succeeded),
            ("{}", Verdict::Succeeded),
            (r#"{"batchItemFailures": null}"#, Verdict::Succeeded),
            (r#"{"batchItemFailures": []}"#, Verdict::Succeeded),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "102"}]}"#,
                Verdict::FailedFrom(1),
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "103"}, {"itemIdentifier": "102"}]}"#,
                Verdict::FailedFrom(1),
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
                Verdict::FailedFrom(0),
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
                Verdict::FailedFrom(0),
            ),
            (
                r#"{"batchItemFailures": [{"badKey": "102"}]}"#,
                Verdict::FailedFrom(0),
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "999"}]}"#,
                Verdict::FailedFrom(0),
            ),
            (r#"{"batchItemFailures": "102"}"#, Verdict::FailedFrom(0)),
            (r#""done""#, Verdict::FailedFrom(0)),
        ] {
            assert_eq!(reported(&records, answer.as_bytes()), expected, "{answer}");
        }
    }
}
