//! The document that Lambda writes to an on-failure destination about a discarded batch.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stream::{Record, Shard};
use crate::invoke::{Function, Invocation};

/// Why a batch was discarded. The names are those that Lambda writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// A discarded batch, which has at least one record.
pub(super) struct Discard<'a> {
    pub(super) function: &'a Function,
    pub(super) shard: &'a Shard,
    pub(super) records: &'a [Record],
    pub(super) condition: Condition,
    pub(super) invocations: u32,
    pub(super) last_invocation: Option<&'a Invocation>,
}

impl Discard<'_> {
    /// The document, as in the Lambda developer guide ("Retaining discarded batches for DynamoDB event sources"). It
    /// has no content of the records.
    pub(super) fn document(&self) -> Value {
        let mut document = json!({
            "requestContext": {
                "requestId": self.request_id(),
                "functionArn": self.function.arn(),
                "condition": format!("{:?}", self.condition),
                "approximateInvokeCount": self.invocations,
            },
            "version": "1.0",
            "timestamp": time(self.function.clock().now()),
            "DDBStreamBatchInfo": self.batch(),
        });
        if let Some(invocation) = self.last_invocation {
            document["responseContext"] = response_context(invocation);
        }
        document
    }

    fn request_id(&self) -> String {
        self.last_invocation.map_or_else(
            || Uuid::new_v4().to_string(),
            |invocation| invocation.request_id.clone(),
        )
    }

    fn batch(&self) -> Value {
        let (first, last) = (self.records.first(), self.records.last());
        let sequence = |record: Option<&Record>| record.map(|record| record.sequence().to_string());
        let arrived = |record: Option<&Record>| record.map(|record| time(record.created()));
        json!({
            "shardId": self.shard.shard_id,
            "startSequenceNumber": sequence(first),
            "endSequenceNumber": sequence(last),
            "approximateArrivalOfFirstRecord": arrived(first),
            "approximateArrivalOfLastRecord": arrived(last),
            "batchSize": self.records.len(),
            "streamArn": self.shard.stream_arn,
        })
    }
}

/// A partial failure is an answer like any other; only a function error is named as one.
fn response_context(invocation: &Invocation) -> Value {
    let mut context = json!({"statusCode": 200, "executedVersion": "$LATEST"});
    if invocation.answer.is_err() {
        context["functionError"] = json!("Unhandled");
    }
    context
}

/// RFC 3339 in UTC with milliseconds.
fn time(time: Timestamp) -> String {
    format!("{time:.3}")
}
