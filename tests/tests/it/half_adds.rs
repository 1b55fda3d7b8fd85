//! Half adds: the customer came by a channel without verification, and the member has not confirmed yet.

use serde_json::{Value, json};
use wecom_sandbox::{DeliveryMode, Scan};

use crate::counts::Counts;
use crate::customer::Customer;
use crate::world::{Channel, World};

const HALF: &str = "add_half_external_contact";
const FULL: &str = "add_external_contact";

async fn tagging_channel(world: &World) -> Channel {
    let tags = world.tags(&["展会"]);
    world
        .channel(json!({"welcome": {"text": "hi"}, "tag_ids": tags}))
        .await
}

fn half_scan<'a>(world: &'a World, channel: &Channel) -> Customer<'a> {
    world.scan_as(
        channel,
        Scan {
            half: true,
            ..Scan::default()
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_add_is_welcomed_at_once_and_tagged_on_confirmation() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let customer = half_scan(&world, &channel);
    customer.sees("hi").await;
    customer.outcome_of(HALF, "welcome", "sent").await;
    let waiting = customer.outcome_of(HALF, "tags", "pending").await;
    assert_eq!(waiting["errcode"], 84061);
    assert!(waiting["reason"].as_str().unwrap().contains("confirm"));
    assert_eq!(customer.relation().await["unconfirmed"], true);

    customer.is_confirmed();
    customer.is_tagged(&["展会"]).await;
    customer.outcome_of(FULL, "tags", "tagged").await;
    customer.outcome_of(FULL, "welcome", "no_code").await;
    assert_eq!(customer.relation().await["unconfirmed"], Value::Null);
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
    assert_eq!(world.calls("send_welcome_msg"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_add_without_a_welcome_is_welcomed_on_confirmation() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let customer = half_scan(&world, &channel);
    customer.outcome_of(HALF, "welcome", "no_template").await;
    world.default_welcome("welcome").await;
    customer.is_confirmed();
    customer.sees("welcome").await;
    customer.outcome_of(FULL, "welcome", "sent").await;
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_add_may_arrive_before_the_half_add() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let (customer, full) = world.without_delivery(|| {
        let customer = half_scan(&world, &channel);
        let full = customer.is_confirmed();
        (customer, full)
    });
    world.wecom.redeliver(full[0]);
    customer.outcome_of(FULL, "welcome", "sent").await;
    customer.outcome_of(FULL, "tags", "tagged").await;

    world.wecom.redeliver(customer.events[0]);
    customer
        .outcome_of(HALF, "welcome", "already_welcomed")
        .await;
    customer.outcome_of(HALF, "tags", "tagged").await;
    customer.sees("hi").await;
    customer.is_tagged(&["展会"]).await;
    let relation = customer.relation().await;
    assert_eq!(
        (&relation["status"], &relation["unconfirmed"]),
        (&json!("active"), &Value::Null)
    );
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redeliveries_of_both_adds_count_no_customer_twice() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    world.wecom.set_delivery_mode(DeliveryMode {
        copies: 3,
        ..DeliveryMode::default()
    });
    let customer = half_scan(&world, &channel);
    customer.sees("hi").await;
    customer.is_confirmed();
    customer.is_tagged(&["展会"]).await;
    customer.outcome_of(FULL, "tags", "tagged").await;
    customer.leaves();
    customer.relation_is("lost").await;
    world.all_delivered().await;

    // The next customer is handled after all earlier events.
    let next = world.scan(&channel);
    next.sees("hi").await;
    next.outcome("tags", "tagged").await;
    world
        .counts_are(&channel, Counts::added(2).lost(1).welcomed(2))
        .await;
    assert_eq!(customer.texts(), ["hi"]);
    assert_eq!(world.calls("send_welcome_msg"), 2);
    let is_customer = |tagged: &&String| **tagged == customer.external_userid;
    // One call for the half add, which stays pending, and one for the full add.
    assert_eq!(
        world
            .customers_of("mark_tag")
            .iter()
            .filter(is_customer)
            .count(),
        2
    );
}
