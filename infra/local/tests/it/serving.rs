//! `serve` as it runs behind a reverse proxy: who may call what, what is printed, and how it ends.

use std::net::TcpStream;
use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use reqwest::{Method, StatusCode};
use scrm_local::operator::http_client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wecom_sandbox::Scan;

use crate::external::{ExternalWorld, outcomes};
use crate::patience::{eventually, until};
use crate::process::Server;

/// What is added to a request by a proxy, or by a browser for a page from elsewhere.
const FROM_ELSEWHERE: [(&str, &str); 8] = [
    ("forwarded", "for=192.0.2.1"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-host", "scrm.example.com"),
    ("x-forwarded-proto", "https"),
    ("x-real-ip", "192.0.2.1"),
    ("via", "1.1 proxy"),
    ("origin", "https://example.com"),
    ("host", "scrm.example.com"),
];

/// Calls that take effect at WeCom.
const EFFECTS: [&str; 3] = ["add_contact_way", "send_welcome_msg", "mark_tag"];

/// A WeCom that takes calls which take effect, and answers them when it is released.
struct SilentWecom {
    base_url: String,
    calls: watch::Receiver<usize>,
    release: watch::Sender<bool>,
}

impl SilentWecom {
    async fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", socket.local_addr().unwrap());
        let (called, calls) = watch::channel(0);
        let (release, released) = watch::channel(false);
        let answer = any(move |request: Request| {
            let (called, mut released) = (called.clone(), released.clone());
            async move {
                let path = request.uri().path();
                if EFFECTS.iter().any(|effect| path.ends_with(effect)) {
                    called.send_modify(|calls| *calls += 1);
                    released.wait_for(|released| *released).await.unwrap();
                }
                axum::Json(json!({
                    "errcode": 0, "access_token": "t", "expires_in": 7200,
                    "config_id": "c", "qr_code": "q",
                }))
            }
        });
        let router = Router::new().fallback_service(answer);
        tokio::spawn(async { axum::serve(socket, router).await });
        Self {
            base_url,
            calls,
            release,
        }
    }

    async fn is_called(&mut self) {
        self.calls.wait_for(|calls| *calls > 0).await.unwrap();
    }
}

