//! Channels over the admin API: what is sent to WeCom, what is stored, and what is refused before that.

use scrm_local::operator::http_client;
use serde_json::{Value, json};
use wecom_sandbox::{Fault, VerbError};

use crate::counts::Counts;
use crate::world::{World, channel_body};

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_every_field_is_created_and_read_back() {
    let world = World::new().await;
    let tags = world.tags(&["展会", "上海"]);
    let link = json!({"msgtype": "link", "link": {"title": "t", "url": "https://example.com"}});
    let body = json!({
        "name": "上海展会", "kind": "contact_way", "users": ["zhangsan", "lisi"], "parties": [1],
        "skip_verify": false, "tag_ids": tags, "remark": "{customer}-{channel}",
        "description": "from the fair",
        "welcome": {
            "text": "{customer}您好", "attachments": [link],
            "variants": [{"weekdays": [6, 7], "from": "22:00", "to": "06:00", "text": "晚安"}],
        },
    });
    let created = world.operator.creates_channel(&body).await.is(201);
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(created[field], *value, "{field}");
    }
    assert_eq!(created["state"], created["id"]);
    assert_eq!(created["status"], "active");
    let path = format!("channels/{}", created["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await, created);

    assert_eq!(
        world.requests("add_contact_way"),
        [json!({
            "type": 2, "scene": 2, "remark": "上海展会", "skip_verify": false, "state": created["id"],
            "user": ["zhangsan", "lisi"], "party": [1],
        })]
    );
    let at_wecom = world.channels_at_wecom().await;
    assert_eq!(at_wecom.len(), 1);
    let picture = http_client()
        .get(created["qr_code"].as_str().unwrap())
        .send();
    assert_eq!(picture.await.unwrap().status(), 200);
    assert!(!created["config_id"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minimal_channel_has_the_documented_defaults() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    assert_eq!(channel.json["kind"], "contact_way");
    assert_eq!(channel.json["skip_verify"], true);
    for absent in ["remark", "description", "welcome", "link_id", "url"] {
        assert!(channel.json[absent].is_null(), "{absent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_attributes_the_customers_who_open_it() {
    let world = World::new().await;
    let tags = world.tags(&["广告"]);
    let channel = world
        .channel(json!({
            "kind": "acquisition_link", "tag_ids": tags, "welcome": {"text": "{channel}"},
        }))
        .await;
    assert_eq!(
        world.requests("create_link"),
        [json!({"link_name": "展会", "skip_verify": true, "range": {"user_list": ["zhangsan"]}})]
    );
    let url = channel.json["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("?customer_channel={}", channel.id)));
    assert!(channel.json["config_id"].is_null() && channel.json["qr_code"].is_null());

    let customer = world.customer(world.corp.scan(url, &Default::default()).unwrap());
    customer.sees("展会").await;
    customer.outcome("tags", "tagged").await;
    customer.is_tagged(&["广告"]).await;
    assert_eq!(customer.relation().await["channel_id"], channel.id);
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;

    let path = format!("channels/{}", channel.id);
    let patch = json!({"name": "广告", "users": ["lisi"]});
    let changed = world.operator.changes(&path, &patch).await.is(200);
    assert_eq!(
        world.requests("customer_acquisition/update_link"),
        [json!({
            "link_id": channel.json["link_id"], "link_name": "广告", "range": {"user_list": ["lisi"]},
        })]
    );
    assert_eq!(changed["url"], url);
    world.operator.deletes(&path).await.is(204);
    assert_eq!(world.channels_at_wecom().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_paginated_list_returns_each_channel_once() {
    let world = World::new().await;
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(world.channel(json!({})).await.id);
    }
    let (mut listed, mut pages, mut path) = (Vec::new(), 0, "channels?limit=2".to_owned());
    loop {
        let page = world.get(&path).await;
        let channels = page["channels"].as_array().unwrap();
        assert!(channels.len() <= 2);
        listed.extend(
            channels
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("channels?limit=2&cursor={next}");
    }
    created.sort_unstable();
    assert_eq!((listed, pages), (created, 3));

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("cursor=somewhere", "cursor"),
    ] {
        let page = world.operator.reads(&format!("channels?{query}")).await;
        let body = page.refused(400, "invalid_parameter");
        assert_eq!(body["field"], field, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_sends_only_changed_fields_to_wecom() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"remark": "r", "description": "d", "welcome": {"text": "hi"}}))
        .await;
    let path = format!("channels/{}", channel.id);
    let cases = [
        (json!({}), Value::Null),
        (json!({"name": "展会", "users": ["zhangsan"]}), Value::Null),
        (json!({"name": "门店"}), json!({"remark": "门店"})),
        (
            json!({"users": ["zhangsan", "lisi"]}),
            json!({"user": ["zhangsan", "lisi"]}),
        ),
        (json!({"skip_verify": false}), json!({"skip_verify": false})),
        (json!({"parties": [1]}), json!({"party": [1]})),
        (json!({"parties": null}), json!({"party": []})),
        (json!({"tag_ids": tags}), Value::Null),
        (json!({"remark": null, "description": "other"}), Value::Null),
        (json!({"welcome": {"text": "hello"}}), Value::Null),
        (
            json!({"welcome": null, "skip_verify": true}),
            json!({"skip_verify": true}),
        ),
    ];
    for (patch, sent) in cases {
        let before = world.requests("update_contact_way").len();
        let changed = world.operator.changes(&path, &patch).await.is(200);
        assert_eq!(world.get(&path).await, changed);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(changed[field], *value, "{field} after {patch}");
        }
        let mut requests = world.requests("update_contact_way").split_off(before);
        let request = requests.pop().map_or(Value::Null, |mut request| {
            let config_id = request.as_object_mut().unwrap().remove("config_id");
            assert_eq!(config_id.as_ref(), Some(&channel.json["config_id"]));
            request
        });
        assert_eq!(request, sent, "{patch}");
        assert!(requests.is_empty(), "{patch}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_patch_changes_nothing() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let path = format!("channels/{}", channel.id);
    for (patch, status, field) in [
        (json!({"kind": "acquisition_link"}), 422, json!("kind")),
        (json!({"users": []}), 422, json!("users")),
        (json!({"name": null}), 422, json!("name")),
        (json!({"nmae": "x"}), 422, json!("nmae")),
        (json!({"id": "ch0000000000000"}), 422, json!("id")),
        (json!({"tag_ids": ["etUnknown"]}), 422, json!("tag_ids[0]")),
        (json!({"users": ["nobody"]}), 422, json!("users")),
        (json!(["name"]), 400, Value::Null),
        (json!(null), 400, Value::Null),
    ] {
        let body = world.operator.changes(&path, &patch).await.is(status);
        assert_eq!(body["field"], field, "{patch}: {body}");
        assert_eq!(world.get(&path).await, channel.json, "{patch}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_channel_is_removed_here_and_at_wecom() {
    let world = World::new().await;
    let (channel, other) = (
        world.channel(json!({})).await,
        world.channel(json!({})).await,
    );
    let path = format!("channels/{}", channel.id);
    let deleted = world.operator.deletes(&path).await.is(204);
    assert_eq!(deleted, Value::Null);
    assert_eq!(
        world.requests("del_contact_way"),
        [json!({"config_id": channel.json["config_id"]})]
    );
    let scan = world.corp.scan(&channel.id, &Default::default());
    assert_eq!(scan.unwrap_err(), VerbError::NoChannel);

    world.operator.deletes(&path).await.is(404);
    world.operator.reads(&path).await.is(404);
    let stats = format!("{path}/stats");
    world.operator.reads(&stats).await.is(404);
    let patch = json!({"name": "x"});
    world.operator.changes(&path, &patch).await.is(404);
    assert_eq!(world.get("channels").await["channels"], json!([other.json]));

    // If the contact way was already deleted at WeCom, the deletion succeeds as well.
    world
        .wecom
        .faults()
        .next("del_contact_way", 1, Fault::Code(41044));
    let path = format!("channels/{}", other.id);
    world.operator.deletes(&path).await.is(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_fields_are_refused_by_name_before_wecom_is_called() {
    let world = World::new().await;
    let tags = world.tags(&["展会", "gone"]);
    world.corp.console_deletes_tag(&tags[1]).unwrap();
    let users: Vec<_> = (0..101).map(|n| format!("u{n}")).collect();
    let image =
        |image: Value| json!({"welcome": {"attachments": [{"msgtype": "image", "image": image}]}});
    for (fields, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "名".repeat(31)}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"users": []}), "users"),
        (json!({"users": users}), "users"),
        (json!({"users": ["zhang san"]}), "users[0]"),
        (json!({"users": ["lisi", "LiSi"]}), "users[1]"),
        (json!({"parties": ["one"]}), "parties[0]"),
        (json!({"kind": "poster"}), "kind"),
        (json!({"colour": "red"}), "colour"),
        (json!({"tag_ids": [tags[0], "etMistyped"]}), "tag_ids[1]"),
        (json!({"tag_ids": [tags[0], tags[1]]}), "tag_ids[1]"),
        (json!({"remark": "{member}"}), "remark"),
        (json!({"remark": "注".repeat(21)}), "remark"),
        (json!({"description": "描".repeat(151)}), "description"),
        (json!({"welcome": {}}), "welcome"),
        (json!({"welcome": {"text": ""}}), "welcome.text"),
        (
            json!({"welcome": {"text": "您".repeat(1334)}}),
            "welcome.text",
        ),
        (json!({"welcome": {"text": "{name}"}}), "welcome.text"),
        (json!({"welcome": {"txt": "hi"}}), "welcome.txt"),
        (image(json!({})), "welcome.attachments[0].image.media_id"),
        (
            image(json!({"source": "ftp://example.com/a.png"})),
            "welcome.attachments[0].image.source",
        ),
        (
            json!({"welcome": {"attachments": [{"msgtype": "link", "link": {"title": "t", "url": "example.com"}}]}}),
            "welcome.attachments[0].link.url",
        ),
        (
            json!({"welcome": {"attachments": [
                {"msgtype": "link", "link": {"title": "t", "url": "https://a", "pic_url": "p"}}
            ]}}),
            "welcome.attachments[0]",
        ),
        (
            json!({"welcome": {"variants": [{"from": "25:00", "to": "06:00", "text": "x"}]}}),
            "welcome.variants[0].from",
        ),
        (
            json!({"welcome": {"variants": [{"weekdays": [1], "txt": "x"}]}}),
            "welcome.variants[0].txt",
        ),
        (
            json!({"welcome": {"variants": [{"dates": ["2026-02-30"], "text": "x"}]}}),
            "welcome.variants[0].dates[0]",
        ),
    ] {
        let created = world.operator.creates_channel(&channel_body(&fields)).await;
        let answer = created.refused_because_of(field);
        assert!(!answer["message"].as_str().unwrap().is_empty());
    }
    let unnamed = json!({"users": ["lisi"]});
    let created = world.operator.creates_channel(&unnamed).await;
    created.refused_because_of("name");
    assert_eq!(world.calls("add_contact_way"), 0);
    assert_eq!(world.get("channels").await["channels"], json!([]));
}
