//! Crashes: a process that is killed between any two steps, two instances at once, an unreadable record. No event is
//! lost, and no effect happens twice.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use scrm_local::stack::INBOX_TABLE;
use serde_json::{Value, json};
use wecom_sandbox::{Fault, Happening, Scan};

use crate::counts::Counts;
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::split_stack::{Records, SplitStack};
use crate::world::{Channel, World};

/// The functions behind the stream.
#[derive(Clone, Copy)]
enum Function {
    Welcome,
    Tagging,
}

/// Starts a bundle that creates a channel, and kills it.
async fn channel(external: &ExternalWorld) -> Channel {
    let world = external.world().await;
    let tags = world.tags(&["展会"]);
    let fields = json!({
        "welcome": {"text": "{customer}您好，我是{member}"},
        "tag_ids": tags,
        "remark": "{customer}-展会",
    });
    world.channel(fields).await
}

/// A customer with a known name.
fn named() -> Scan {
    Scan {
        name: Some("王小明".to_owned()),
        ..Scan::default()
    }
}

/// A customer scans while only the callback and `function` run, and `function` crashes at `point`.
async fn crash_at(
    external: &ExternalWorld,
    channel: &Channel,
    function: Function,
    point: usize,
) -> (Happening, Option<String>) {
    let split = SplitStack::new(external).await;
    let fault_point = FaultPoint::at(point);
    // Only new records: earlier customers would pass the same points.
    let instance = match function {
        Function::Welcome => split.welcome(&fault_point, Records::New).await,
        Function::Tagging => split.tagging(&fault_point, Records::New).await,
    };
    let scanned = external.corp.scan(&channel.id, &named()).unwrap();
    external.all_delivered().await;
    assert!(external.wecom.event(scanned.events[0]).unwrap().accepted());
    let crash = instance.crashes_before_handling(1).await;
    (scanned, crash)
}

/// Checks that a customer is completely served, wherever a function crashed.
async fn is_served(world: &World, scanned: Happening) -> (Value, Value) {
    let customer = world.customer(scanned);
    let is_done = |contact: &Value| {
        let entry = &contact["timeline"][0];
        let done = |kind: &str| {
            !["pending", ""].contains(&entry[kind]["outcome"].as_str().unwrap_or_default())
        };
        done("welcome") && done("tags")
    };
    let contact = world
        .eventually("both outcomes", &customer.path(), is_done)
        .await;
    assert_eq!(customer.texts(), ["王小明您好，我是张三"]);
    customer.is_tagged(&["展会"]).await;
    let relation = world
        .corp
        .relation(&customer.external_userid, &customer.userid)
        .unwrap();
    assert_eq!(relation.remark, "王小明-展会");
    let stored = &contact["relations"][0];
    assert_eq!(
        (
            &stored["status"],
            stored["tag_ids"].as_array().unwrap().len()
        ),
        (&json!("active"), 1)
    );
    let entry = &contact["timeline"][0];
    (entry["welcome"].clone(), entry["tags"].clone())
}