/// Waits until the server takes no more connections.
async fn stops(server: &Server) {
    let address = server.url.trim_start_matches("http://");
    let refused = || TcpStream::connect(address).is_err();
    until("connections are refused", refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_take_requests_from_this_machine_or_with_an_admin_key() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::new(directory.path()).await;
    let (server, _) = outside.start(&directory.path().join("data"));
    let http = http_client();
    let url = format!("{}/schedule/tick", server.url);
    assert_eq!(http.post(&url).send().await.unwrap().status(), 200);
    for (name, value) in FROM_ELSEWHERE {
        let request = || http.post(&url).header(name, value);
        let refused = request().send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{name}");
        let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
        assert_eq!(body["error"], "unauthorized", "{name}");
        assert!(body["message"].is_string(), "{name}");
        let wrong = request().bearer_auth("0123456789abcdef0123456789abcdef");
        assert_eq!(wrong.send().await.unwrap().status(), 401, "{name}");
        let right = request().bearer_auth(&outside.admin_key);
        assert_eq!(right.send().await.unwrap().status(), 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_answers_programs_on_this_machine_only() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::new(directory.path()).await;
    let (server, _) = outside.start(&directory.path().join("data"));
    let http = http_client();
    let list = |method: Method| {
        let request = http.request(method, &server.dynamodb_url);
        let request = request.header("x-amz-target", "DynamoDB_20120810.ListTables");
        request
            .header("content-type", "application/x-amz-json-1.0")
            .body("{}")
    };
    let listed = list(Method::POST).send().await.unwrap();
    assert_eq!(listed.status(), 200);
    let tables = listed.text().await.unwrap();
    assert!(tables.contains("inbox"), "{tables}");
    for (name, value) in FROM_ELSEWHERE {
        let refused = list(Method::POST).header(name, value).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{name}");
        assert!(
            !refused
                .headers()
                .contains_key("access-control-allow-origin")
        );
        assert!(!refused.text().await.unwrap().contains("inbox"), "{name}");
    }
    let preflight = list(Method::OPTIONS).header("origin", "https://example.com");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.status(), 405);
    assert!(
        !preflight
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_real_wecom_there_are_callbacks_admin_and_schedules_only() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::new(directory.path()).await;
    let (server, _) = outside.start(&directory.path().join("data"));
    let http = http_client();
    for path in [
        "/",
        "/sandbox",
        "/sandbox/",
        "/sandbox/api/corps",
        "/sandbox/cgi-bin/gettoken",
        "/schedule",
    ] {
        let answer = http
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_printed_only_if_they_were_made_here() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::new(directory.path()).await;
    let config = outside.config.to_str().unwrap();
    let text = std::fs::read_to_string(config).unwrap();
    let keys: Value = serde_json::from_str(&text).unwrap();
    let app = &keys["corps"][0]["apps"]["contact"];
    let secrets = ["secret", "token", "encoding_aes_key"].map(|name| app[name].as_str().unwrap());
    let named = Server::start(&["serve", "--port", "0", "--config", config]);
    for secret in secrets.into_iter().chain([outside.admin_key.as_str()]) {
        assert!(!named.printed.contains(secret), "{}", named.printed);
    }
    let made = Server::start(&["serve", "--port", "0", "--no-demo-data"]);
    let (_, key) = made.printed.split_once("Bearer ").unwrap();
    let key = key.split('\'').next().unwrap();
    let url = format!("{}/admin/corps/wwlocal00000000001/channels", made.url);
    let answer = http_client().get(url).bearer_auth(key).send().await;
    assert_eq!(answer.unwrap().status(), 200);
}

/// A server that ends after a signal, while a request waits for WeCom.
struct Stopping {
    server: Server,
    wecom: SilentWecom,
    /// The request, which makes a channel.
    made: JoinHandle<Result<(u16, Value), String>>,
    directory: TempDir,
}

impl Stopping {
    async fn by(signal: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let outside = ExternalWorld::new(directory.path()).await;
        let mut wecom = SilentWecom::new().await;
        let data = directory.path().join("data");
        let (mut server, operator) = outside.start_at(&data, &wecom.base_url);
        let channel = json!({"name": "展会", "users": ["zhangsan"]});
        let made = tokio::spawn(async move { operator.post("channels", &channel).await });
        wecom.is_called().await;
        server.signal(signal);
        stops(&server).await;
        assert!(server.runs());
        Self {
            server,
            wecom,
            made,
            directory,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_requests_end_and_closes_the_database() {
    for signal in ["TERM", "INT"] {
        let mut stopping = Stopping::by(signal).await;
        stopping.wecom.release.send_replace(true);
        let (status, channel) = stopping.made.await.unwrap().unwrap();
        assert_eq!(status, 201, "{channel}");
        assert_eq!(stopping.server.wait().code(), Some(0), "{signal}");
        let log = stopping.directory.path().join("data/dynamodb.sqlite-wal");
        assert_eq!(log.metadata().map_or(0, |log| log.len()), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let mut stopping = Stopping::by("TERM").await;
    stopping.server.signal("TERM");
    assert_eq!(stopping.server.wait().code(), Some(143));
    assert!(stopping.made.await.unwrap().is_err());
}

/// The tables of the directory `data`, when no process has it open.
fn inbox_items(data: &Path) -> u64 {
    let database = rusqlite::Connection::open(data.join("dynamodb.sqlite")).unwrap();
    let count = "SELECT COUNT(*) FROM inbox";
    database.query_row(count, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_signal_is_done_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::new(directory.path()).await;
    let data = directory.path().join("data");
    let (mut server, operator) = outside.start(&data);
    let channel = outside.make_channel(&operator).await;
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));

    // This process stores events and does not come to processing them.
    let mut silent = SilentWecom::new().await;
    let (mut server, _) = outside.start_at(&data, &silent.base_url);
    let scans = (0..5).map(|_| outside.corp.scan(&channel, &Scan::default()).unwrap());
    let customers: Vec<_> = scans.collect();
    outside.settled().await;
    assert!(outside.wecom.events().iter().all(|event| event.accepted()));
    silent.is_called().await;
    server.signal("TERM");
    stops(&server).await;
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(143));
    assert!(inbox_items(&data) >= 5);

    let (_server, operator) = outside.start(&data);
    for customer in &customers {
        let (welcome, tags) = outcomes(&operator, customer).await;
        assert_eq!(tags, "tagged");
        // A slow machine may need longer than the code of a welcome lives.
        let texts = outside.texts(customer);
        let expected = match welcome.as_str() {
            "sent" => vec!["hi".to_owned()],
            _ => Vec::new(),
        };
        assert_eq!(texts, expected, "{welcome}");
    }
    eventually(async || {
        let (_, stats) = operator
            .get(&format!("channels/{channel}/stats"))
            .await
            .unwrap();
        if stats["total"]["added"] == customers.len() {
            return Ok(());
        }
        Err(stats)
    })
    .await;
}
