//! What a mapping does about batches that fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clock::Wait;
use scrm_local::event_source::Backoff;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::inbox::{Inbox, TIMEOUT, destination, mapping};
use crate::patience::{eventually, until};
use crate::recorder::{Recorder, Reply};

/// What comes to the destination. Pauses of the mapping end while it waits.
async fn discarded(recorder: &Recorder, destination: &mut UnboundedReceiver<Value>) -> Value {
    eventually(async || {
        let received = destination.try_recv();
        received.inspect_err(|_| _ = recorder.clock.end_next_pause())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_failure_goes_on_from_the_lowest_failed_record() {
    let inbox = Inbox::new().await;
    inbox.put(&["a", "b", "c", "d"]);
    let (mut mapping, recorder) = mapping(|event| match event.has("a") {
        true => Reply::Failed(&["d", "b"]),
        false => Reply::Done,
    });
    mapping.report_batch_item_failures = true;
    let _source = inbox.start(mapping).await;
    let events = recorder.invocations(2).await;
    assert_eq!(events, [vec!["a", "b", "c", "d"], vec!["b", "c", "d"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_batch_item_failures_an_answer_is_a_success() {
    let inbox = Inbox::new().await;
    inbox.put(&["a", "b"]);
    let (mapping, recorder) = mapping(|_| Reply::Failed(&["a"]));
    let _source = inbox.start(mapping).await;
    recorder.sees("b").await;
    inbox.put(&["c"]);
    assert_eq!(recorder.sees("c").await, [vec!["a", "b"], vec!["c"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_batch_is_retried_whole_before_anything_after_it() {
    for (reply, ends_in) in [
        ((|| Reply::Error) as fn() -> Reply, Duration::ZERO),
        (|| Reply::Panic, Duration::ZERO),
        (|| Reply::Hang, TIMEOUT),
    ] {
        let inbox = Inbox::new().await;
        inbox.put(&["a", "b"]);
        let calls = AtomicUsize::new(0);
        let (mut mapping, recorder) =
            mapping(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
                0 => reply(),
                _ => Reply::Done,
            });
        mapping.batch_size = 2;
        let _source = inbox.start(mapping).await;
        recorder.invocations(1).await;
        inbox.put(&["c"]);
        recorder.clock.advance(ends_in);
        assert_eq!(
            recorder.sees("c").await,
            [vec!["a", "b"], vec!["a", "b"], vec!["c"]]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pause_before_a_retry_doubles_up_to_the_longest() {
    let inbox = Inbox::new().await;
    inbox.put(&["a"]);
    let (mut mapping, recorder) = mapping(|_| Reply::Error);
    mapping.backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(4),
    };
    let _source = inbox.start(mapping).await;
    let clock = &recorder.clock;
    let moment = Duration::from_millis(1);
    for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (4, 4)] {
        until("in a pause", || clock.waiting(Wait::Pause) == 1).await;
        clock.advance(Duration::from_secs(seconds) - moment);
        assert_eq!(clock.waiting(Wait::Pause), 1, "after {failures} failures");
        assert_eq!(recorder.events().len(), failures);
        clock.advance(moment);
        until("retried", || recorder.events().len() > failures).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bisecting_isolates_a_poison_record() {
    let inbox = Inbox::new().await;
    inbox.put(&["a", "b", "poison", "d"]);
    let (mut mapping, recorder) = mapping(|event| match event.has("poison") {
        true => Reply::Panic,
        false => Reply::Done,
    });
    mapping.bisect_batch_on_function_error = true;
    mapping.maximum_retry_attempts = Some(1);
    let mut destination = destination(&mut mapping);
    let _source = inbox.start(mapping).await;
    assert_eq!(
        discarded(&recorder, &mut destination).await["DDBStreamBatchInfo"]["batchSize"],
        1
    );
    inbox.put(&["e"]);
    assert_eq!(
        recorder.sees("e").await,
        [
            vec!["a", "b", "poison", "d"],
            vec!["a", "b"],
            vec!["poison", "d"],
            vec!["poison"],
            vec!["poison"],
            vec!["d"],
            vec!["e"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_retries_are_exhausted_is_described_to_the_destination() {
    let inbox = Inbox::new().await;
    inbox.put(&["a", "b"]);
    let (mut mapping, recorder) = mapping(|event| match event.has("a") {
        true => Reply::Error,
        false => Reply::Done,
    });
    mapping.maximum_retry_attempts = Some(2);
    let mut destination = destination(&mut mapping);
    let _source = inbox.start(mapping).await;
    let document = discarded(&recorder, &mut destination).await;
    inbox.put(&["c"]);
    assert_eq!(
        recorder.sees("c").await,
        [vec!["a", "b"], vec!["a", "b"], vec!["a", "b"], vec!["c"]]
    );
    let request = &document["requestContext"];
    assert_eq!(request["condition"], "RetryAttemptsExhausted");
    assert_eq!(request["approximateInvokeCount"], 3);
    assert_eq!(
        request["functionArn"],
        "arn:aws:lambda:local:000000000000:function:recorder"
    );
    assert_eq!(document["responseContext"]["functionError"], "Unhandled");
    let batch = &document["DDBStreamBatchInfo"];
    assert_eq!(batch["batchSize"], 2);
    assert!(batch["startSequenceNumber"].as_str() < batch["endSequenceNumber"].as_str());
    assert!(
        batch["streamArn"]
            .as_str()
            .unwrap()
            .contains("table/inbox/stream/")
    );
    assert!(
        !document.to_string().contains("name"),
        "the document has content: {document}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_failure_that_lasts_exhausts_its_retries_and_is_no_function_error() {
    let inbox = Inbox::new().await;
    inbox.put(&["a", "b"]);
    let (mut mapping, recorder) = mapping(|event| match event.has("b") {
        true => Reply::Failed(&["b"]),
        false => Reply::Done,
    });
    mapping.report_batch_item_failures = true;
    mapping.maximum_retry_attempts = Some(0);
    let mut destination = destination(&mut mapping);
    let _source = inbox.start(mapping).await;
    let document = discarded(&recorder, &mut destination).await;
    assert_eq!(document["responseContext"].get("functionError"), None);
    assert_eq!(document["DDBStreamBatchInfo"]["batchSize"], 1);
    // What is left after a partial success is a batch with attempts of its own.
    assert_eq!(recorder.events(), [vec!["a", "b"], vec!["b"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_grow_too_old_are_discarded_and_hold_nothing_back() {
    let inbox = Inbox::new().await;
    inbox.put(&["old"]);
    let (mut mapping, recorder) = mapping(|event| match event.has("old") {
        true => Reply::Error,
        false => Reply::Done,
    });
    mapping.batch_size = 1;
    let age = Duration::from_secs(3600);
    mapping.maximum_record_age = Some(age);
    let mut destination = destination(&mut mapping);
    let _source = inbox.start(mapping).await;
    recorder.invocations(2).await;
    assert!(
        destination.try_recv().is_err(),
        "the record is not yet too old"
    );
    recorder.clock.advance(age);
    let document = discarded(&recorder, &mut destination).await;
    assert_eq!(document["requestContext"]["condition"], "RecordAgeExceeded");
    // The document is of the time that the test has made, and the record of the machine's.
    let discarded_at = document["timestamp"].as_str().unwrap();
    assert!(discarded_at.starts_with("2100-06-16T05:"), "{document}");
    let arrived = &document["DDBStreamBatchInfo"]["approximateArrivalOfFirstRecord"];
    assert!(arrived.as_str().unwrap() < "2100", "{document}");
    inbox.put(&["new"]);
    recorder.sees("new").await;
}
