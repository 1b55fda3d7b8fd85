//! Repairs of missing tags: an event was lost, or WeCom refused calls when the event was handled.

use aws_sdk_dynamodb::types::AttributeValue;
use scrm_local::stack::DATA_TABLE;
use serde_json::{Value, json};
use wecom_sandbox::{Fault, MemberEdit};

use crate::counts::Counts;
use crate::customer::Customer;
use crate::world::{Channel, World};

const MARK: &str = "mark_tag";

async fn tagging_channel(world: &World) -> Channel {
    let tags = world.tags(&["展会"]);
    world.channel(json!({"tag_ids": tags})).await
}

/// Makes all waiting items of this kind due now, and returns their number.
pub(crate) async fn make_due(world: &World, kind: &str) -> usize {
    let dynamodb = world.dynamodb();
    let rows = dynamodb
        .scan()
        .table_name(DATA_TABLE)
        .filter_expression("attribute_exists(due_at) AND contains(sk, :kind)")
        .expression_attribute_values(":kind", AttributeValue::S(kind.to_owned()));
    let rows = rows.send().await.unwrap().items.unwrap_or_default();
    for row in &rows {
        let update = dynamodb.update_item().table_name(DATA_TABLE);
        let update = update
            .key("pk", row["pk"].clone())
            .key("sk", row["sk"].clone());
        let past = format!("{:010}", world.time.second() - 1);
        let update = update
            .update_expression("SET due_at = :past")
            .expression_attribute_values(":past", AttributeValue::S(past));
        update.send().await.unwrap();
    }
    rows.len()
}

async fn last(world: &World) -> Value {
    world.get("sync").await["last"].take()
}

/// Defect of MarketGo: without a welcome code it sets no tags and counts nothing. Here not even the event arrives.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_without_any_event_is_tagged_and_counted() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let missed: Vec<Customer<'_>> =
        world.without_delivery(|| (0..5).map(|_| world.scan(&channel)).collect());
    world.reconcile().await;
    for customer in &missed {
        customer.is_tagged(&["展会"]).await;
        let relation = customer.relation().await;
        assert_eq!(relation["channel_id"], channel.id);
        assert_eq!(relation["tag_ids"].as_array().unwrap().len(), 1);
    }
    world.counts_are(&channel, Counts::added(5)).await;
    assert_eq!(last(&world).await["repaired"], 5);
    // The events arrive late and change nothing; neither does another run.
    for customer in &missed {
        world.wecom.redeliver(customer.events[0]);
        customer.outcome("tags", "tagged").await;
    }
    world.reconcile().await;
    assert_eq!(last(&world).await["repaired"], 0);
    world.counts_are(&channel, Counts::added(5)).await;
}

/// Defect of LinkWeChat, OpenSCRM, MoChat, iYque: tags lost on 45033/45009 are never repaired.
#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_repairs_failed_tags_and_updates_the_timeline() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    world.wecom.faults().next(MARK, 1, Fault::Code(60011));
    world.wecom.faults().next(MARK, 3, Fault::Code(-1));
    let customers = [world.scan(&channel), world.scan(&channel)];
    for customer in &customers {
        customer.outcome("tags", "failed").await;
    }
    world.reconcile().await;
    for customer in &customers {
        customer.is_tagged(&["展会"]).await;
        let outcome = customer.outcome("tags", "tagged").await;
        assert!(outcome["attempts"].as_i64() > Some(1), "{outcome}");
        assert!(outcome["reason"].is_string(), "{outcome}");
    }
    world.counts_are(&channel, Counts::added(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_failed_temporarily_are_retried_when_due() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    world.wecom.faults().next(MARK, 3, Fault::Code(-1));
    let customer = world.scan(&channel);
    let outcome = customer.outcome("tags", "failed").await;
    assert_eq!(
        (&outcome["errcode"], &outcome["attempts"]),
        (&json!(-1), &json!(3))
    );
    world.all_delivered().await;
    let tick = world.tick().await;
    assert_eq!(tick["due"], 0, "the retry is due only in minutes: {tick}");
    assert_eq!(make_due(&world, "tags#").await, 1);
    // It fails once more, and is due again later.
    world.wecom.faults().next(MARK, 3, Fault::Code(-1));
    world.tick().await;
    let outcome = customer.outcome("tags", "failed").await;
    assert!(outcome["attempts"].as_i64() > Some(3), "{outcome}");
    assert_eq!(make_due(&world, "tags#").await, 1);
    world.tick().await;
    customer.is_tagged(&["展会"]).await;
    customer.outcome("tags", "tagged").await;
    assert_eq!(make_due(&world, "tags#").await, 0, "no retry is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_removed_by_a_person_is_not_set_again() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let (with_event, without_event) = (world.scan(&channel), world.scan(&channel));
    for customer in [&with_event, &without_event] {
        customer.outcome("tags", "tagged").await;
    }
    let tags = world
        .corp
        .tags(&with_event.external_userid, &with_event.userid);
    let edit = MemberEdit {
        remove_tags: vec![tags[0].id.clone()],
        ..MemberEdit::default()
    };
    let remove_tag = |customer: &Customer<'_>| {
        let edited = world
            .corp
            .member_edits(&customer.external_userid, &customer.userid, &edit);
        edited.unwrap();
    };
    remove_tag(&with_event);
    world.without_delivery(|| remove_tag(&without_event));
    let calls = world.calls(MARK);
    world
        .tick_until(|tick| tick["folded"].as_u64() > Some(0))
        .await;
    for _ in 0..2 {
        world.reconcile().await;
        assert_eq!(last(&world).await["repaired"], 0);
    }
    assert_eq!(world.calls(MARK), calls);
    for customer in [&with_event, &without_event] {
        assert_eq!(customer.relation().await.get("tag_ids"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tag_is_skipped_and_the_other_tags_are_set() {
    let world = World::new().await;
    let tags = world.tags(&["展会", "上海"]);
    let channel = world.channel(json!({"tag_ids": tags})).await;
    world.corp.console_deletes_tag(&tags[0]).unwrap();
    let missed: Vec<Customer<'_>> =
        world.without_delivery(|| (0..4).map(|_| world.scan(&channel)).collect());
    world.reconcile().await;
    for customer in &missed {
        customer.is_tagged(&["上海"]).await;
    }
    assert_eq!(
        world.calls(MARK),
        4,
        "one call per customer, none of them refused"
    );
    world.reconcile().await;
    assert_eq!(world.calls(MARK), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_repair_blocks_neither_other_customers_nor_the_run() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let missed: Vec<Customer<'_>> =
        world.without_delivery(|| (0..6).map(|_| world.scan(&channel)).collect());
    world.wecom.faults().next(MARK, 1, Fault::Code(60011));
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    let last = last(&world).await;
    assert_eq!(
        (&last["repaired"], &last["error"]),
        (&json!(5), &json!(null))
    );
    world.reconcile().await;
    for customer in &missed {
        customer.is_tagged(&["展会"]).await;
    }
    world.counts_are(&channel, Counts::added(6)).await;
}
