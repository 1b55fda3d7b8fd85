//! Channels while WeCom refuses, is unavailable or loses responses, and while two operators change the same channel.

use std::time::Duration;

use scrm_local::operator::http_client;
use serde_json::{Value, json};
use wecom_sandbox::Fault;

use crate::external_world::ExternalWorld;
use crate::world::{Channel, World};

const ADD: &str = "add_contact_way";
const UPDATE: &str = "update_contact_way";

fn smallest() -> Value {
    json!({"name": "展会", "users": ["zhangsan"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wecom_refusal_returns_its_code_and_creates_nothing() {
    let world = World::new().await;
    let body = json!({"name": "展会", "users": ["zhangsan", "nobody"]});
    let created = world.operator.creates_channel(&body).await;
    let answer = created.refused(422, "refused_by_wecom");
    assert_eq!(
        (&answer["field"], &answer["errcode"]),
        (&json!("users"), &json!(60111))
    );
    for (code, status, error) in [
        (45033, 429, "wecom_limit"),
        (-1, 502, "wecom_error"),
        (48002, 502, "wecom_error"),
        (60011, 422, "refused_by_wecom"),
        // The last case, because the API is paused after it.
        (45009, 429, "wecom_limit"),
    ] {
        world.wecom.faults().next(ADD, 1, Fault::Code(code));
        let created = world.operator.creates_channel(&smallest()).await;
        let answer = created.refused(status, error);
        assert_eq!(answer["errcode"], code);
        let message = answer["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.contains("hint:"),
            "{message}"
        );
    }
    let calls = world.calls(ADD);
    let created = world.operator.creates_channel(&smallest()).await;
    assert_eq!(created.refused(429, "wecom_limit")["errcode"], 45009);
    assert_eq!(world.calls(ADD), calls, "a paused API is not called");
    assert_eq!(world.get("channels").await["channels"], json!([]));
    assert_eq!(world.channels_at_wecom().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_creates_no_duplicate_contact_way_or_link() {
    let world = World::new().await;
    for (kind, api, id) in [
        ("contact_way", ADD, "config_id"),
        ("acquisition_link", "create_link", "link_id"),
    ] {
        for after_effect in [true, false] {
            let lost = Fault::DropConnection { after_effect };
            let (calls, existing) = (world.calls(api), world.channels_at_wecom().await.len());
            world.wecom.faults().next(api, 1, lost);
            let channel = world.channel(json!({"kind": kind})).await;
            assert_eq!(channel.json["status"], "active");
            assert!(!channel.json[id].as_str().unwrap().is_empty());
            let more = if after_effect { 1 } else { 2 };
            assert_eq!(world.calls(api) - calls, more, "{kind}, {after_effect}");
            assert_eq!(world.channels_at_wecom().await.len() - existing, 1);
        }
    }
    let channels = world.get("channels").await["channels"].clone();
    let ids = |name: &str| -> std::collections::BTreeSet<String> {
        let channels = channels.as_array().unwrap().iter();
        channels
            .filter_map(|one| one[name].as_str().map(str::to_owned))
            .collect()
    };
    // The second link has the same name as the first, and is nevertheless a different link.
    assert_eq!((ids("config_id").len(), ids("link_id").len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_unknown_creation_result_is_resolved_once_later() {
    let world = World::new().await;
    let lost = Fault::DropConnection { after_effect: true };
    world.wecom.faults().next(ADD, 1, lost);
    world
        .wecom
        .faults()
        .next("list_contact_way", 1, Fault::Http(502));
    let created = world.operator.creates_channel(&smallest()).await;
    let answer = created.refused(502, "unclear");
    let id = world.get("channels").await["channels"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(answer["message"].as_str().unwrap().contains(&id));

    let path = format!("channels/{id}");
    assert_eq!(world.get(&path).await["status"], "creating");
    let rename = json!({"name": "x"});
    for answered in [
        world.operator.deletes(&path).await,
        world.operator.changes(&path, &rename).await,
    ] {
        let answer = answered.refused(409, "conflict");
        assert!(answer["message"].as_str().unwrap().contains("being made"));
    }

    backdate_channel(&world, &id, 120).await;
    let requests = (0..5).map(|_| world.operator.get(&path));
    for response in futures::future::join_all(requests).await {
        assert_eq!(response.unwrap().0, 200);
    }
    let settled = world.get(&path).await;
    assert_eq!(settled["status"], "active");
    assert_eq!(world.calls(ADD), 1);
    assert_eq!(
        world.calls("list_contact_way"),
        2,
        "only one of five requests looked it up"
    );
    assert_eq!(world.channels_at_wecom().await.len(), 1);
    world.operator.deletes(&path).await.is(204);
}

/// Calls the embedded DynamoDB directly; it does not check signatures.
async fn dynamodb(world: &World, call: &str, body: &Value) -> Value {
    let request = http_client().post(&world.stack.dynamodb_url);
    let request = request
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20261123T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=0",
        )
        .header("x-amz-target", format!("DynamoDB_20120810.{call}"));
    let answer = request.body(body.to_string()).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert!(answer["__type"].is_null(), "{call}: {answer}");
    answer
}

/// Moves the times of a stored channel into the past by this many seconds.
async fn backdate_channel(world: &World, id: &str, seconds: i64) {
    let key = json!({"pk": {"S": format!("{}#channels", world.corp.id())}, "sk": {"S": id}});
    let read = json!({"TableName": "data", "Key": key, "ConsistentRead": true});
    let mut item = dynamodb(world, "GetItem", &read).await["Item"].take();
    let mut channel: Value = serde_json::from_str(item["channel"]["S"].as_str().unwrap()).unwrap();
    for time in ["created_at", "updated_at"] {
        channel[time] = json!(channel[time].as_i64().unwrap() - seconds);
    }
    item["channel"]["S"] = json!(channel.to_string());
    let write = json!({"TableName": "data", "Item": item});
    dynamodb(world, "PutItem", &write).await;
}

/// The contact way at WeCom: all changes applied in the order of the responses.
fn at_wecom(world: &World) -> Value {
    let mut way = world.requests(ADD).remove(0);
    for request in world.requests(UPDATE) {
        let fields = request.as_object().unwrap().clone();
        way.as_object_mut().unwrap().extend(fields);
    }
    way
}

async fn agree(world: &World, channel: &Channel) -> Value {
    let stored = world.get(&format!("channels/{}", channel.id)).await;
    let way = at_wecom(world);
    assert_eq!(
        (&stored["name"], &stored["users"], &stored["skip_verify"]),
        (&way["remark"], &way["user"], &way["skip_verify"])
    );
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_race_gets_409_and_wecom_keeps_the_winner() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let path = format!("channels/{}", channel.id);
    let slow = Fault::Slow(Duration::from_millis(500));
    world.wecom.faults().next(UPDATE, 1, slow);
    // The slow call is in flight until the other change is done.
    let held = world.time.hold();
    let (loser, patch) = (
        world.operator.clone(),
        json!({"name": "慢", "users": ["lisi"]}),
    );
    let slow_path = path.clone();
    let slower = tokio::spawn(async move { loser.changes(&slow_path, &patch).await });
    world
        .until("the slow change is at WeCom", |wecom| {
            wecom.faults().waiting() == 0
        })
        .await;
    let patch = json!({"name": "快", "skip_verify": false});
    world.operator.changes(&path, &patch).await.is(200);
    drop(held);
    slower.await.unwrap().refused(409, "conflict");

    let stored = agree(&world, &channel).await;
    assert_eq!(
        (&stored["name"], &stored["users"], &stored["skip_verify"]),
        (&json!("快"), &json!(["zhangsan"]), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_patches_are_applied_or_refused_with_409() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let path = format!("channels/{}", channel.id);
    let names: Vec<String> = (0..8).map(|n| format!("name {n}")).collect();
    let patches: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    let changes = patches
        .iter()
        .map(|patch| world.operator.patch(&path, patch));
    let answers = futures::future::join_all(changes).await;
    let mut applied = 0;
    for (answer, name) in answers.into_iter().zip(&names) {
        let (status, body) = answer.unwrap();
        assert!(status == 200 || status == 409, "{status} {body}");
        if status == 200 {
            assert_eq!(body["name"], name.as_str());
            applied += 1;
        }
    }
    assert!(applied > 0);
    agree(&world, &channel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_an_unconfigured_app_is_refused_with_409() {
    let mut external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    let created = world.operator.creates_channel(&smallest()).await.is(201);
    external.remove("contact");
    // After this time the configuration is read again.
    world.time_passes(Duration::from_secs(300));
    let path = format!("channels/{}", created["id"].as_str().unwrap());
    let patch = json!({"name": "新展会"});
    let changed = world.operator.changes(&path, &patch).await;
    let answer = changed.refused(409, "app_not_configured");
    assert_eq!(answer["field"], Value::Null);
    assert_eq!(world.calls(UPDATE), 0);
}
