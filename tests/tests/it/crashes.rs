//! Crashes: a process that is killed between any two steps, two instances at once, a record that nobody can
//! read. Nothing is lost and nothing is doubled.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use scrm_local::stack::INBOX_TABLE;
use serde_json::{Value, json};
use wecom_sandbox::{Fault, Happening, Scan};

use crate::apart::{Apart, Records};
use crate::dying::Fate;
use crate::outside::Outside;
use crate::world::{Channel, World};

/// The functions behind the stream.
#[derive(Clone, Copy)]
enum Function {
    Welcome,
    Tagging,
}

/// A bundle that makes a channel and is killed.
async fn channel(outside: &Outside) -> Channel {
    let world = outside.world().await;
    let tags = world.tags(&["展会"]);
    let fields = json!({
        "welcome": {"text": "{customer}您好，我是{member}"},
        "tag_ids": tags,
        "remark": "{customer}-展会",
    });
    world.channel(fields).await
}

/// A customer whose name is known.
fn named() -> Scan {
    Scan {
        name: Some("王小明".to_owned()),
        ..Scan::default()
    }
}

/// A customer scans while only the callback and `function` run, which dies at `point`.
async fn dies(
    outside: &Outside,
    channel: &Channel,
    function: Function,
    point: usize,
) -> (Happening, Option<String>) {
    let apart = Apart::new(outside).await;
    let fate = Fate::at(point);
    // The customers before this one are none of its business: it would pass the same points for them.
    let instance = match function {
        Function::Welcome => apart.welcome(&fate, Records::New).await,
        Function::Tagging => apart.tagging(&fate, Records::New).await,
    };
    let scanned = outside.corp.scan(&channel.id, &named()).unwrap();
    outside.all_delivered().await;
    assert!(outside.wecom.event(scanned.events[0]).unwrap().accepted());
    let death = instance.dies_before_handling(1).await;
    (scanned, death)
}

