//! Relations between members and customers: status, channel and losses, for every order of events.

use serde_json::{Value, json};
use wecom_sandbox::{DeliveryMode, Scan};

use crate::counts::Counts;
use crate::customer::Customer;
use crate::world::{Channel, World, later};

async fn tagging_channel(world: &World, tag: &str) -> Channel {
    let tags = world.tags(&[tag]);
    world.channel(json!({"tag_ids": tags})).await
}

/// The customer is added again by `channel`; returns the message of the add.
fn comes_again(world: &World, customer: &Customer<'_>, channel: &Channel) -> String {
    let again = world.without_delivery(|| {
        world.scan_as(
            channel,
            Scan {
                customer: Some(customer.external_userid.clone()),
                ..Scan::default()
            },
        )
    });
    world.message(again.events[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaving_customer_is_lost_once_and_a_removed_one_is_not() {
    let world = World::new().await;
    world.wecom.set_delivery_mode(DeliveryMode {
        copies: 3,
        ..DeliveryMode::default()
    });
    let channel = tagging_channel(&world, "展会").await;
    let other = world.channel(json!({"name": "门店"})).await;
    let (left, removed, by_other) = (
        world.scan(&channel),
        world.scan(&channel),
        world.scan(&other),
    );
    for customer in [&left, &removed] {
        customer.outcome("tags", "tagged").await;
        assert_eq!(customer.relation().await["status"], "active");
    }
    by_other.outcome("tags", "no_tags").await;

    left.leaves();
    removed.is_removed();
    left.relation_is("lost").await;
    removed.relation_is("removed").await;
    assert_eq!(by_other.relation().await["status"], "active");
    assert_eq!(left.relation().await["channel_id"], channel.id);
    world.counts_are(&channel, Counts::added(2).lost(1)).await;
    world.counts_are(&other, Counts::added(1)).await;

    // The member removes the customer who left: it is still counted as one loss.
    left.is_removed();
    left.relation_is("removed").await;
    world.all_delivered().await;
    world.counts_are(&channel, Counts::added(2).lost(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_may_arrive_before_its_add() {
    let world = World::new().await;
    let channel = tagging_channel(&world, "展会").await;
    let (customer, left) = world.without_delivery(|| {
        let customer = world.scan(&channel);
        let left = customer.leaves();
        (customer, left)
    });
    world.wecom.redeliver(left[0]);
    customer.relation_is("lost").await;
    world.counts_are(&channel, Counts::default()).await;

    world.wecom.redeliver(customer.events[0]);
    customer.outcome("tags", "tagged").await;
    assert_eq!(customer.relation().await["status"], "lost");
    world.counts_are(&channel, Counts::added(1).lost(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_returns_by_another_channel_is_counted_there() {
    let world = World::new().await;
    let first = tagging_channel(&world, "展会").await;
    let second = tagging_channel(&world, "门店").await;
    let customer = world.scan(&first);
    customer.outcome("tags", "tagged").await;
    customer.leaves();
    customer.relation_is("lost").await;

    let again = comes_again(&world, &customer, &second);
    world.deliver(&later(&again, 5));
    customer.relation_is("active").await;
    customer.is_tagged(&["展会", "门店"]).await;
    let newest = |contact: &Value| {
        let entry = &contact["timeline"][0];
        entry["state"] == second.id.as_str() && entry["tags"]["outcome"] == "tagged"
    };
    world
        .eventually("tags of the second channel", &customer.path(), newest)
        .await;
    assert_eq!(customer.relation().await["channel_id"], second.id);
    world.counts_are(&first, Counts::added(1).lost(1)).await;
    world.counts_are(&second, Counts::added(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_adds_and_losses_by_one_channel_count_once() {
    let world = World::new().await;
    let channel = tagging_channel(&world, "展会").await;
    let customer = world.scan(&channel);
    customer.outcome("tags", "tagged").await;
    let left = world.message(customer.leaves()[0]);
    customer.relation_is("lost").await;
    let again = comes_again(&world, &customer, &channel);
    world.deliver(&later(&again, 5));
    customer.relation_is("active").await;
    world.deliver(&later(&left, 10));
    customer.relation_is("lost").await;
    world.all_delivered().await;
    world.counts_are(&channel, Counts::added(1).lost(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_of_one_customer_are_two_relations() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"users": ["zhangsan", "lisi"], "tag_ids": tags}))
        .await;
    let scan = |member: &str, customer: Option<String>| Scan {
        member: Some(member.to_owned()),
        customer,
        ..Scan::default()
    };
    let of_zhangsan = world.scan_as(&channel, scan("zhangsan", None));
    let known = Some(of_zhangsan.external_userid.clone());
    let of_lisi = world.scan_as(&channel, scan("lisi", known));
    for customer in [&of_zhangsan, &of_lisi] {
        customer.is_tagged(&["展会"]).await;
    }
    world.counts_are(&channel, Counts::added(2)).await;

    of_lisi.leaves();
    world.counts_are(&channel, Counts::added(2).lost(1)).await;
    assert_eq!(of_lisi.relation().await["status"], "lost");
    assert_eq!(of_zhangsan.relation().await["status"], "active");
    let contact = world.get(&of_lisi.path()).await;
    assert_eq!(contact["relations"].as_array().unwrap().len(), 2);
    assert_eq!(contact["tags"], json!(tags));
}

#[tokio::test(flavor = "multi_thread")]
async fn adds_in_the_same_second_are_not_duplicates() {
    let world = World::new().await;
    let channel = tagging_channel(&world, "展会").await;
    let customers: Vec<_> =
        world.without_delivery(|| (0..5).map(|_| world.scan(&channel)).collect());
    let time = |message: &str| {
        let (_, rest) = message.split_once("<CreateTime>").unwrap();
        rest.split_once('<').unwrap().0.parse::<i64>().unwrap()
    };
    let first = time(&world.message(customers[0].events[0]));
    for customer in &customers {
        let message = world.message(customer.events[0]);
        world.deliver(&later(&message, first - time(&message)));
    }
    for customer in &customers {
        customer.outcome("tags", "tagged").await;
    }
    world.counts_are(&channel, Counts::added(5)).await;
}
