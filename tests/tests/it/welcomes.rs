//! Welcomes: sent in time, once and with the right text; a welcome that is not sent has a recorded reason.

use serde_json::json;
use std::time::Duration;
use wecom_sandbox::{Fault, OtherApp, Scan};

use crate::counts::Counts;
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::split_stack::{Records, SplitStack};
use crate::world::{World, later};

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_scans_gets_the_channels_welcome() {
    let world = World::new().await;
    let channel = world
        .channel_with_welcome("{customer}您好，我是{member}，来自{channel}")
        .await;
    let customer = world.scan_as(
        &channel,
        Scan {
            name: Some("王小明".into()),
            ..Scan::default()
        },
    );
    customer.sees("王小明您好，我是张三，来自展会").await;
    let outcome = customer.outcome("welcome", "sent").await;
    assert_eq!(outcome["attempts"], 1);
    assert!(outcome["latency_ms"].as_i64().unwrap() < 5_000);
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn default_welcomes_reach_customers_without_a_channel() {
    let world = World::new().await;
    let body = json!({"corp": {"text": "公司欢迎您"}, "members": {"LiSi": {"text": "我是李四"}}});
    world.operator.sets_welcomes(&body).await.is(200);
    world.search("zhangsan").sees("公司欢迎您").await;
    world.search("lisi").sees("我是李四").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_first_sent_by_another_app_is_already_welcomed() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    world.corp.other_app_welcomes(Some(OtherApp {
        sends_for: Duration::from_millis(200),
        delivers: true,
    }));
    let customer = world.scan(&channel);
    let outcome = customer.outcome("welcome", "already_welcomed").await;
    assert_eq!(outcome["errcode"], 41051);
    assert!(customer.texts().is_empty());
    world.counts_are(&channel, Counts::added(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_picture_leaves_the_text() {
    let world = World::new().await;
    let picture = json!({"msgtype": "image", "image": {"media_id": "expired-long-ago"}});
    let channel = world
        .channel(json!({"welcome": {"text": "hi", "attachments": [picture]}}))
        .await;
    let customer = world.scan(&channel);
    customer.sees("hi").await;
    let outcome = customer.outcome("welcome", "sent").await;
    assert_eq!(
        (outcome["errcode"].as_i64(), outcome["attempts"].as_i64()),
        (Some(40007), Some(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_sends_no_second_welcome() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    world.wecom.faults().next(
        "send_welcome_msg",
        1,
        Fault::DropConnection { after_effect: true },
    );
    let customer = world.scan(&channel);
    let outcome = customer.outcome("welcome", "already_welcomed").await;
    assert!(
        outcome["reason"]
            .as_str()
            .unwrap()
            .contains("most likely ours")
    );
    assert_eq!(customer.texts(), ["hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channels_welcome_precedes_the_members_and_the_corps() {
    let world = World::new().await;
    let body = json!({"corp": {"text": "corp"}, "members": {"zhangsan": {"text": "member"}}});
    world.operator.sets_welcomes(&body).await.is(200);
    let with_welcome = world.channel_with_welcome("channel").await;
    let without_welcome = world.channel(json!({})).await;
    let of_lisi = world.channel(json!({"users": ["lisi"]})).await;
    for (channel, text) in [
        (&with_welcome, "channel"),
        (&without_welcome, "member"),
        (&of_lisi, "corp"),
    ] {
        world.scan(channel).sees(text).await;
        world
            .counts_are(channel, Counts::added(1).welcomed(1))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_variant_that_matches_is_sent() {
    let world = World::new().await;
    let variants = json!([
        {"dates": ["2020-01-01"], "text": "happy new year"},
        {"weekdays": [1, 2, 3, 4, 5, 6, 7], "text": "today"},
    ]);
    let channel = world
        .channel(json!({"welcome": {"text": "any day", "variants": variants}}))
        .await;
    world.scan(&channel).sees("today").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_welcome_nothing_is_sent_and_the_timeline_says_so() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let outcome = world.scan(&channel).outcome("welcome", "no_template").await;
    assert!(!outcome["reason"].as_str().unwrap().is_empty());
    assert_eq!(world.calls("send_welcome_msg"), 0);
    world.counts_are(&channel, Counts::added(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_code_nothing_is_sent_and_the_timeline_says_so() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let of_another_company = world.scan_as(
        &channel,
        Scan {
            wecom_user: true,
            ..Scan::default()
        },
    );
    of_another_company.outcome("welcome", "no_code").await;
    world
        .corp
        .console_welcome("zhangsan", Some("from the console"))
        .unwrap();
    let by_console = world.scan(&channel);
    let outcome = by_console.outcome("welcome", "no_code").await;
    assert!(outcome["reason"].as_str().unwrap().contains("console"));
    assert_eq!(world.calls("send_welcome_msg"), 0);
    world.counts_are(&channel, Counts::added(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_older_than_20_seconds_is_recorded_without_a_welcome() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let customer = world.without_delivery(|| world.scan(&channel));
    world.deliver(&later(&world.message(customer.events[0]), -25));
    let outcome = customer.outcome("welcome", "too_late").await;
    assert_eq!(outcome["attempts"], 0);
    assert_eq!(world.calls("send_welcome_msg"), 0);
    world
        .counts_are(&channel, Counts::added(1).welcome_failed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_arrives_too_late_is_replaced_by_a_neutral_form() {
    let world = World::new().await;
    let channel = world
        .channel_with_welcome("{customer}您好，我是{member}")
        .await;
    let away = Fault::Slow(Duration::from_secs(5));
    // Tagging reads the customer as well.
    world.wecom.faults().next("externalcontact/get", 2, away);
    world.wecom.faults().next("user/get", 1, Fault::Code(60011));
    let held = world.time.hold();
    let customer = world.scan(&channel);
    world
        .until("all names are requested", |wecom| {
            wecom.faults().waiting() == 0
        })
        .await;
    world.time_passes(Duration::from_millis(1_500));
    customer.sees("朋友您好，我是您的顾问").await;
    // The clock stands still until the outcome is stored: the latency is measured after the message has arrived.
    let outcome = customer.outcome("welcome", "sent").await;
    drop(held);
    assert!(
        outcome["latency_ms"].as_i64().unwrap() < 3_000,
        "the function waits 1.5 s for a name: {outcome}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_makes_no_call_that_its_text_does_not_need() {
    let external = ExternalWorld::new(&["contact"]).await;
    let world = external.world().await;
    let link = json!({"msgtype": "link", "link": {"title": "t", "url": "https://example.com"}});
    let channel = world
        .channel(json!({"welcome": {"text": "{channel}", "attachments": [link]}}))
        .await;
    drop(world);
    // Tagging would call WeCom at the same time, and is not started here.
    let split = SplitStack::new(&external).await;
    let before = external.wecom.calls().len();
    let instance = split.welcome(&FaultPoint::none(), Records::New).await;
    for _ in 0..3 {
        external.corp.scan(&channel.id, &Scan::default()).unwrap();
    }
    assert_eq!(instance.crashes_before_handling(3).await, None);
    let calls = external.wecom.calls().into_iter().skip(before);
    let apis: Vec<_> = calls.map(|call| call.api.clone()).collect();
    assert_eq!(
        apis, ["externalcontact/send_welcome_msg"; 3],
        "no gettoken, no details, no upload"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_with_a_new_code_gets_the_channels_welcome() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("{channel}").await;
    let customer = world.without_delivery(|| world.scan(&channel));
    let add = world.message(customer.events[0]);
    let (before, rest) = add.split_once("<WelcomeCode>").unwrap();
    let (_, after) = rest.split_once("</WelcomeCode>").unwrap();
    world.deliver(&format!("{before}{after}"));
    customer.outcome("welcome", "no_code").await;
    // When the add is counted, the relation with the channel is stored.
    world.counts_are(&channel, Counts::added(1)).await;

    let (before, rest) = add.split_once("<State>").unwrap();
    let (_, after) = rest.split_once("</State>").unwrap();
    let consent = format!("{before}{after}").replace("add_external_contact", "msg_audit_approved");
    world.deliver(&consent);
    customer.sees("展会").await;
    customer
        .outcome_of("msg_audit_approved", "welcome", "sent")
        .await;
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
}
