//! The calls about channels and default welcomes.

use serde_json::{Value, json};
use wecom_sandbox::Scan;

use super::compare;
use crate::counts::Counts;
use crate::world::World;

/// A channel with every field.
fn complete(tags: &[String]) -> Value {
    json!({
        "name": "上海展会", "kind": "contact_way", "users": ["zhangsan", "lisi"], "skip_verify": false,
        "tag_ids": tags, "remark": "{customer}-{channel}", "description": "from the fair",
        "welcome": {
            "text": "{customer}您好",
            "attachments": [{"msgtype": "link", "link": {"title": "t", "url": "https://example.com"}}],
            "variants": [{"weekdays": ["sat", 7], "from": "22:00", "to": "06:00", "text": "晚安"}],
        },
        "schedule": {
            "shifts": [{"weekdays": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}],
            "holidays": ["2100-10-01"], "daily_limit": 50, "daily_limits": {"lisi": 20}, "backup": ["wangwu"],
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_made_read_changed_and_deleted() {
    let world = World::new().await;
    let operator = &world.operator;
    let body = complete(&world.tags(&["展会"]));
    let made = operator.post("channels", &body).await.unwrap();
    let path = format!("channels/{}", made.1["id"].as_str().unwrap());
    compare("channel_create", "POST channels", Some(&body), made);
    let read = operator.get(&path).await.unwrap();
    compare("channel_read", "GET channels/{id}", None, read);

    let patch = json!({"name": "门店", "schedule": null, "remark": null});
    let changed = operator.patch(&path, &patch).await.unwrap();
    compare(
        "channel_change",
        "PATCH channels/{id}",
        Some(&patch),
        changed,
    );

    let smallest = json!({"name": "广告", "users": ["zhangsan"]});
    let made = operator.post("channels", &smallest).await.unwrap();
    compare(
        "channel_create_smallest",
        "POST channels",
        Some(&smallest),
        made,
    );
    for (name, call) in [
        ("channel_list", "channels"),
        ("channel_list_page", "channels?limit=2"),
    ] {
        let (status, mut page) = operator.get(call).await.unwrap();
        // The order is that of ids, which are random.
        let channels = page["channels"].as_array_mut().unwrap();
        channels.sort_by_key(|channel| channel["name"].to_string());
        compare(name, &format!("GET {call}"), None, (status, page));
    }

    let deleted = operator.delete(&path).await.unwrap();
    compare("channel_delete", "DELETE channels/{id}", None, deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquisition_link_is_a_channel_with_an_address() {
    let world = World::new().await;
    let body = json!({"name": "广告", "kind": "acquisition_link", "users": ["zhangsan"]});
    let made = world.operator.post("channels", &body).await.unwrap();
    compare("channel_create_link", "POST channels", Some(&body), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_have_a_row_for_each_day_and_the_sum() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let customer = world.scan_as(&channel, Scan::default());
    customer.outcome("welcome", "sent").await;
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
    let path = format!(
        "channels/{}/stats?from=2100-06-15&to=2100-06-16",
        channel.id
    );
    let stats = world.operator.get(&path).await.unwrap();
    let call = "GET channels/{id}/stats?from=2100-06-15&to=2100-06-16";
    compare("channel_stats", call, None, stats);
}

#[tokio::test(flavor = "multi_thread")]
async fn default_welcomes_are_read_and_written() {
    let world = World::new().await;
    let operator = &world.operator;
    let empty = operator.get("welcome").await.unwrap();
    compare("welcome_read_empty", "GET welcome", None, empty);
    let body = json!({
        "corp": {"text": "{customer}您好"},
        "members": {"lisi": {
            "text": "hi",
            "variants": [{"dates": ["2100-10-01"], "text": "holiday"}],
            "attachments": [{"msgtype": "link", "link": {"title": "t", "url": "https://example.com"}}],
        }},
    });
    let written = operator.put("welcome", &body).await.unwrap();
    compare("welcome_write", "PUT welcome", Some(&body), written);
    let read = operator.get("welcome").await.unwrap();
    compare("welcome_read", "GET welcome", None, read);
}
