//! The calls about customers and events.

use serde_json::json;
use wecom_sandbox::Scan;

use super::compare;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_a_profile_relations_tags_and_a_timeline() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let fields = json!({"tag_ids": tags, "remark": "{customer}-展会", "welcome": {"text": "hi"}});
    let channel = world.channel(fields).await;
    let scan = Scan {
        name: Some("王小明".to_owned()),
        ..Scan::default()
    };
    let customer = world.scan_as(&channel, scan);
    customer.outcome("welcome", "sent").await;
    customer.outcome("tags", "tagged").await;
    let contact = world.operator.get(&customer.path()).await.unwrap();
    let unionid = contact.1["profile"]["unionid"].clone();
    let event = contact.1["timeline"][0]["event_id"].clone();
    compare(
        "contact_read",
        "GET contacts/{external_userid}",
        None,
        contact,
    );

    let path = format!("events/{}", event.as_str().unwrap());
    let event = world.operator.get(&path).await.unwrap();
    compare("event_read", "GET events/{event_id}", None, event);

    let path = format!("contacts?unionid={}", unionid.as_str().unwrap());
    let found = world.operator.get(&path).await.unwrap();
    compare("contacts_of_unionid", "GET contacts?unionid=", None, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_of_no_channel_shows_why_nothing_was_done_and_that_he_left() {
    let world = World::new().await;
    let scan = Scan {
        name: Some("李雷".to_owned()),
        ..Scan::default()
    };
    let customer = world.customer(world.corp.add_by_search("zhangsan", &scan).unwrap());
    customer.outcome("welcome", "no_template").await;
    customer.outcome("tags", "no_channel").await;
    world.time_passes(std::time::Duration::from_secs(5));
    customer.leaves();
    customer.relation_is("lost").await;
    let contact = world.operator.get(&customer.path()).await.unwrap();
    compare(
        "contact_read_lost",
        "GET contacts/{external_userid}",
        None,
        contact,
    );
    let nobody = world.operator.get("contacts?unionid=nobody").await.unwrap();
    compare(
        "contacts_of_unionid_none",
        "GET contacts?unionid=",
        None,
        nobody,
    );
}
