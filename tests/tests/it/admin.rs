//! Access to the admin API: keys, corps in the path, unknown paths and unreadable bodies.

use std::fs;

use reqwest::Method;
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::http_client;
use scrm_local::stack::{StackOptions, Wecom};
use serde_json::{Value, json};
use tempfile::TempDir;
use wecom_sandbox::{SandboxOptions, Scan};

use crate::counts::Counts;
use crate::operator::Operator;
use crate::world::{APP, World};

const OTHER_CORP: &str = "wwlocal00000000002";
const KEYS: [&str; 2] = [
    "the-first-admin-key-of-the-scenarios",
    "the-second-admin-key-of-the-scenarios",
];

/// Sends a request with this `Authorization`, and returns status and body.
pub(crate) async fn ask(world: &World, path: &str, authorization: Option<&str>) -> (u16, String) {
    let url = format!("{}/admin/corps/{path}", world.stack.url);
    let mut request = http_client().get(url);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Sends a request with a valid key and any body, and returns status and JSON.
pub(crate) async fn send(world: &World, method: Method, path: &str, body: &str) -> (u16, Value) {
    let url = format!("{}/admin/corps/{DEMO_CORP}/{path}", world.stack.url);
    let request = http_client().request(method, url);
    let request = request.bearer_auth(&world.stack.keys.admin_keys[0]);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_valid_key_get_the_same_401() {
    let world = World::new().await;
    let channel = world.channel(json!({})).await;
    let key = world.stack.keys.admin_keys[0].clone();
    let own = format!("{DEMO_CORP}/channels/{}", channel.id);
    let paths = [own.as_str(), "wwunknown/channels", "no/such/call"];
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".into()),
        Some("Bearer ".into()),
        Some("Bearer a-key-that-nobody-has-and-nobody-had".into()),
        Some(format!("Bearer {}", &key[..key.len() - 1])),
        Some(format!("Bearer {key}x")),
        Some(format!("Basic {key}")),
        Some(key.clone()),
    ];
    let mut answers = Vec::new();
    for path in paths {
        for authorization in &wrong {
            answers.push(ask(&world, path, authorization.as_deref()).await);
        }
    }
    assert_eq!(answers[0].0, 401);
    let body: Value = serde_json::from_str(&answers[0].1).unwrap();
    assert_eq!(body["error"], "unauthorized");
    assert!(answers.iter().all(|answer| *answer == answers[0]));

    for right in [format!("Bearer {key}"), format!("bearer  {key}")] {
        assert_eq!(ask(&world, &own, Some(&right)).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_names_the_missing_object() {
    let world = World::new().await;
    let event = "0".repeat(64);
    for (method, path, error, word) in [
        (
            Method::GET,
            "channels/ch0000000000000",
            "not_found",
            "channel",
        ),
        (
            Method::GET,
            "channels/of-another-tool",
            "not_found",
            "channel",
        ),
        (
            Method::PATCH,
            "channels/ch0000000000000",
            "not_found",
            "channel",
        ),
        (
            Method::DELETE,
            "channels/ch0000000000000",
            "not_found",
            "channel",
        ),
        (
            Method::GET,
            "channels/ch0000000000000/stats",
            "not_found",
            "channel",
        ),
        (Method::GET, "contacts/wmNobody", "not_found", "contact"),
        (
            Method::GET,
            &format!("events/{event}"),
            "not_found",
            "event",
        ),
        (Method::GET, "events/1", "not_found", "event"),
        (Method::GET, "", "no_such_call", "call"),
        (Method::GET, "chanels", "no_such_call", "call"),
        (Method::DELETE, "welcome", "no_such_call", "call"),
        (Method::PUT, "channels", "no_such_call", "call"),
    ] {
        let (status, body) = send(&world, method.clone(), path, "{}").await;
        assert_eq!(status, 404, "{method} {path}: {body}");
        assert_eq!(body["error"], error, "{method} {path}");
        assert!(body["message"].as_str().unwrap().contains(word), "{body}");
    }
    let nowhere = Operator::new(
        &world.stack.url,
        "wwunknown",
        &world.stack.keys.admin_keys[0],
        &world.time,
    );
    let (status, body) = nowhere.get("channels").await.unwrap();
    assert_eq!((status, &body["error"]), (404, &json!("not_found")));
    assert!(body["message"].as_str().unwrap().contains("corp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_body_is_refused_and_not_echoed() {
    let world = World::new().await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(600 * 1024));
    for (body, says) in [
        ("", "not JSON"),
        ("{\n  \"name\": secret-text}", "line 2"),
        (large.as_str(), "bytes"),
    ] {
        for (method, path) in [(Method::POST, "channels"), (Method::PUT, "welcome")] {
            let (status, answer) = send(&world, method, path, body).await;
            assert_eq!((status, &answer["error"]), (400, &json!("invalid_body")));
            let message = answer["message"].as_str().unwrap();
            assert!(message.contains(says), "{message}");
            assert!(!message.contains("secret-text"), "{message}");
        }
    }
    assert_eq!(world.calls("add_contact_way"), 0);
}

/// A deployment of two corps with two admin keys.
async fn two_corps() -> (World, Operator, TempDir) {
    let corp = |corp_id: &str, agent_id: u64| {
        let app = json!({
            "agent_id": agent_id,
            "secret": format!("secret-of-the-app-of-{corp_id}"),
            "token": format!("token{agent_id}"),
            "encoding_aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        });
        json!({"corp_id": corp_id, "timezone": "Asia/Shanghai", "apps": {APP: app}})
    };
    let config = json!({
        "admin_keys": KEYS, "corps": [corp(DEMO_CORP, 1_000_002), corp(OTHER_CORP, 1_000_003)],
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let world = World::start(|clock| StackOptions {
        port: 0,
        data: None,
        config: Some(path),
        wecom: Wecom::Sandbox(SandboxOptions::default()),
        shards: 1,
        clock,
    })
    .await;
    let other = Operator::new(&world.stack.url, OTHER_CORP, KEYS[1], &world.time);
    (world, other, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_corps_path_never_shows_data_of_another_corp() {
    let (world, other, _directory) = two_corps().await;
    let channel = world.channel_with_welcome("hi").await;
    world.default_welcome("of the first corp").await;
    let customer = world.scan(&channel);
    customer.sees("hi").await;
    let timeline = world.get(&customer.path()).await["timeline"].clone();
    let event = timeline[0]["event_id"].as_str().unwrap();

    let (_, channels) = other.get("channels").await.unwrap();
    assert_eq!(channels["channels"], json!([]));
    let (_, welcome) = other.get("welcome").await.unwrap();
    assert_eq!(welcome, json!({"corp": null, "members": {}}));
    let own = format!("channels/{}", channel.id);
    for path in [
        own.clone(),
        format!("{own}/stats"),
        customer.path(),
        format!("events/{event}"),
    ] {
        other.reads(&path).await.is(404);
        world.operator.reads(&path).await.is(200);
    }
    assert_eq!(other.delete(&own).await.unwrap().0, 404);
    assert_eq!(
        other.patch(&own, &json!({"name": "x"})).await.unwrap().0,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_one_corp_matches_no_channel_of_another() {
    let (world, other, _directory) = two_corps().await;
    let channel = world.channel_with_welcome("hi").await;
    let corp = world.wecom.corp(OTHER_CORP).unwrap();
    let added =
        world.without_delivery(|| corp.add_by_search("zhangsan", &Scan::default()).unwrap());
    let message = world.message(added.events[0]);
    let with_state = format!("<State>{}</State></xml>", channel.id);
    corp.deliver_xml(APP, &message.replace("</xml>", &with_state))
        .unwrap();
    let path = format!("contacts/{}", added.external_userid);
    let tags = |contact: &Value| contact["timeline"][0]["tags"]["outcome"] == "no_channel";
    world.eventually_as(&other, "no channel", &path, tags).await;
    let welcome = |contact: &Value| contact["timeline"][0]["welcome"]["outcome"] == "no_template";
    world
        .eventually_as(&other, "no template", &path, welcome)
        .await;
    world.counts_are(&channel, Counts::default()).await;
}
