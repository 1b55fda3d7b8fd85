//! What a mapping delivers, in which order, and where it starts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use clock::{Clock, START};
use futures::FutureExt;
use scrm_local::data_directory::DataDirectory;
use scrm_local::embedded::{Embedded, Place};
use scrm_local::event_source::{EventSourceMapping, StartingPosition};
use scrm_local::start::Listeners;
use tokio::sync::Barrier;

use crate::inbox::{Inbox, TIMEOUT, mapping};
use crate::recorder::{Event, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_arrives_as_lambda_delivers_it() {
    let inbox = Inbox::new().await;
    let seen = Arc::new(Mutex::new(None::<Event>));
    let (mapping, recorder) = mapping({
        let seen = Arc::clone(&seen);
        move |event| {
            *seen.lock().unwrap() = Some(event.clone());
            Reply::Done
        }
    });
    let _source = inbox.start(mapping).await;
    let before = Clock::system().unix_seconds();
    inbox.put(&["a"]);
    recorder.sees("a").await;
    let after = Clock::system().unix_seconds();

    let event = seen.lock().unwrap().clone().unwrap();
    let record = &event.records[0];
    assert_eq!(record.event_name, "INSERT");
    assert_eq!(record.event_source.as_deref(), Some("aws:dynamodb"));
    assert!(
        record
            .event_source_arn
            .as_deref()
            .unwrap()
            .contains(":table/inbox/stream/")
    );
    let keys = serde_json::to_value(&record.change.keys).unwrap();
    assert_eq!(
        keys,
        serde_json::json!({"pk": {"S": "a"}, "sk": {"S": "event"}})
    );
    assert_eq!(record.change.sequence_number.as_ref().unwrap().len(), 21);
    // The database writes its own time into the record, which is that of the machine.
    let created = record.change.approximate_creation_date_time.timestamp();
    assert!((before..=after).contains(&created));
    // The function's clock has not moved since it began.
    let deadline = event.context.deadline();
    assert_eq!(deadline, SystemTime::from(START) + TIMEOUT);
    assert_eq!(event.context.request_id.len(), 36);
    assert_eq!(event.context.env_config.function_name, "recorder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_comes_in_batches_in_the_order_of_the_stream() {
    let inbox = Inbox::new().await;
    inbox.put(&["a", "b", "c", "d", "e"]);
    let (mut mapping, recorder) = mapping(|_| Reply::Done);
    mapping.batch_size = 2;
    let _source = inbox.start(mapping).await;
    assert_eq!(
        recorder.invocations(3).await,
        [vec!["a", "b"], vec!["c", "d"], vec!["e"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_records_that_match_the_filter_arrive() {
    let inbox = Inbox::new().await;
    let (mut mapping, recorder) = mapping(|_| Reply::Done);
    for pattern in [
        r#"{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"name": {"S": ["a", "c"]}}}}"#,
        r#"{"eventName": ["MODIFY"]}"#,
    ] {
        mapping.filter_criteria.push(pattern.parse().unwrap());
    }
    let _source = inbox.start(mapping).await;
    inbox.put(&["a", "b"]);
    inbox.put_item("b", "changed");
    inbox.put(&["c"]);
    let events = recorder.sees("c").await;
    assert_eq!(events.concat(), ["a", "changed", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_after_the_last_finished_batch() {
    let inbox = Inbox::new().await;
    let directory = tempfile::tempdir().unwrap();
    let position = directory.path().join("recorder.position.json");
    let start = async |mapping: EventSourceMapping| {
        mapping
            .start(&inbox.embedded, Some(position.clone()))
            .await
            .unwrap()
    };
    inbox.put(&["a"]);
    let (first, recorder) = mapping(|event| match event.has("b") {
        true => Reply::Hang,
        false => Reply::Done,
    });
    let source = start(first).await;
    recorder.sees("a").await;
    inbox.put(&["b"]);
    recorder.sees("b").await;
    // As when the process is killed: "a" is done with, "b" is in flight.
    drop(source);
    inbox.put(&["c"]);
    let (mut second, recorder) = mapping(|_| Reply::Done);
    // A stored position goes before the starting position.
    second.starting_position = StartingPosition::Latest;
    let _source = start(second).await;
    assert_eq!(recorder.sees("c").await.concat(), ["b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_arrives_from_one_of_several_shards_and_a_stuck_shard_holds_back_no_other() {
    let inbox = Inbox::new().await;
    let names: Vec<String> = (0..40).map(|number| format!("event{number}")).collect();
    let (mut mapping, recorder) = mapping(|event| match event.has("event0") {
        true => Reply::Hang,
        false => Reply::Done,
    });
    mapping.shards = 4;
    mapping.batch_size = 1;
    let _source = inbox.start(mapping).await;
    for name in &names {
        inbox.put(&[name]);
    }
    // Each shard has about ten of them.
    let events = recorder
        .until(|events| events.concat().len() >= 25)
        .await
        .concat();
    assert!(events.contains(&"event0".to_owned()), "{events:?}");
    let distinct: BTreeSet<_> = events.iter().collect();
    assert_eq!(distinct.len(), events.len(), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_and_records_outlive_the_database_handle() {
    let parent = tempfile::tempdir().unwrap();
    let directory = DataDirectory::open(parent.path()).unwrap();
    let inbox = Inbox::at(Place::Directory(&directory)).await;
    let (first, recorder) = mapping(|_| Reply::Done);
    let source = first.start(&inbox.embedded, Some(directory.position("recorder")));
    let source = source.await.unwrap();
    inbox.put(&["a"]);
    recorder.sees("a").await;
    drop(source);
    inbox.put(&["b"]);
    inbox.embedded.stop().await;

    let listeners = Listeners::bind(0).await.unwrap();
    let embedded = Embedded::start(Place::Directory(&directory), listeners.dynamodb);
    let embedded = embedded.await.unwrap();
    let (second, recorder) = mapping(|_| Reply::Done);
    let source = second.start(&embedded, Some(directory.position("recorder")));
    let _source = source.await.unwrap();
    // "a" may come again: its position is stored after its invocation, which is all that was awaited.
    assert_eq!(recorder.sees("b").await.concat().last().unwrap(), "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_leaves_out_what_was_there_before() {
    let inbox = Inbox::new().await;
    inbox.put(&["before"]);
    let (mut mapping, recorder) = mapping(|_| Reply::Done);
    mapping.starting_position = StartingPosition::Latest;
    let _source = inbox.start(mapping).await;
    inbox.put(&["after"]);
    assert_eq!(recorder.sees("after").await.concat(), ["after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_run_at_once_and_keep_the_order_of_each_item() {
    let inbox = Inbox::new().await;
    // Two invocations have to meet before either continues, which one lane alone could never do.
    let meeting = Arc::new(Barrier::new(2));
    let first = AtomicUsize::new(0);
    let (mut mapping, recorder) = mapping(move |_| match first.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => {
            let meeting = Arc::clone(&meeting);
            Reply::After(
                async move {
                    {
                        meeting.wait().await;
                    }
                }
                .boxed(),
            )
        }
        _ => Reply::Done,
    });
    mapping.parallelization_factor = 4;
    mapping.batch_size = 3;
    let items: Vec<String> = (0..16).map(|item| format!("item{item}")).collect();
    for round in 0..5 {
        for item in &items {
            inbox.put_item(item, &format!("{item}-{round}"));
        }
    }
    let _source = inbox.start(mapping).await;
    let events = recorder
        .until(|events| events.iter().flatten().count() >= 80)
        .await;
    let seen = events.concat();
    for item in &items {
        let own: Vec<_> = seen
            .iter()
            .filter(|name| name.split('-').next() == Some(item))
            .collect();
        let expected: Vec<_> = (0..5).map(|round| format!("{item}-{round}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_lane_does_not_hold_up_the_others() {
    let inbox = Inbox::new().await;
    let (mut mapping, recorder) = mapping(|event| match event.has("stuck") {
        true => Reply::Error,
        false => Reply::Done,
    });
    mapping.parallelization_factor = 2;
    mapping.batch_size = 1;
    let _source = inbox.start(mapping).await;
    inbox.put(&["stuck"]);
    recorder.invocations(3).await;
    let others: Vec<String> = (0..16).map(|other| format!("other{other}")).collect();
    inbox.put(&others.iter().map(String::as_str).collect::<Vec<_>>());
    recorder
        .until(|events| {
            events
                .iter()
                .flatten()
                .any(|name| name.starts_with("other"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why() {
    let inbox = Inbox::new().await;
    inbox.create("plain", false);
    let refused = async |change: fn(&mut EventSourceMapping)| {
        let (mut mapping, _) = mapping(|_| Reply::Done);
        change(&mut mapping);
        let error = mapping.start(&inbox.embedded, None).await.unwrap_err();
        error.to_string()
    };
    let missing = refused(|mapping| mapping.table = "nowhere".to_owned()).await;
    assert_eq!(missing, "table nowhere has no stream");
    let plain = refused(|mapping| mapping.table = "plain".to_owned()).await;
    assert_eq!(plain, "table plain has no stream");
    let batch = refused(|mapping| mapping.batch_size = 0).await;
    assert_eq!(batch, "BatchSize is 0, outside 1 to 10000");
    let shards = refused(|mapping| mapping.shards = 0).await;
    assert_eq!(shards, "the number of shards is 0, outside 1 to 100");
    let factor = refused(|mapping| mapping.parallelization_factor = 11).await;
    assert_eq!(factor, "ParallelizationFactor is 11, outside 1 to 10");
}
