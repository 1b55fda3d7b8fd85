//! The phone page and the JSON that drives the sandbox from outside.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{CORP, World, code, world};

async fn text(world: &World, path: &str) -> (u16, String, String) {
    let url = format!("{}{path}", world.served.base_url);
    let answer = world.http.get(url).send().await.expect("an answer");
    let kind = answer
        .headers()
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    (
        answer.status().as_u16(),
        kind.to_owned(),
        answer.text().await.expect("a body"),
    )
}

async fn drive(world: &World, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/api/{path}", world.served.base_url);
    let answer = world
        .http
        .post(url)
        .json(&body)
        .send()
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_page_is_there_and_asks_no_other_host() {
    let world = world().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/phone.css", "text/css"),
        ("/phone.js", "text/javascript"),
    ] {
        let (status, content_type, body) = text(&world, path).await;
        assert_eq!((status, content_type.as_str()), (200, kind), "{path}");
        assert!(
            !body.contains("http://") && !body.contains("https://"),
            "{path}"
        );
        assert!(
            !body.contains("innerHTML"),
            "{path}: whatever comes becomes text"
        );
    }
    let head = world
        .http
        .head(format!("{}/", world.served.base_url))
        .send()
        .await
        .expect("an answer");
    assert_eq!(head.status().as_u16(), 200);
    assert!(
        world.sandbox.calls().is_empty(),
        "looking at the page is no call"
    );
}

#[tokio::test]
async fn mounted_below_a_path_all_addresses_follow() {
    let world = world().await;
    let mounted = axum::Router::new().nest_service("/sandbox", world.sandbox.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        axum::serve(listener, mounted)
            .await
            .expect("serving does not end");
    });
    let client = &world.http;
    let to_slash = client
        .get(format!("{base}/sandbox?lang=en"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(to_slash.headers()["location"], "/sandbox/?lang=en");
    let page = client
        .get(format!("{base}/sandbox/"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status().as_u16(), 200);

    let token = world.token("contact").await;
    let way = json!({"type": 1, "scene": 2, "user": ["lisi"]}).to_string();
    let url =
        format!("{base}/sandbox/cgi-bin/externalcontact/add_contact_way?access_token={token}");
    let made: Value = client
        .post(url)
        .body(way)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let qr_code = made["qr_code"].as_str().expect("a picture");
    assert!(
        qr_code.starts_with(&format!("{base}/sandbox/qr/")),
        "{qr_code}"
    );
    let picture = client.get(qr_code).send().await.expect("an answer");
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    server.abort();
}

#[tokio::test]
async fn a_link_opens_the_page() {
    let world = world().await;
    let body = json!({"link_name": "l", "range": {"user_list": ["lisi"]}});
    let made = world
        .post("externalcontact/customer_acquisition/create_link", body)
        .await;
    let url = format!(
        "{}?customer_channel=c1",
        made["link"]["url"].as_str().expect("a url")
    );
    let opened = world.http.get(url).send().await.expect("an answer");
    let expected = format!(
        "../?open={}&customer_channel=c1",
        made["link"]["link_id"].as_str().expect("an id")
    );
    assert_eq!(opened.headers()["location"], expected.as_str());
}

#[tokio::test]
async fn a_customer_can_be_played_from_outside() {
    let world = world().await;
    world.way("ch_1").await;
    let (status, scanned) = drive(
        &world,
        &format!("corps/{CORP}/scan"),
        json!({"channel": "ch_1", "half": true, "name": "<b>小雨</b>"}),
    )
    .await;
    assert_eq!(status, 200, "{scanned}");
    let id = scanned["external_userid"].as_str().expect("a customer");
    let customer = format!("corps/{CORP}/customers/{id}/ZhangSan");
    for (action, body, expected, standing) in [
        ("confirm", json!({}), 200, "full"),
        ("confirm", json!({}), 409, "full"),
        ("write", json!({"text": "在吗"}), 200, "full"),
        ("edit", json!({"remark": "R"}), 200, "full"),
        ("leave", json!({}), 200, "left"),
        ("vanish", json!({}), 404, "left"),
    ] {
        let (status, answer) = drive(&world, &format!("{customer}/{action}"), body).await;
        assert_eq!(status, expected, "{action}: {answer}");
        let (_, _, shown) = text(&world, &format!("/api/{customer}")).await;
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(shown["standing"], standing, "after {action}");
    }
    world.settled().await;
    let (_, _, events) = text(&world, "/api/events?limit=2").await;
    let events: Value = serde_json::from_str(&events).expect("JSON");
    let kinds: Vec<_> = events["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["kind"])
        .collect();
    assert_eq!(
        kinds,
        [
            "change_external_contact/edit_external_contact",
            "change_external_contact/del_follow_user"
        ]
    );
}

#[tokio::test]
async fn faults_and_delivery_can_be_commanded_from_outside() {
    let world = world().await;
    let delay = Duration::from_millis(1);
    for (fault, delay, expected) in [
        (json!({"code": 45009}), None, 45009),
        (json!({"slow": 1}), Some(delay), 0),
    ] {
        let (status, _) = drive(
            &world,
            "faults",
            json!({"api": "get_corp_tag_list", "calls": 1, "fault": fault}),
        )
        .await;
        assert_eq!(status, 200, "{fault}");
        let call = world.post("externalcontact/get_corp_tag_list", json!({}));
        let answer = match delay {
            Some(delay) => world.delayed(delay, call).await,
            None => call.await,
        };
        assert_eq!(code(&answer), expected, "{fault}");
    }
    let (_, answer) = drive(&world, "delivery", json!({"paused": true})).await;
    assert_eq!(answer["before"]["paused"], json!(false));
    assert!(world.sandbox.delivery_mode().paused);
    for (action, body, expected) in [
        ("verify", json!({}), 200),
        ("deliver", json!({"xml": "<xml></xml>"}), 200),
        ("rotate_secret", json!({"secret": "new"}), 200),
        ("expire_tokens", json!({}), 200),
        ("callback", json!({"url": ""}), 200),
        ("verify", json!({}), 502),
        ("explode", json!({}), 404),
    ] {
        let (status, answer) =
            drive(&world, &format!("corps/{CORP}/apps/contact/{action}"), body).await;
        assert_eq!(status, expected, "{action}: {answer}");
    }
}
