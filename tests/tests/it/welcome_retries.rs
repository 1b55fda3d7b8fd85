//! Welcomes while WeCom answers with errors: temporary ones are retried, permanent ones are recorded with their code.

use std::time::Duration;

use serde_json::json;
use wecom_sandbox::{Fault, OtherApp, SandboxOptions};

use crate::counts::Counts;
use crate::world::World;

const SEND: &str = "send_welcome_msg";

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_that_another_app_abandoned_is_sent() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    world.corp.other_app_welcomes(Some(OtherApp {
        sends_for: Duration::from_millis(1200),
        delivers: false,
    }));
    let customer = world.scan(&channel);
    customer.sees("hi").await;
    let outcome = customer.outcome("welcome", "sent").await;
    assert_eq!(
        outcome["attempts"], 3,
        "41096 is retried after a second: {outcome}"
    );
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_errors_are_retried_within_the_20_seconds() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let unreachable = Fault::DropConnection {
        after_effect: false,
    };
    for (first, second) in [
        (Fault::Code(45033), Fault::Code(45033)),
        (Fault::Http(502), unreachable),
        (Fault::Code(-1), Fault::Http(503)),
    ] {
        world.wecom.faults().next(SEND, 1, first);
        world.wecom.faults().next(SEND, 1, second);
        let customer = world.scan(&channel);
        customer.sees("hi").await;
        let outcome = customer.outcome("welcome", "sent").await;
        assert_eq!(outcome["attempts"], 3, "{first:?}, {second:?}");
    }
    world
        .counts_are(&channel, Counts::added(3).welcomed(3))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_welcome_code_is_too_late_and_not_retried() {
    let world = World::with(SandboxOptions {
        welcome_ttl: Duration::from_millis(200),
        ..SandboxOptions::default()
    })
    .await;
    let channel = world.channel_with_welcome("hi").await;
    // The pause before the retry is longer than the lifetime of this code.
    world.wecom.faults().next(SEND, 1, Fault::Code(-1));
    let outcome = world.scan(&channel).outcome("welcome", "too_late").await;
    assert_eq!(
        (outcome["errcode"].as_i64(), outcome["attempts"].as_i64()),
        (Some(41050), Some(2))
    );
    world
        .counts_are(&channel, Counts::added(1).welcome_failed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refused_attachment_the_text_is_still_sent() {
    let world = World::new().await;
    let card = json!({
        "title": "预约", "appid": "wx8bd80126147dfAAA", "page": "/index", "pic_media_id": "cover-of-long-ago",
    });
    let attachments = json!([{"msgtype": "miniprogram", "miniprogram": card}]);
    let channel = world
        .channel(json!({"welcome": {"text": "hi", "attachments": attachments}}))
        .await;
    for code in [40007, 40008, 40145, 41064, 41065, 90206, 90207, 90208] {
        world.wecom.faults().next(SEND, 1, Fault::Code(code));
        let customer = world.scan(&channel);
        customer.sees("hi").await;
        let outcome = customer.outcome("welcome", "sent").await;
        assert_eq!(
            (outcome["errcode"].as_i64(), outcome["attempts"].as_i64()),
            (Some(code), Some(2))
        );
        assert!(outcome["reason"].as_str().unwrap().contains("text"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_welcome_without_text_fails_with_its_code() {
    let world = World::new().await;
    let picture = json!({"msgtype": "image", "image": {"media_id": "expired-long-ago"}});
    let channel = world
        .channel(json!({"welcome": {"attachments": [picture]}}))
        .await;
    let outcome = world.scan(&channel).outcome("welcome", "failed").await;
    assert_eq!(
        (outcome["errcode"].as_i64(), outcome["attempts"].as_i64()),
        (Some(40007), Some(1))
    );
    assert!(!outcome["reason"].as_str().unwrap().is_empty());
    world
        .counts_are(&channel, Counts::added(1).welcome_failed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_welcome_does_not_skip_the_tags() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"welcome": {"text": "hi"}, "tag_ids": tags}))
        .await;
    world.wecom.faults().next(SEND, 1, Fault::Code(48002));
    let customer = world.scan(&channel);
    let outcome = customer.outcome("welcome", "failed").await;
    assert_eq!(outcome["errcode"], 48002);
    customer.is_tagged(&["展会"]).await;
    customer.outcome("tags", "tagged").await;
    world
        .counts_are(&channel, Counts::added(1).welcome_failed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_remark_stops_neither_the_welcome_nor_the_tags() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"welcome": {"text": "hi"}, "tag_ids": tags, "remark": "展会"}))
        .await;
    world.wecom.faults().next("remark", 1, Fault::Code(40035));
    let customer = world.scan(&channel);
    customer.sees("hi").await;
    customer.outcome("welcome", "sent").await;
    let outcome = customer.outcome("tags", "tagged").await;
    assert_eq!(outcome["remark_errcode"], 40035);
    assert!(outcome["reason"].as_str().unwrap().contains("remark"));
    customer.is_tagged(&["展会"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_answer_delays_few_other_welcomes() {
    const SLOW: Duration = Duration::from_secs(4);
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    world.wecom.faults().next(SEND, 1, Fault::Slow(SLOW));
    let held = world.time.hold();
    let began = world.time.now();
    let slow = world.scan(&channel);
    world
        .until("the slow call has begun", |wecom| {
            wecom.faults().waiting() == 0
        })
        .await;
    let others: Vec<_> = (0..30).map(|_| world.scan(&channel)).collect();
    let welcomed = || {
        others
            .iter()
            .filter(|customer| !customer.texts().is_empty())
            .count()
    };
    // The stream has ten batches in flight, and only records queued behind the slow one wait for it.
    world
        .until("most of the others are welcomed", |_| welcomed() >= 20)
        .await;
    assert!(slow.texts().is_empty());
    drop(held);
    world
        .until("all of the others are welcomed", |_| {
            welcomed() == others.len()
        })
        .await;
    let took = Duration::try_from(world.time.now().duration_since(began)).unwrap();
    assert!(took < SLOW + Duration::from_secs(2), "{took:?}");
    slow.sees("hi").await;
    slow.outcome("welcome", "sent").await;
}
