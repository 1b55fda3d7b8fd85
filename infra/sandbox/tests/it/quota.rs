//! The acquisition quota, and what happens to links outside the API.

use serde_json::json;
use wecom_sandbox::{EventId, VerbError};

use crate::support::{World, code, field, world};

fn change(world: &World, events: &[EventId]) -> Option<String> {
    let event = world.sandbox.event(*events.first()?)?;
    assert_eq!(
        field(&event.xml, "Event").as_deref(),
        Some("customer_acquisition")
    );
    field(&event.xml, "ChangeType")
}

#[tokio::test]
async fn the_balance_falls_and_rises_and_is_told_of_at_its_marks() {
    let world = world().await;
    let corp = &world.corp;
    for (used, expected) in [
        (970, None),
        (10, None),
        (1, Some("balance_low")),
        (1, None),
        (18, Some("balance_exhausted")),
        (1, None),
    ] {
        let events = corp.quota_is_used(used).expect("published");
        assert_eq!(change(&world, &events).as_deref(), expected, "{used}");
    }
    let quota = "externalcontact/customer_acquisition_quota";
    let empty = world.get(quota, "").await;
    assert_eq!(
        (&empty["total"], &empty["balance"], &empty["quota_list"]),
        (&json!(1000), &json!(0), &json!([]))
    );
    for (customers, expires, expected) in [
        (50, 1_900_000_000, Some("balance_increased")),
        (30, 1_800_000_000, None),
    ] {
        let events = corp.quota_is_bought(customers, expires).expect("published");
        assert_eq!(change(&world, &events).as_deref(), expected);
    }
    let answer = world.get(quota, "").await;
    assert_eq!(answer["balance"], 80);
    assert_eq!(
        answer["quota_list"],
        json!([{"expire_date": 1_800_000_000, "balance": 30}, {"expire_date": 1_900_000_000, "balance": 50}])
    );
    let events = corp.quota_expires_soon().expect("published");
    let event = world.sandbox.event(events[0]).expect("known");
    for (name, expected) in [
        ("ChangeType", "quota_expire_soon"),
        ("ExpireTime", "1800000000"),
        ("ExpireQuotaNum", "30"),
    ] {
        assert_eq!(field(&event.xml, name).as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn of_a_link_only_its_app_is_told() {
    let world = world().await;
    let make = json!({"link_name": "a", "range": {"user_list": ["lisi"]}});
    let api = "externalcontact/customer_acquisition/create_link";
    let own = world.post(api, make.clone()).await;
    let own = own["link"]["link_id"].as_str().expect("a link");
    let foreign = world.post_as("other", api, make).await;
    let foreign = foreign["link"]["link_id"].as_str().expect("a link");
    let unavailable = world.corp.link_is_unavailable(own).expect("there");
    assert_eq!(
        change(&world, &unavailable).as_deref(),
        Some("link_unavailable")
    );
    let of_other = world.corp.link_is_unavailable(foreign).expect("there");
    assert!(of_other.is_empty(), "the other app has no callback");

    let deleted = world.corp.console_deletes_link(own).expect("there");
    assert_eq!(change(&world, &deleted).as_deref(), Some("delete_link"));
    let event = world.sandbox.event(deleted[0]).expect("known");
    assert_eq!(field(&event.xml, "LinkId").as_deref(), Some(own));
    let get = "externalcontact/customer_acquisition/get";
    let gone = world.post(get, json!({"link_id": own})).await;
    assert_eq!(code(&gone), 40058);
    let again = world.corp.console_deletes_link(own);
    assert_eq!(again.unwrap_err(), VerbError::NoChannel);
}
