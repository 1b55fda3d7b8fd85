//! Tags and remarks: set for every customer who came through a channel, independent of the welcome.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use wecom_sandbox::{Fault, SandboxOptions, Scan};

use crate::counts::Counts;
use crate::customer::Customer;
use crate::external_world::{ExternalWorld, config};
use crate::world::{Channel, World};

const MARK: &str = "mark_tag";

async fn tagging_channel(world: &World) -> Channel {
    let tags = world.tags(&["展会"]);
    world.channel(json!({"tag_ids": tags})).await
}

/// The number of calls of `mark_tag` for each customer.
fn calls_by_customer(world: &World) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for customer in world.customers_of(MARK) {
        *calls.entry(customer).or_default() += 1;
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_welcome_code_does_not_skip_tags_and_counts() {
    let world = World::new().await;
    let tags = world.tags(&["展会", "上海"]);
    let channel = world
        .channel(json!({"tag_ids": tags, "welcome": {"text": "hi"}}))
        .await;
    let customer = world.scan_as(
        &channel,
        Scan {
            wecom_user: true,
            ..Scan::default()
        },
    );
    customer.outcome("welcome", "no_code").await;
    let outcome = customer.outcome("tags", "tagged").await;
    assert_eq!(outcome["attempts"], 1);
    customer.is_tagged(&["展会", "上海"]).await;
    assert_eq!(
        world.calls(MARK),
        1,
        "all tags of a channel are set in one call"
    );
    let relation = customer.relation().await;
    assert_eq!(relation["channel_id"], channel.id);
    assert_eq!(relation["tag_ids"].as_array().unwrap().len(), 2);
    world.counts_are(&channel, Counts::added(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remark_and_description_are_written_and_long_names_truncated() {
    let world = World::new().await;
    let channel = world
        .channel(json!({"remark": "{customer}-{channel}", "description": "from the fair"}))
        .await;
    let long = "王".repeat(30);
    for (name, remark) in [
        ("李雷", "李雷-展会".to_owned()),
        (long.as_str(), format!("{}-展会", "王".repeat(17))),
    ] {
        let customer = world.scan_as(
            &channel,
            Scan {
                name: Some(name.to_owned()),
                ..Scan::default()
            },
        );
        customer.outcome("tags", "no_tags").await;
        let relation = world
            .corp
            .relation(&customer.external_userid, &customer.userid)
            .unwrap();
        assert_eq!(relation.remark, remark);
        assert_eq!(relation.description, "from the fair");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tag_fails_with_its_code_and_the_welcome_is_sent() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"tag_ids": tags, "welcome": {"text": "hi"}}))
        .await;
    world.corp.console_deletes_tag(&tags[0]).unwrap();
    let customer = world.scan(&channel);
    customer.sees("hi").await;
    let outcome = customer.outcome("tags", "failed").await;
    assert_eq!(
        (outcome["errcode"].as_i64(), outcome["attempts"].as_i64()),
        (Some(40068), Some(1))
    );
    assert!(!outcome["reason"].as_str().unwrap().is_empty());
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_not_lost_on_45033_and_45009() {
    for codes in [[45009, 45033], [45033, 45009], [81026, 45036]] {
        let external = ExternalWorld::limited(json!({"pause": 1})).await;
        let world = external.world().await;
        let channel = tagging_channel(&world).await;
        for code in codes {
            world.wecom.faults().next(MARK, 1, Fault::Code(code));
        }
        let customer = world.scan(&channel);
        customer.is_postponed().await;
        world.counts_are(&channel, Counts::added(1)).await;
        for _ in 0..2 {
            world.time_passes(Duration::from_secs(121));
            world.tick().await;
        }
        customer.is_tagged(&["展会"]).await;
        customer.outcome("tags", "tagged").await;
        world.counts_are(&channel, Counts::added(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_wecom_delays_tags_and_loses_none() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    // One attempt at the record makes three calls; the fourth call is of the tick.
    let lost = Fault::DropConnection { after_effect: true };
    world.wecom.faults().next(MARK, 3, Fault::Http(502));
    world.wecom.faults().next(MARK, 1, lost);
    let customer = world.scan(&channel);
    let postponed = customer.is_postponed().await;
    assert_eq!(postponed["attempts"], 3, "{postponed}");
    world.counts_are(&channel, Counts::added(1)).await;
    world.time_passes(Duration::from_secs(181));
    world.tick().await;
    customer.is_tagged(&["展会"]).await;
    let outcome = customer.outcome("tags", "tagged").await;
    assert_eq!(outcome["attempts"], 4, "{outcome}");
    world.counts_are(&channel, Counts::added(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_errors_of_one_customer_are_retried_at_once() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    world.wecom.faults().next(MARK, 1, Fault::Code(45035));
    world.wecom.faults().next(MARK, 1, Fault::Code(-1));
    let customer = world.scan(&channel);
    let outcome = customer.outcome("tags", "tagged").await;
    assert_eq!(outcome["attempts"], 3);
    customer.is_tagged(&["展会"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_tags_of_one_customer_delay_no_other_customer() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    for code in [40096, 84061, 60011] {
        world.wecom.faults().next(MARK, 1, Fault::Code(code));
    }
    let customers: Vec<_> = (0..12).map(|_| world.scan(&channel)).collect();
    world.counts_are(&channel, Counts::added(12)).await;
    let mut failed = Vec::new();
    for customer in &customers {
        let contact = world
            .eventually("an outcome of tags", &customer.path(), |contact| {
                contact["timeline"][0]["tags"]["at"].is_number()
            })
            .await;
        let tags = &contact["timeline"][0]["tags"];
        if tags["outcome"] == "failed" {
            failed.push(tags["errcode"].as_i64().unwrap());
        } else {
            customer.is_tagged(&["展会"]).await;
        }
    }
    failed.sort_unstable();
    assert_eq!(failed, [40096, 60011, 84061]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pause_postpones_is_applied_once_and_the_rest_is_not_repeated() {
    let external = ExternalWorld::limited(json!({"pause": 1})).await;
    let world = external.world().await;
    let channel = tagging_channel(&world).await;
    world.wecom.pause();
    let customers: Vec<Customer<'_>> = (0..8).map(|_| world.scan(&channel)).collect();
    world.wecom.faults().next(MARK, 1, Fault::Code(45009));
    world.wecom.resume();
    for customer in &customers {
        customer.has_outcome_of_tags().await;
    }
    world.time_passes(Duration::from_secs(61));
    world.tick().await;
    for customer in &customers {
        customer.is_tagged(&["展会"]).await;
        customer.outcome("tags", "tagged").await;
    }
    let mut calls: Vec<_> = calls_by_customer(&world).into_values().collect();
    calls.sort_unstable();
    assert_eq!(calls, [1, 1, 1, 1, 1, 1, 1, 2]);
    world.counts_are(&channel, Counts::added(8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_number_of_calls_in_flight_is_not_exceeded() {
    let mut with_limit = config(&["contact"]);
    with_limit["corps"][0]["limits"] = json!({"in_flight": 5});
    let sandbox = SandboxOptions {
        latency: Duration::from_millis(50),
        calls_in_flight: 5,
        ..SandboxOptions::default()
    };
    let external = ExternalWorld::with(with_limit, sandbox).await;
    let world = external.world().await;
    sixty_are_tagged(&world).await;
    assert_eq!(world.wecom.peak_in_flight(MARK), 5);
    assert_eq!(world.calls(MARK), 60, "nothing was refused with 45033");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wecom_takes_at_once_is_found_out_and_nothing_is_lost() {
    let world = World::with(SandboxOptions {
        latency: Duration::from_millis(50),
        calls_in_flight: 5,
        ..SandboxOptions::default()
    })
    .await;
    sixty_are_tagged(&world).await;
    let calls = world.wecom.calls_of(MARK);
    let refused = calls.iter().filter(|call| call.errcode == 45033).count();
    assert_eq!(calls.len() - refused, 60, "each customer is tagged once");
    assert!(refused < 20, "{refused} were refused");
}

/// Sixty customers scan at once, and all are tagged and counted.
async fn sixty_are_tagged(world: &World) {
    let channel = tagging_channel(world).await;
    let customers: Vec<_> = (0..60).map(|_| world.scan(&channel)).collect();
    world
        .until("all customers are tagged", |_| {
            let tagged = |customer: &&Customer<'_>| {
                let tags = world.corp.tags(&customer.external_userid, &customer.userid);
                tags.len() == 1
            };
            customers.iter().filter(tagged).count() == customers.len()
        })
        .await;
    world.counts_are(&channel, Counts::added(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_another_tool_is_not_a_channel() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let customer = world.without_delivery(|| world.search("zhangsan"));
    let message = world.message(customer.events[0]);
    let (before, rest) = message.split_once("</xml>").unwrap();
    assert!(rest.is_empty() && !before.contains("<State>"), "{message}");
    world.deliver(&format!("{before}<State>other-tool-7</State></xml>"));
    customer.outcome("tags", "no_channel").await;
    assert!(customer.relation().await["channel_id"].is_null());
    assert_eq!(world.calls(MARK), 0);
    world.counts_are(&channel, Counts::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_channel_still_attributes_its_customers() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let before = world.scan(&channel);
    before.outcome("tags", "tagged").await;
    let late = world.without_delivery(|| world.scan(&channel));
    let path = format!("channels/{}", channel.id);
    world.operator.deletes(&path).await.is(204);
    world.wecom.redeliver(late.events[0]);
    for customer in [&before, &late] {
        customer.outcome("tags", "tagged").await;
        assert_eq!(customer.relation().await["channel_id"], channel.id);
    }
}
