//! A corp of which WeCom takes no calls: its records wait in the table, and not in the stream, where records of other
//! corps are behind them.

use std::time::Duration;

use serde_json::json;
use wecom_sandbox::{Fault, SandboxOptions, Scan};

use crate::counts::Counts;
use crate::external_world::{ADMIN_KEY, ExternalWorld, config};
use crate::operator::Operator;
use crate::world::channel_body;

const MARK: &str = "mark_tag";
/// A second corp.
const OTHER: &str = "wwother0000000001";

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_corp_delays_no_other_corp_and_gets_tags_and_remark_after_its_pause() {
    let mut config = config(&["contact"]);
    let mut other = config["corps"][0].clone();
    other["corp_id"] = json!(OTHER);
    other["apps"]["contact"]["secret"] = json!("secret-of-the-other");
    config["corps"].as_array_mut().unwrap().push(other);
    config["corps"][0]["limits"] = json!({"pause": 3600});
    let external = ExternalWorld::with(config, SandboxOptions::default()).await;
    let world = external.world().await;
    let tags = world.tags(&["展会"]);
    let body = json!({
        "tag_ids": tags, "remark": "{customer}-展会", "description": "来自展会", "welcome": {"text": "hi"},
    });
    let channel = world.channel(body).await;
    let other = external.wecom.corp(OTHER).unwrap();
    let other_operator = Operator::new(&world.stack.url, OTHER, ADMIN_KEY, &world.time);
    let other_tags = other
        .console_creates_tags("来源", &["官网"])
        .unwrap()
        .tag_ids;
    let body = channel_body(&json!({"tag_ids": other_tags}));
    let made = other_operator.creates_channel(&body).await.is(201);
    let other_channel = made["id"].as_str().unwrap().to_owned();

    // The first corp meets the limit, and stays paused for an hour.
    world.wecom.faults().next(MARK, 1, Fault::Code(45009));
    let first = world.scan(&channel);
    first.is_postponed().await;
    let paused: Vec<_> = (0..5).map(|_| world.scan(&channel)).collect();
    let scanned = other.scan(&other_channel, &Scan::default()).unwrap();
    world
        .until("the other corp's customer is tagged", |_| {
            !other
                .tags(&scanned.external_userid, &scanned.userid)
                .is_empty()
        })
        .await;
    for customer in &paused {
        customer.sees("hi").await;
        let tags = customer.is_postponed().await;
        assert_eq!(
            (&tags["errcode"], &tags["attempts"]),
            (&json!(45009), &json!(0)),
            "{tags}"
        );
    }
    assert_eq!(world.calls(MARK), 2, "one for each corp");
    world
        .counts_are(&channel, Counts::added(6).welcomed(6))
        .await;

    world.time_passes(Duration::from_secs(1_800));
    world.tick().await;
    assert_eq!(world.calls(MARK), 2, "the pause lasts");
    world.time_passes(Duration::from_secs(1_900));
    world.tick().await;
    world.tick().await;
    for customer in &paused {
        customer.is_tagged(&["展会"]).await;
        customer.outcome("tags", "tagged").await;
    }
    assert_eq!(world.calls(MARK), 8);
    world
        .tick_until(|tick| tick["folded"].as_u64().is_some_and(|folded| folded == 0))
        .await;
    for customer in &paused {
        let relation = customer.relation().await;
        let remark = relation["remark"].as_str().unwrap_or_default();
        assert!(
            remark.ends_with("-展会") && remark.len() > "-展会".len(),
            "{relation}"
        );
        assert_eq!(relation["description"], "来自展会", "{relation}");
    }
    world
        .counts_are(&channel, Counts::added(6).welcomed(6))
        .await;
}
