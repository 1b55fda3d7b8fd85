//! The answers to calls that are refused, by status.

use std::time::Duration;

use reqwest::Method;
use scrm_local::config::DEMO_CORP;
use scrm_local::functions::admin_function;
use scrm_local::operator::Answer;
use serde_json::{Value, json};
use wecom_sandbox::Fault;

use super::compare;
use crate::admin::{ask, send};
use crate::external_world::ExternalWorld;
use crate::operator::Operator;
use crate::unfilled::{NO_TABLES, invoke, request};
use crate::world::World;

const ADD: &str = "add_contact_way";

fn smallest() -> Value {
    json!({"name": "展会", "users": ["zhangsan"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_400() {
    let world = World::new().await;
    let not_json = send(&world, Method::POST, "channels", "{\n  name").await;
    compare("refusal_400_not_json", "POST channels", None, not_json);
    let channel = world.channel(json!({})).await;
    let (path, list) = (format!("channels/{}", channel.id), json!(["name"]));
    let no_object = world.operator.patch(&path, &list).await.unwrap();
    compare(
        "refusal_400_no_object",
        "PATCH channels/{id}",
        Some(&list),
        no_object,
    );
    for (name, call, path) in [
        (
            "limit",
            "GET channels?limit=101",
            "channels?limit=101".to_owned(),
        ),
        (
            "cursor",
            "GET channels?cursor=x",
            "channels?cursor=x".to_owned(),
        ),
        ("no_unionid", "GET contacts", "contacts".to_owned()),
        (
            "no_date",
            "GET channels/{id}/stats?from=x",
            format!("{path}/stats?from=x"),
        ),
        (
            "span",
            "GET channels/{id}/stats?from=2100-01-01&to=2100-12-31",
            format!("{path}/stats?from=2100-01-01&to=2100-12-31"),
        ),
    ] {
        let answer = world.operator.get(&path).await.unwrap();
        compare(&format!("refusal_400_{name}"), call, None, answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_key_is_refused_with_401() {
    let world = World::new().await;
    let (status, text) = ask(&world, &format!("{DEMO_CORP}/channels"), None).await;
    let answer: Answer = (status, serde_json::from_str(&text).unwrap());
    compare("refusal_401", "GET channels", None, answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_refused_with_404() {
    let world = World::new().await;
    for (name, call, path) in [
        (
            "channel",
            "GET channels/{id}",
            "channels/ch0000000000000".to_owned(),
        ),
        (
            "contact",
            "GET contacts/{external_userid}",
            "contacts/wmNobody".to_owned(),
        ),
        (
            "event",
            "GET events/{event_id}",
            format!("events/{}", "0".repeat(64)),
        ),
        ("call", "GET chanels", "chanels".to_owned()),
    ] {
        let answer = world.operator.get(&path).await.unwrap();
        compare(&format!("refusal_404_{name}"), call, None, answer);
    }
    let key = &world.stack.keys.admin_keys[0];
    let nowhere = Operator::new(&world.stack.url, "wwunknown", key, &world.time);
    let answer = nowhere.get("channels").await.unwrap();
    compare("refusal_404_corp", "GET channels", None, answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_loses_a_race_is_refused_with_409() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let path = format!("channels/{}", channel.id);
    let faults = world.wecom.faults();
    faults.next(
        "update_contact_way",
        1,
        Fault::Slow(Duration::from_millis(500)),
    );
    // The slow call is under way until the other change is done.
    let held = world.time.hold();
    let (loser, slow_path) = (world.operator.clone(), path.clone());
    let slower = tokio::spawn(async move {
        let patch = json!({"name": "慢"});
        loser.patch(&slow_path, &patch).await.unwrap()
    });
    let is_slow = "the slow change is at WeCom";
    world
        .until(is_slow, |wecom| wecom.faults().waiting() == 0)
        .await;
    let patch = json!({"name": "快"});
    let (status, answer) = world.operator.patch(&path, &patch).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    drop(held);
    let answer = slower.await.unwrap();
    compare(
        "refusal_409_conflict",
        "PATCH channels/{id}",
        Some(&json!({"name": "慢"})),
        answer,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_an_app_that_is_not_configured_is_refused_with_409() {
    let mut external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    let channel = world.channel(json!({})).await;
    external.remove("contact");
    // The configuration is read again by then.
    world.time_passes(Duration::from_secs(300));
    let patch = json!({"name": "新展会"});
    let path = format!("channels/{}", channel.id);
    let answer = world.operator.patch(&path, &patch).await.unwrap();
    compare(
        "refusal_409_app_not_configured",
        "PATCH channels/{id}",
        Some(&patch),
        answer,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_cannot_be_accepted_is_refused_with_422() {
    let world = World::new().await;
    let limited = json!({"daily_limit": 5, "backup": ["nobody"]});
    let variant = json!({"from": "25:00", "to": "06:00", "text": "x"});
    for (name, fields) in [
        ("no_users", json!({"users": []})),
        ("unknown_field", json!({"colour": "red"})),
        ("kind", json!({"kind": "poster"})),
        ("tag", json!({"tag_ids": ["otMistyped"]})),
        ("nested_field", json!({"welcome": {"variants": [variant]}})),
        (
            "source",
            json!({"welcome": {"attachments": [
                {"msgtype": "image", "image": {"source": "ftp://example.com/a.png"}}
            ]}}),
        ),
        ("backup", json!({"schedule": limited})),
        ("by_wecom", json!({"users": ["zhangsan", "nobody"]})),
    ] {
        let mut body = smallest();
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let answer = world.operator.post("channels", &body).await.unwrap();
        compare(
            &format!("refusal_422_{name}"),
            "POST channels",
            Some(&body),
            answer,
        );
    }
    let body = json!({"members": {"lisi": {"txt": "x"}}});
    let answer = world.operator.put("welcome", &body).await.unwrap();
    compare("refusal_422_welcome", "PUT welcome", Some(&body), answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wecom_refuses_or_loses_is_refused_with_429_or_502() {
    let world = World::new().await;
    let body = smallest();
    for (name, code) in [("429_limit", 45033), ("502_wecom", 48002)] {
        world.wecom.faults().next(ADD, 1, Fault::Code(code));
        let answer = world.operator.post("channels", &body).await.unwrap();
        compare(
            &format!("refusal_{name}"),
            "POST channels",
            Some(&body),
            answer,
        );
    }
    let lost = Fault::DropConnection { after_effect: true };
    let faults = world.wecom.faults();
    faults.next(ADD, 1, lost);
    faults.next("list_contact_way", 1, Fault::Http(502));
    let answer = world.operator.post("channels", &body).await.unwrap();
    compare("refusal_502_unclear", "POST channels", Some(&body), answer);

    let listed = world.get("channels").await;
    let id = listed["channels"][0]["id"].as_str().unwrap();
    let answer = world
        .operator
        .delete(&format!("channels/{id}"))
        .await
        .unwrap();
    compare("refusal_409_creating", "DELETE channels/{id}", None, answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_without_a_configuration_refuses_with_502() {
    let external = ExternalWorld::new(&["contact"]).await;
    external.fill(false);
    let admin = admin_function(external.platform(NO_TABLES, "admin"));
    let call = request("GET", &format!("/admin/corps/{DEMO_CORP}/channels"));
    let (status, body) = invoke(&admin, &call).await.unwrap();
    let answer: Answer = (
        u16::try_from(status).unwrap(),
        serde_json::from_str(&body).unwrap(),
    );
    compare("refusal_502_not_configured", "GET channels", None, answer);
}
