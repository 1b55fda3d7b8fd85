//! Schedules over the admin API: what an operator writes, what takes effect at once, what is refused, and when the
//! channel is due for the sync.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::channel::ChannelId;
use domain::ports::{ChannelStore, WelcomeStore};
use domain::welcome::WelcomeOwner;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use scrm_local::config::DEMO_CORP;
use scrm_local::stack::DATA_TABLE;
use serde_json::{Value, json};
use wecom::CorpId;

use crate::external_world::ExternalWorld;
use crate::world::{Channel, World, channel_body};

/// A shift around the current time, and one that is about half a day away.
fn current_and_other_shift(world: &World) -> (Value, Value) {
    let now = world
        .time
        .now()
        .to_zoned(TimeZone::get("Asia/Shanghai").unwrap());
    let at = |hours: i64| {
        let time = now.datetime() + SignedDuration::from_hours(hours);
        json!(time.strftime("%H:%M").to_string())
    };
    (
        json!({"users": ["zhangsan"], "from": at(-3), "to": at(3)}),
        json!({"users": ["lisi"], "from": at(6), "to": at(12)}),
    )
}

fn path(channel: &Channel) -> String {
    format!("channels/{}", channel.id)
}

/// Keys and due times of the items in the due index, in order.
async fn due(world: &World) -> Vec<(String, i64)> {
    let query = world
        .dynamodb()
        .query()
        .table_name(DATA_TABLE)
        .index_name("by_due")
        .key_condition_expression("due = :corp")
        .expression_attribute_values(":corp", AttributeValue::S(DEMO_CORP.to_owned()));
    let items = query.send().await.unwrap().items.unwrap_or_default();
    let text = |item: &HashMap<String, AttributeValue>, name| item[name].as_s().unwrap().clone();
    let due = items.iter().map(|item| {
        let at = text(item, "due_at");
        assert_eq!(at.len(), 10, "{at}");
        (text(item, "sk"), at.parse().unwrap())
    });
    due.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_way_has_the_members_on_duty_after_each_change() {
    let world = World::new().await;
    let (current, other) = current_and_other_shift(&world);
    let schedule = json!({"shifts": [current, other], "backup": ["wangwu"]});
    let channel = world
        .channel(json!({"users": ["zhangsan", "lisi"], "schedule": schedule}))
        .await;
    let path = path(&channel);
    assert_eq!(channel.json["schedule"], schedule);
    assert_eq!(channel.json["on_duty"], json!(["zhangsan"]));
    let created = &world.requests("add_contact_way")[0];
    assert_eq!(created["user"], json!(["zhangsan"]));
    let until = channel.json["duty_until"].as_i64().unwrap();
    let ahead = until - world.time.second();
    assert!((2 * 3600..=3 * 3600).contains(&ahead), "{ahead}");
    assert_eq!(due(&world).await, [(channel.id.clone(), until)]);

    for (patch, on_duty, sent) in [
        (json!({}), json!(["zhangsan"]), Value::Null),
        // Neither a member who is off duty nor a limit that no member has reached changes the list.
        (
            json!({"users": ["lisi", "zhangsan"]}),
            json!(["zhangsan"]),
            Value::Null,
        ),
        (
            json!({"schedule": {"daily_limit": 5}}),
            json!(["zhangsan"]),
            Value::Null,
        ),
        (
            json!({"name": "门店"}),
            json!(["zhangsan"]),
            json!({"remark": "门店"}),
        ),
        (
            json!({"schedule": {"shifts": [other]}}),
            json!(["wangwu"]),
            json!({"user": ["wangwu"]}),
        ),
        (
            json!({"schedule": {"shifts": null, "holidays": null}}),
            json!(["lisi", "zhangsan"]),
            json!({"user": ["lisi", "zhangsan"]}),
        ),
        (
            json!({"schedule": {"shifts": [current]}}),
            json!(["zhangsan"]),
            json!({"user": ["zhangsan"]}),
        ),
        (
            json!({"schedule": null}),
            Value::Null,
            json!({"user": ["lisi", "zhangsan"]}),
        ),
    ] {
        let before = world.requests("update_contact_way").len();
        let changed = world.operator.changes(&path, &patch).await.is(200);
        assert_eq!(changed["on_duty"], on_duty, "{patch}");
        assert_eq!(world.get(&path).await, changed);
        let mut requests = world.requests("update_contact_way").split_off(before);
        let request = requests.pop().map_or(Value::Null, |mut request| {
            request.as_object_mut().unwrap().remove("config_id");
            request
        });
        assert_eq!(request, sent, "{patch}");
        assert!(requests.is_empty(), "{patch}");
    }
    assert_eq!(due(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn due_items_are_indexed_and_deleted_ones_are_not() {
    let external = ExternalWorld::new(&["contact"]).await;
    let world = external.world().await;
    let schedule = json!({"daily_limit": 5, "backup": ["lisi"]});
    let limited = world.channel(json!({"schedule": schedule})).await;
    let always = world.channel(json!({})).await;
    let midnight = limited.json["duty_until"].as_i64().unwrap();
    let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
    let shown = shanghai.to_datetime(Timestamp::from_second(midnight).unwrap());
    assert_eq!(shown.time(), jiff::civil::Time::midnight());
    assert_eq!(due(&world).await, [(limited.id.clone(), midnight)]);
    assert_eq!(always.json["on_duty"], Value::Null);

    // Old media, of a channel and of a default welcome, are due before it.
    let store = external.platform(&world.stack.dynamodb_url, "sync").store;
    let corp = CorpId::from(DEMO_CORP);
    let picture = |source: &str| -> domain::welcome::Welcome {
        let image = json!({"source": source, "media_id": "M", "uploaded_at": 1_700_000_000});
        let attachments = json!([{"msgtype": "image", "image": image}]);
        serde_json::from_value(json!({"text": "hi", "attachments": attachments})).unwrap()
    };
    let welcome = picture("https://example.com/a.png");
    let of_lisi = WelcomeOwner::Member("LiSi".into());
    store
        .put_welcome(&corp, &of_lisi, Some(&welcome))
        .await
        .unwrap();
    let id = ChannelId::parse(&always.id).unwrap();
    let mut channel = store.channel(&corp, &id).await.unwrap().unwrap();
    let read = channel.version;
    channel.version += 1;
    channel.spec.welcome = Some(welcome);
    assert!(
        store
            .put_channel(&corp, &channel, Some(read))
            .await
            .unwrap()
    );
    let expires = 1_700_000_000 + 2 * 24 * 3600;
    let mut found = due(&world).await;
    assert_eq!(found.pop(), Some((limited.id.clone(), midnight)));
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (always.id.clone(), expires),
            ("member#lisi".to_owned(), expires)
        ]
    );

    for channel in [&limited, &always] {
        world.operator.deletes(&path(channel)).await.is(204);
    }
    world.default_welcome("hi").await;
    store.put_welcome(&corp, &of_lisi, None).await.unwrap();
    assert_eq!(due(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_schedule_is_refused_with_the_name_of_the_field() {
    let world = World::new().await;
    let users: Vec<_> = (0..100).map(|n| format!("u{n}")).collect();
    let (current, other) = current_and_other_shift(&world);
    let shift = |shift: Value| json!({"schedule": {"shifts": [shift], "backup": ["lisi"]}});
    for (fields, field) in [
        (json!({"schedule": {}}), "schedule"),
        (
            json!({"schedule": {"shifts": [current]}}),
            "schedule.backup",
        ),
        (
            json!({"schedule": {"daily_limit": 5, "backup": []}}),
            "schedule.backup",
        ),
        (
            json!({"schedule": {"daily_limit": 0, "backup": ["lisi"]}}),
            "schedule.daily_limit",
        ),
        (
            json!({"schedule": {"daily_limit": -1, "backup": ["lisi"]}}),
            "schedule.daily_limit",
        ),
        (
            json!({"schedule": {"daily_limits": {"lisi": 5}, "backup": ["lisi"]}}),
            "schedule.daily_limits.lisi",
        ),
        (
            json!({"schedule": {"limit": 5, "backup": ["lisi"]}}),
            "schedule.limit",
        ),
        (
            json!({"schedule": {"daily_limit": 5, "holidays": ["2026-10-01"], "backup": ["lisi"]}}),
            "schedule.holidays",
        ),
        (
            json!({"users": users, "schedule": {"daily_limit": 5, "backup": ["lisi"]}}),
            "schedule.backup",
        ),
        (
            json!({"parties": [1], "schedule": {"daily_limit": 5, "backup": ["lisi"]}}),
            "parties",
        ),
        (
            shift(json!({"users": ["zhangsan", "lisi"]})),
            "schedule.shifts[0].users[1]",
        ),
        (shift(json!({"users": []})), "schedule.shifts[0].users"),
        (
            shift(json!({"user": ["zhangsan"]})),
            "schedule.shifts[0].user",
        ),
        (shift(json!({"from": "9:00"})), "schedule.shifts[0].from"),
        (
            shift(json!({"from": "09:00", "to": "09:00"})),
            "schedule.shifts[0].to",
        ),
        (
            shift(json!({"weekdays": [8]})),
            "schedule.shifts[0].weekdays[0]",
        ),
        // Members that WeCom does not know are refused at once, not only when their shift begins.
        (
            json!({"schedule": {"daily_limit": 5, "backup": ["lisi", "nobody"]}}),
            "schedule.backup[1]",
        ),
        (
            json!({
                "users": ["zhangsan", "nobody"],
                "schedule": {
                    "shifts": [current, {"users": ["nobody"], "from": other["from"], "to": other["to"]}],
                    "backup": ["lisi"],
                },
            }),
            "users[1]",
        ),
    ] {
        let created = world.operator.creates_channel(&channel_body(&fields)).await;
        created.refused_because_of(field);
    }
    assert_eq!(world.calls("add_contact_way"), 0);
    assert_eq!(world.get("channels").await["channels"], json!([]));
}
