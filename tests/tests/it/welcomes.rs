//! Welcomes: sent in time, once, with the right words; and every miss explained.

use bundle_tests::sandbox::{Fault, OtherApp, Scan};
use serde_json::json;
use std::time::Duration;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_scans_is_welcomed_by_the_channel() {
    let world = World::new().await;
    let channel = world
        .channel_that_says("{customer}您好，我是{member}，来自{channel}")
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
    world.numbers(&channel, [1, 0, 1, 0]).await;
    world.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn default_welcomes_reach_customers_without_a_channel() {
    let world = World::new().await;
    let body = json!({"corp": {"text": "公司欢迎您"}, "members": {"LiSi": {"text": "我是李四"}}});
    assert_eq!(world.operator.put("welcome", &body).await.unwrap().0, 200);
    world.search("zhangsan").sees("公司欢迎您").await;
    world.search("lisi").sees("我是李四").await;
    world.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_that_another_app_won_is_told_as_already_welcomed_and_not_as_sent() {
    let world = World::new().await;
    let channel = world.channel_that_says("hi").await;
    world.corp.other_app_welcomes(Some(OtherApp {
        sends_for: Duration::from_millis(200),
        delivers: true,
    }));
    let customer = world.scan(&channel);
    let outcome = customer.outcome("welcome", "already_welcomed").await;
    assert_eq!(outcome["errcode"], 41051);
    assert!(customer.texts().is_empty());
    world.numbers(&channel, [1, 0, 0, 0]).await;
    world.ends();
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
    world.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_sends_no_second_welcome() {
    let world = World::new().await;
    let channel = world.channel_that_says("hi").await;
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
    world.ends();
}