/// What must be true of a customer whatever has died.
async fn is_served(world: &World, scanned: Happening) -> (Value, Value) {
    let customer = world.customer(scanned);
    let settled = |contact: &Value| {
        let entry = &contact["timeline"][0];
        let done = |kind: &str| {
            !["pending", ""].contains(&entry[kind]["outcome"].as_str().unwrap_or_default())
        };
        done("welcome") && done("tags")
    };
    let contact = world
        .eventually("both outcomes", &customer.path(), settled)
        .await;
    assert_eq!(customer.texts(), ["王小明您好，我是张三"]);
    customer.is_tagged(&["展会"]).await;
    let relation = world
        .corp
        .relation(&customer.external_userid, &customer.userid)
        .unwrap();
    assert_eq!(relation.remark, "王小明-展会");
    let kept = &contact["relations"][0];
    assert_eq!(
        (&kept["status"], kept["tag_ids"].as_array().unwrap().len()),
        (&json!("active"), 1)
    );
    let entry = &contact["timeline"][0];
    (entry["welcome"].clone(), entry["tags"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_is_sent_once_wherever_its_function_crashes() {
    let outside = Outside::new(&["contact"]).await;
    let channel = channel(&outside).await;
    let mut deaths = Vec::new();
    let mut sent = 0;
    for point in 0.. {
        let (scanned, death) = dies(&outside, &channel, Function::Welcome, point).await;
        let world = outside.world().await;
        let (welcome, tags) = is_served(&world, scanned).await;
        // Whose welcome has arrived is known to who sent it and lived to write it down.
        let wrote = !matches!(
            death.as_deref(),
            Some("after send_welcome" | "before record_welcome")
        );
        let outcome = if wrote { "sent" } else { "already_welcomed" };
        assert_eq!(welcome["outcome"], outcome, "{death:?}");
        assert_eq!(tags["outcome"], "tagged", "{death:?}");
        sent += u64::from(wrote);
        world
            .numbers(&channel, [deaths.len() as u64 + 1, 0, sent, 0])
            .await;
        match death {
            Some(death) => deaths.push(death),
            None => break,
        }
    }
    // Both names are asked for at once, in any order.
    let of_either = |death: String| {
        death
            .replace("customer_name", "name")
            .replace("member_name", "name")
    };
    let mut deaths: Vec<String> = deaths.into_iter().map(of_either).collect();
    deaths.sort_unstable();
    let steps = [
        "candidates",
        "name",
        "name",
        "record_welcome",
        "send_welcome",
    ];
    let after = steps.map(|step| format!("after {step}"));
    let before = steps.map(|step| format!("before {step}"));
    assert_eq!(deaths, [after, before].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn tagging_happens_once_wherever_its_function_crashes() {
    let outside = Outside::new(&["contact"]).await;
    let channel = channel(&outside).await;
    let mut deaths = Vec::new();
    for point in 0.. {
        let (scanned, death) = dies(&outside, &channel, Function::Tagging, point).await;
        let world = outside.world().await;
        let (welcome, tags) = is_served(&world, scanned).await;
        assert_eq!(
            (&welcome["outcome"], &tags["outcome"]),
            (&json!("sent"), &json!("tagged")),
            "{death:?}"
        );
        let customers = deaths.len() as u64 + 1;
        world.numbers(&channel, [customers, 0, customers, 0]).await;
        match death {
            Some(death) => deaths.push(death),
            None => break,
        }
    }
    // The customer is read while the tags are put on, and which ends first is not said.
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
        "before arrive",
        "after arrive",
        "before record_tags",
        "after record_tags",
    ];
    let by_either = |death: &str| death.replace("followers", "mark_tags");
    let deaths: Vec<String> = deaths.iter().map(|death| by_either(death)).collect();
    assert_eq!(deaths, expected.map(by_either));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_stored_while_no_function_runs_are_handled_later() {
    let outside = Outside::new(&["contact"]).await;
    let channel = channel(&outside).await;
    let apart = Apart::new(&outside).await;
    let scanned: Vec<_> = (0..10)
        .map(|_| outside.corp.scan(&channel.id, &named()).unwrap())
        .collect();
    outside.all_delivered().await;
    drop(apart);
    let world = outside.world().await;
    for scanned in scanned {
        let (welcome, tags) = is_served(&world, scanned).await;
        assert_eq!(
            (&welcome["outcome"], &tags["outcome"]),
            (&json!("sent"), &json!("tagged"))
        );
    }
    world.numbers(&channel, [10, 0, 10, 0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_killed_during_a_send_sends_no_second_welcome() {
    let outside = Outside::new(&["contact"]).await;
    let channel = channel(&outside).await;
    let world = outside.world().await;
    let slow = Fault::Slow(Duration::from_secs(5));
    outside.wecom.faults().next("send_welcome_msg", 1, slow);
    let held = outside.time.hold();
    let scanned = outside.corp.scan(&channel.id, &named()).unwrap();
    world
        .until("WeCom is sending", |wecom| {
            wecom.peak_in_flight("send_welcome_msg") == 1
        })
        .await;
    drop(world);
    assert_eq!(
        outside.wecom.calls_of("send_welcome_msg").len(),
        0,
        "killed too late"
    );

    let world = outside.world().await;
    world
        .until("the new process has asked", |wecom| {
            !wecom.calls_of("send_welcome_msg").is_empty()
        })
        .await;
    drop(held);
    let (welcome, _) = is_served(&world, scanned).await;
    // The new process is told "another app is sending" (41096), waits, and learns that it is done.
    assert_eq!(
        (&welcome["outcome"], &welcome["errcode"]),
        (&json!("already_welcomed"), &json!(41051))
    );
    assert!(welcome["attempts"].as_u64().unwrap() > 1, "{welcome}");
    world.numbers(&channel, [1, 0, 0, 0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_instances_and_full_replays_duplicate_nothing() {
    let outside = Outside::new(&["contact"]).await;
    let channel = channel(&outside).await;
    let apart = Apart::new(&outside).await;
    let scanned: Vec<_> = (0..5)
        .map(|_| outside.corp.scan(&channel.id, &named()).unwrap())
        .collect();
    outside.all_delivered().await;
    let fate = &Fate::none();
    let instances = [
        apart.welcome(fate, Records::Unfinished).await,
        apart.welcome(fate, Records::Unfinished).await,
        apart.tagging(fate, Records::Unfinished).await,
        apart.tagging(fate, Records::Unfinished).await,
    ];
    let handled = instances.map(|instance| instance.dies_before_handling(scanned.len()));
    assert!(
        futures::future::join_all(handled)
            .await
            .iter()
            .all(Option::is_none)
    );
    assert!(
        outside.wecom.calls_of("send_welcome_msg").len() > scanned.len(),
        "both have tried"
    );
    drop(apart);

    for _replay in 0..2 {
        outside.forget_positions();
        let calls = outside.wecom.calls_of("send_welcome_msg").len();
        let world = outside.world().await;
        // A replayed welcome tries again, as nothing is read before it is sent, and is refused by WeCom.
        world
            .until("all are tried again", |wecom| {
                wecom.calls_of("send_welcome_msg").len() >= calls + 5
            })
            .await;
        for scanned in scanned.clone() {
            let (welcome, tags) = is_served(&world, scanned).await;
            assert_eq!(
                (&welcome["outcome"], &tags["outcome"]),
                (&json!("sent"), &json!("tagged"))
            );
        }
        world.numbers(&channel, [5, 0, 5, 0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_record_affects_only_itself() {
    let world = World::new().await;
    let channel = world.channel_that_says("hi").await;
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
        // On every lane of the stream, in front of a customer and behind one.
        put(number, [None, Some("{"), Some("[]")][number % 3]).await;
        customers.push(world.scan(&channel));
    }
    for customer in &customers {
        customer.sees("hi").await;
        customer.outcome("welcome", "sent").await;
        customer.outcome("tags", "no_tags").await;
    }
    world.numbers(&channel, [20, 0, 20, 0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_affects_only_one_record() {
    let outside = Outside::new(&["contact"]).await;
    let channel = channel(&outside).await;
    let apart = Apart::new(&outside).await;
    let scan = || outside.corp.scan(&channel.id, &named()).unwrap();
    let scanned: Vec<_> = (0..5).map(|_| scan()).collect();
    outside.all_delivered().await;
    for instance in [
        apart.welcome(&Fate::panic_at(0), Records::Unfinished).await,
        // The first point is the question what is done already, which is about the whole batch.
        apart.tagging(&Fate::panic_at(2), Records::Unfinished).await,
    ] {
        assert_eq!(instance.dies_before_handling(scanned.len()).await, None);
    }
    let calls = |api| outside.wecom.calls_of(api).len();
    assert_eq!((calls("send_welcome_msg"), calls("mark_tag")), (4, 4));
    drop(apart);

    // The event is still there, and a replay makes up for what was not done.
    outside.forget_positions();
    let world = outside.world().await;
    for scanned in scanned {
        let (welcome, tags) = is_served(&world, scanned).await;
        assert_eq!(
            (&welcome["outcome"], &tags["outcome"]),
            (&json!("sent"), &json!("tagged"))
        );
    }
    world.numbers(&channel, [5, 0, 5, 0]).await;
}
