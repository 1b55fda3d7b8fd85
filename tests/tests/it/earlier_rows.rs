//! Rows as the previous release wrote them: times in whole seconds, without microseconds.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use scrm_local::stack::DATA_TABLE;
use serde_json::Value;
use wecom_sandbox::{Growth, Scan};

use crate::copy;
use crate::world::World;

/// Removes the microseconds from every row of the data table, and returns the number of changed rows.
async fn without_microseconds(world: &World) -> usize {
    let dynamodb = world.dynamodb();
    let rows = dynamodb.scan().table_name(DATA_TABLE).send().await.unwrap();
    let mut changed = 0;
    for mut row in rows.items.unwrap() {
        let before = row.clone();
        row.remove("read_us");
        row.remove("since_us");
        for column in ["relation", "value", "profile"] {
            let Some(text) = row.get(column).and_then(|text| text.as_s().ok()) else {
                continue;
            };
            let mut json: Value = serde_json::from_str(text).unwrap();
            if let Some(fields) = json.as_object_mut() {
                fields.remove("observed_us");
                fields.remove("read_us");
                row.insert(column.to_owned(), AttributeValue::S(json.to_string()));
            }
        }
        if row != before {
            changed += 1;
            let put = dynamodb.put_item().table_name(DATA_TABLE);
            put.set_item(Some(row)).send().await.unwrap();
        }
    }
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_microseconds_are_read_and_replaced() {
    let world = World::new().await;
    let growth = Growth {
        relations: 12,
        groups: 2,
        ..Growth::default()
    };
    world.corp.grow(&growth).unwrap();
    let tags = world.tags(&["展会"]);
    world
        .scan(&world.channel_with_welcome("hi").await)
        .sees("hi")
        .await;
    world.reconcile().await;
    copy::agrees(&world).await;
    assert!(without_microseconds(&world).await > 12);

    // The rows are readable, and a reading in a later second replaces those that differ.
    copy::agrees(&world).await;
    world.time_passes(Duration::from_secs(1));
    world.without_delivery(|| {
        let gone = world.corp.truth().relations.remove(0);
        let (customer, member) = (&gone.external_userid, &gone.userid);
        world.corp.member_removes(customer, member).unwrap();
        world.corp.add_by_search("lisi", &Scan::default()).unwrap();
        world.corp.console_renames_tag(&tags[0], "门店").unwrap();
    });
    world.reconcile().await;
    copy::agrees(&world).await;
    let last = world.get("sync").await["last"].take();
    assert_eq!(last["lost"], 1, "{last}");
}
