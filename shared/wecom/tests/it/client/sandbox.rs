//! A scripted WeCom on 127.0.0.1: each API answers what it was given, in order, then its usual answer.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use clock::{ManualClock, Wait};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use wecom::client::ClientBuilder;
use wecom::{AppName, Client, CorpId};

pub(super) const SECRET: &str = "s3cr3t-of-the-app";

/// One answer.
#[derive(Clone)]
pub(super) enum Reply {
    Json(Value),
    Status(u16, &'static str),
    /// Never.
    Hang,
    /// 40014 to one token, success to every other.
    Refuse(&'static str),
}

/// One call as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) api: String,
    pub(super) query: String,
    pub(super) body: String,
}

#[derive(Default)]
struct Script {
    next: HashMap<String, VecDeque<Reply>>,
    always: HashMap<String, Reply>,
    seen: Vec<Seen>,
}

#[derive(Clone)]
pub(super) struct Sandbox {
    pub(super) url: String,
    script: Arc<Mutex<Script>>,
    came: Arc<Notify>,
    pub(super) clock: ManualClock,
    http: reqwest::Client,
}

impl Sandbox {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Self {
            url,
            script: Arc::default(),
            came: Arc::default(),
            clock: ManualClock::new(),
            http: http(),
        };
        let app = Router::new().fallback(answer).with_state(sandbox.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        sandbox
    }

    pub(super) fn builder(&self) -> ClientBuilder {
        self.builder_with_secret(SECRET)
    }

    pub(super) fn builder_with_secret(&self, secret: &str) -> ClientBuilder {
        let (corp, app) = (CorpId::new("ww1"), AppName::new("contact"));
        Client::builder(corp, app, secret.into())
            .base_url(&self.url)
            .http(self.http.clone())
            .clock(self.clock.clock())
    }

    pub(super) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// What the API answers next, once.
    pub(super) fn next(&self, api: &str, reply: Reply) {
        self.script
            .lock()
            .unwrap()
            .next
            .entry(api.to_owned())
            .or_default()
            .push_back(reply);
    }

    /// What the API answers from now on.
    pub(super) fn always(&self, api: &str, reply: Reply) {
        self.script
            .lock()
            .unwrap()
            .always
            .insert(api.to_owned(), reply);
    }

    pub(super) fn seen(&self, api: &str) -> Vec<Seen> {
        let script = self.script.lock().unwrap();
        script
            .seen
            .iter()
            .filter(|seen| seen.api == api)
            .cloned()
            .collect()
    }

    pub(super) fn count(&self, api: &str) -> usize {
        self.seen(api).len()
    }

    /// Waits until the API was called so often.
    pub(super) async fn until(&self, api: &str, count: usize) {
        loop {
            let came = self.came.notified();
            if self.count(api) >= count {
                return;
            }
            came.await;
        }
    }

    /// Waits until `count` pauses have begun, and ends the one that is over first.
    pub(super) async fn end_pause(&self, count: usize) {
        while self.clock.waiting(Wait::Pause) < count {
            tokio::task::yield_now().await;
        }
        assert!(self.clock.end_next_pause());
    }

    fn take(&self, seen: Seen) -> Reply {
        let mut script = self.script.lock().unwrap();
        let api = seen.api.clone();
        script.seen.push(seen);
        let count = script.seen.iter().filter(|seen| seen.api == api).count();
        let next = script.next.get_mut(&api).and_then(VecDeque::pop_front);
        let reply = next.or_else(|| script.always.get(&api).cloned());
        reply.unwrap_or_else(|| match api.as_str() {
            "gettoken" => token(&format!("TOKEN/{count}"), 7200),
            _ => Reply::Json(json!({"errcode": 0, "errmsg": "ok"})),
        })
    }
}

/// A client for one test. It trusts no certificates: 127.0.0.1 is called without TLS.
fn http() -> reqwest::Client {
    let builder = wecom::client::http_client_builder();
    builder.tls_certs_only([]).build().unwrap()
}

/// An answer of gettoken.
pub(super) fn token(token: &str, expires_in: i64) -> Reply {
    Reply::Json(
        json!({"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": expires_in}),
    )
}

/// A refusal.
pub(super) fn code(code: i64) -> Reply {
    let errmsg =
        format!("refused, hint: [1], from ip: 127.0.0.1, access_token=TOKEN, secret {SECRET}");
    Reply::Json(json!({"errcode": code, "errmsg": errmsg}))
}

async fn answer(State(sandbox): State<Sandbox>, method: Method, uri: Uri, body: Bytes) -> Response {
    let api = uri.path().trim_start_matches("/cgi-bin/").to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    let reply = sandbox.take(Seen {
        method,
        api,
        query: query.clone(),
        body,
    });
    sandbox.came.notify_waiters();
    let (status, text) = match reply {
        Reply::Json(value) => (200, value.to_string()),
        Reply::Status(status, text) => (status, text.to_owned()),
        Reply::Hang => pending().await,
        Reply::Refuse(token) if query.starts_with(&format!("access_token={token}")) => (
            200,
            json!({"errcode": 40014, "errmsg": "invalid access_token"}).to_string(),
        ),
        Reply::Refuse(_) => (200, json!({"errcode": 0, "errmsg": "ok"}).to_string()),
    };
    Response::builder()
        .status(status)
        .body(Body::from(text))
        .unwrap()
}