/// The same, and that the welcome is recorded as sent and the tags as applied.
async fn is_welcomed_and_tagged(world: &World, scanned: Happening) {
    let (welcome, tags) = is_served(world, scanned).await;
    assert_eq!(
        (&welcome["outcome"], &tags["outcome"]),
        (&json!("sent"), &json!("tagged"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_is_sent_once_wherever_its_function_crashes() {
    let external = ExternalWorld::new(&["contact"]).await;
    let channel = channel(&external).await;
    let mut crashes = Vec::new();
    let mut sent = 0;
    for point in 0.. {
        let (scanned, crash) = crash_at(&external, &channel, Function::Welcome, point).await;
        let world = external.world().await;
        let (welcome, tags) = is_served(&world, scanned).await;
        // A sent welcome is known as sent only if the function lived long enough to record it.
        let is_recorded = !matches!(
            crash.as_deref(),
            Some("after send_welcome" | "before record_welcome")
        );
        let outcome = if is_recorded {
            "sent"
        } else {
            "already_welcomed"
        };
        assert_eq!(welcome["outcome"], outcome, "{crash:?}");
        assert_eq!(tags["outcome"], "tagged", "{crash:?}");
        sent += u64::from(is_recorded);
        world
            .counts_are(
                &channel,
                Counts::added(crashes.len() as u64 + 1).welcomed(sent),
            )
            .await;
        match crash {
            Some(crash) => crashes.push(crash),
            None => break,
        }
    }
    // Both names are requested concurrently, so their four points come in another order in each run: one may come up
    // for two numbers, and another for none.
    assert_eq!(crashes.len(), 10, "{crashes:?}");
    let is_of_name = |crash: &String| crash.ends_with("_name");
    let (names, mut others): (Vec<_>, Vec<_>) = crashes.into_iter().partition(is_of_name);
    assert_eq!(names.len(), 4, "{names:?}");
    others.sort_unstable();
    let steps = ["candidates", "record_welcome", "send_welcome"];
    let after = steps.map(|step| format!("after {step}"));
    let before = steps.map(|step| format!("before {step}"));
    assert_eq!(others, [after, before].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn tagging_happens_once_wherever_its_function_crashes() {
    let external = ExternalWorld::new(&["contact"]).await;
    let channel = channel(&external).await;
    let mut crashes = Vec::new();
    for point in 0.. {
        let (scanned, crash) = crash_at(&external, &channel, Function::Tagging, point).await;
        let world = external.world().await;
        let (welcome, tags) = is_served(&world, scanned).await;
        assert_eq!(
            (&welcome["outcome"], &tags["outcome"]),
            (&json!("sent"), &json!("tagged")),
            "{crash:?}"
        );
        let customers = crashes.len() as u64 + 1;
        world
            .counts_are(&channel, Counts::added(customers).welcomed(customers))
            .await;
        match crash {
            Some(crash) => crashes.push(crash),
            None => break,
        }
    }
    // The customer is read while the tags are set; either may end first.
    let expected = [
        "before tags_done",
        "after tags_done",
        "before channel",
        "after channel",
        "before mark_tags",
        "before followers",
        "after mark_tags",
        "after followers",
        "before write_remark",
        "after write_remark",
        "before record_add",
        "after record_add",
        "before record_tags",
        "after record_tags",
    ];
    let merge_concurrent = |crash: &str| crash.replace("followers", "mark_tags");
    let crashes: Vec<String> = crashes
        .iter()
        .map(|crash| merge_concurrent(crash))
        .collect();
    assert_eq!(crashes, expected.map(merge_concurrent));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_stored_while_no_function_runs_are_handled_later() {
    let external = ExternalWorld::new(&["contact"]).await;
    let channel = channel(&external).await;
    let split = SplitStack::new(&external).await;
    let scanned: Vec<_> = (0..10)
        .map(|_| external.corp.scan(&channel.id, &named()).unwrap())
        .collect();
    external.all_delivered().await;
    drop(split);
    let world = external.world().await;
    for scanned in scanned {
        is_welcomed_and_tagged(&world, scanned).await;
    }
    world
        .counts_are(&channel, Counts::added(10).welcomed(10))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_killed_during_a_send_sends_no_second_welcome() {
    let external = ExternalWorld::new(&["contact"]).await;
    let channel = channel(&external).await;
    let world = external.world().await;
    let slow = Fault::Slow(Duration::from_secs(5));
    external.wecom.faults().next("send_welcome_msg", 1, slow);
    let held = external.time.hold();
    let scanned = external.corp.scan(&channel.id, &named()).unwrap();
    world
        .until("WeCom is sending", |wecom| {
            wecom.peak_in_flight("send_welcome_msg") == 1
        })
        .await;
    drop(world);
    assert_eq!(
        external.wecom.calls_of("send_welcome_msg").len(),
        0,
        "killed too late"
    );

    let world = external.world().await;
    world
        .until("the new process has sent", |wecom| {
            !wecom.calls_of("send_welcome_msg").is_empty()
        })
        .await;
    drop(held);
    let (welcome, _) = is_served(&world, scanned).await;
    // The new process gets "another app is sending" (41096), waits, and finds the welcome sent.
    assert_eq!(
        (&welcome["outcome"], &welcome["errcode"]),
        (&json!("already_welcomed"), &json!(41051))
    );
    assert!(welcome["attempts"].as_u64().unwrap() > 1, "{welcome}");
    world.counts_are(&channel, Counts::added(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_instances_and_full_replays_duplicate_nothing() {
    let external = ExternalWorld::new(&["contact"]).await;
    let channel = channel(&external).await;
    let split = SplitStack::new(&external).await;
    let scanned: Vec<_> = (0..5)
        .map(|_| external.corp.scan(&channel.id, &named()).unwrap())
        .collect();
    external.all_delivered().await;
    let fault_point = &FaultPoint::none();
    let instances = [
        split.welcome(fault_point, Records::Unfinished).await,
        split.welcome(fault_point, Records::Unfinished).await,
        split.tagging(fault_point, Records::Unfinished).await,
        split.tagging(fault_point, Records::Unfinished).await,
    ];
    let handled = instances.map(|instance| instance.crashes_before_handling(scanned.len()));
    assert!(
        futures::future::join_all(handled)
            .await
            .iter()
            .all(Option::is_none)
    );
    assert!(
        external.wecom.calls_of("send_welcome_msg").len() > scanned.len(),
        "both instances have sent"
    );
    drop(split);

    for _replay in 0..2 {
        external.forget_positions();
        let calls = external.wecom.calls_of("send_welcome_msg").len();
        let world = external.world().await;
        // A replayed welcome is sent without checking first, and WeCom refuses it.
        world
            .until("all are sent again", |wecom| {
                wecom.calls_of("send_welcome_msg").len() >= calls + 5
            })
            .await;
        for scanned in scanned.clone() {
            is_welcomed_and_tagged(&world, scanned).await;
        }
        world
            .counts_are(&channel, Counts::added(5).welcomed(5))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_record_affects_only_itself() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let dynamodb = world.dynamodb();
    let put = async |number: usize, fields: Option<&str>| {
        let name = AttributeValue::S("add_external_contact".to_owned());
        let item = dynamodb
            .put_item()
            .table_name(INBOX_TABLE)
            .item("name", name);
        let item = item.item("id", AttributeValue::S(format!("poison {number}")));
        let fields = fields.map(|fields| AttributeValue::S(fields.to_owned()));
        let item = fields
            .into_iter()
            .fold(item, |item, fields| item.item("fields", fields));
        item.send().await.unwrap();
    };
    let mut customers = Vec::new();
    for number in 0..20 {
        // In every parallel batch of the stream, before and after a customer.
        put(number, [None, Some("{"), Some("[]")][number % 3]).await;
        customers.push(world.scan(&channel));
    }
    for customer in &customers {
        customer.sees("hi").await;
        customer.outcome("welcome", "sent").await;
        customer.outcome("tags", "no_tags").await;
    }
    world
        .counts_are(&channel, Counts::added(20).welcomed(20))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_affects_only_one_record() {
    let external = ExternalWorld::new(&["contact"]).await;
    let channel = channel(&external).await;
    let split = SplitStack::new(&external).await;
    let scan = || external.corp.scan(&channel.id, &named()).unwrap();
    let scanned: Vec<_> = (0..5).map(|_| scan()).collect();
    external.all_delivered().await;
    for instance in [
        split
            .welcome(&FaultPoint::panic_at(0), Records::Unfinished)
            .await,
        // The first two points belong to the query for finished records, which covers the whole batch.
        split
            .tagging(&FaultPoint::panic_at(2), Records::Unfinished)
            .await,
    ] {
        assert_eq!(instance.crashes_before_handling(scanned.len()).await, None);
    }
    let calls = |api| external.wecom.calls_of(api).len();
    assert_eq!((calls("send_welcome_msg"), calls("mark_tag")), (4, 4));
    drop(split);

    // The event is still stored, and a replay completes it.
    external.forget_positions();
    let world = external.world().await;
    for scanned in scanned {
        is_welcomed_and_tagged(&world, scanned).await;
    }
    world
        .counts_are(&channel, Counts::added(5).welcomed(5))
        .await;
}
