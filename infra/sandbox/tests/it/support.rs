//! A corp with two apps, three members and a listening callback, and a way to call the API.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use clock::{ManualClock, Wait};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wecom_sandbox::crypto::Seal;
use wecom_sandbox::{
    AppSetup, Corp, CorpSetup, DepartmentSetup, Fault, Happening, MemberSetup, Sandbox,
    SandboxOptions, Scan, Served, serve_on,
};

pub(crate) const CORP: &str = "ww0000000000000001";
const TOKEN: &str = "QDG6eK";
const KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

/// When a test gives up what does not happen: far more than anything takes on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at a condition.
const BREATH: Duration = Duration::from_millis(1);

/// A sandbox that is being served, with one corp and a callback. Its clock stands still until it is moved.
pub(crate) struct World {
    pub(crate) manual: ManualClock,
    pub(crate) sandbox: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) served: Served,
    pub(crate) http: reqwest::Client,
    pub(crate) callback: Callback,
}

pub(crate) async fn world() -> World {
    world_with(SandboxOptions::default()).await
}

pub(crate) async fn world_with(options: SandboxOptions) -> World {
    world_at(ManualClock::new(), options).await
}

/// A world that takes its time from `manual`, whatever the options say.
pub(crate) async fn world_at(manual: ManualClock, options: SandboxOptions) -> World {
    let callback = Callback::listen().await;
    let options = SandboxOptions {
        clock: manual.clock(),
        ..options
    };
    let sandbox = Sandbox::new(options).expect("a client can be built");
    let corp = sandbox
        .add_corp(setup(&callback.url))
        .expect("the setup is sound");
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    World {
        manual,
        served: serve_on(&sandbox, anywhere).await.expect("a free port"),
        sandbox,
        corp,
        http: client(),
        callback,
    }
}

/// A client that knows no certificates, for they take long to read.
fn client() -> reqwest::Client {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([]);
    client.build().expect("a client")
}

/// Looks again and again until the condition holds. Only here does a test let time of the machine pass, and the result
/// does not depend on how much that is.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let looking = async {
        while !condition() {
            tokio::time::sleep(BREATH).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, looking).await;
    assert!(waited.is_ok(), "waited in vain: {what}");
}

/// The app `contact` with a callback; the app `other` without.
fn setup(callback_url: &str) -> CorpSetup {
    let app = |name: &str, agent_id, callback_url: &str| AppSetup {
        name: name.to_owned(),
        agent_id,
        secret: format!("secret of {name}"),
        token: TOKEN.to_owned(),
        encoding_aes_key: KEY.to_owned(),
        callback_url: callback_url.to_owned(),
    };
    let member = |userid: &str, name: &str, departments: &[u32]| MemberSetup {
        departments: departments.to_vec(),
        ..MemberSetup::new(userid, name)
    };
    let department = |id, parent_id, name: &str| DepartmentSetup {
        id,
        parent_id,
        name: name.to_owned(),
    };
    CorpSetup {
        corp_id: CORP.to_owned(),
        apps: vec![
            app("contact", 1_000_002, callback_url),
            app("other", 1_000_003, ""),
        ],
        departments: vec![department(2, 1, "sales"), department(3, 2, "shanghai")],
        members: vec![
            member("ZhangSan", "张三", &[3]),
            member("lisi", "李四", &[2]),
            member("wangwu", "王五", &[]),
        ],
    }
}

impl World {
    /// The token of an app.
    pub(crate) async fn token(&self, app: &str) -> String {
        let answer = self.get_token(&format!("secret of {app}")).await;
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    pub(crate) async fn get_token(&self, secret: &str) -> Value {
        let secret = secret.replace(' ', "%20");
        self.get_url(&format!("gettoken?corpid={CORP}&corpsecret={secret}"))
            .await
    }

    /// POSTs JSON as the app `contact`.
    pub(crate) async fn post(&self, api: &str, body: Value) -> Value {
        self.post_as("contact", api, body).await
    }

    pub(crate) async fn post_as(&self, app: &str, api: &str, body: Value) -> Value {
        let token = self.token(app).await;
        self.post_text(&format!("{api}?access_token={token}"), body.to_string())
            .await
    }

    pub(crate) async fn post_text(&self, path: &str, body: String) -> Value {
        let url = format!("{}/cgi-bin/{path}", self.served.base_url);
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    }

    /// GETs as the app `contact`; `query` follows the token.
    pub(crate) async fn get(&self, api: &str, query: &str) -> Value {
        let token = self.token("contact").await;
        self.get_url(&format!("{api}?access_token={token}&{query}"))
            .await
    }

    pub(crate) async fn get_url(&self, path: &str) -> Value {
        let url = format!("{}/cgi-bin/{path}", self.served.base_url);
        self.http
            .get(url)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    }

    /// Does `second` while `first`, a call of `api`, is under way: it is delayed for that.
    pub(crate) async fn during<A, B>(
        &self,
        api: &str,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        let delay = Duration::from_secs(1);
        self.sandbox.faults().next(api, 1, Fault::Slow(delay));
        let second = async {
            self.until_delayed().await;
            let answer = second.await;
            self.manual.advance(delay);
            answer
        };
        tokio::join!(first, second)
    }

    /// What `call` is answered when its delay has passed.
    pub(crate) async fn delayed<A>(&self, delay: Duration, call: impl Future<Output = A>) -> A {
        let passing = async {
            self.until_delayed().await;
            self.manual.advance(delay);
        };
        tokio::join!(call, passing).0
    }

    /// Waits until one call is under way whose answer is delayed.
    pub(crate) async fn until_delayed(&self) {
        let is_delayed = || self.manual.waiting(Wait::Pause) == 1;
        eventually("a call is delayed", is_delayed).await;
    }

    /// Waits until every event is delivered or given up.
    pub(crate) async fn settled(&self) {
        let settled = self.sandbox.settled(PATIENCE).await;
        settled.expect("the callback answers");
    }

    /// A contact way of `ZhangSan`.
    pub(crate) async fn way(&self, state: &str) -> String {
        let body = json!({"type": 1, "scene": 2, "state": state, "user": ["zhangsan"]});
        let answer = self.post("externalcontact/add_contact_way", body).await;
        answer["config_id"]
            .as_str()
            .expect("a contact way")
            .to_owned()
    }

    /// A new customer of `ZhangSan`, whose welcome code came by callback.
    pub(crate) async fn scanned(&self, scan: &Scan) -> (Happening, Option<String>) {
        let way = self.way("ch_1").await;
        let customer = self.corp.scan(&way, scan).expect("the channel is there");
        let code = self.welcome_code(&customer).await;
        (customer, code)
    }

    pub(crate) async fn welcome_code(&self, happening: &Happening) -> Option<String> {
        self.settled().await;
        let event = self
            .sandbox
            .event(*happening.events.first()?)
            .expect("the event is known");
        field(&event.xml, "WelcomeCode")
    }

    pub(crate) async fn welcome(&self, code: &str) -> Value {
        let body = json!({"welcome_code": code, "text": {"content": "你好"}});
        self.post("externalcontact/send_welcome_msg", body).await
    }
}

/// The `errcode` of an answer.
pub(crate) fn code(answer: &Value) -> i64 {
    answer["errcode"].as_i64().expect("an errcode")
}

/// The text of an element of an event.
pub(crate) fn field(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}><![CDATA["))?;
    let (text, _) = rest.split_once("]]>")?;
    Some(text.to_owned())
}

/// How the callback answers one request: an event, or a verification with its echo.
#[derive(Clone, Copy)]
pub(crate) enum Reaction {
    Status(u16),
    /// Sends the caller elsewhere.
    Redirect,
    /// Never answers.
    Silence,
}

/// A callback that checks and opens what it gets.
pub(crate) struct Callback {
    pub(crate) url: String,
    inbox: Arc<Mutex<Inbox>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Inbox {
    script: VecDeque<Reaction>,
    /// How many requests have come, with verifications.
    asked: usize,
    received: Vec<Received>,
    /// What a verification is answered with, if not the truth.
    echo: Option<&'static str>,
}

/// One request that had a good signature and could be decrypted.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) nonce: String,
    pub(crate) xml: String,
}

impl Callback {
    async fn listen() -> Self {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let router = axum::Router::new()
            .route("/callback", any(receive))
            .with_state(Arc::clone(&inbox));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!(
            "http://{}/callback",
            listener.local_addr().expect("an address")
        );
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("serving does not end");
        });
        Self { url, inbox, task }
    }

    /// The next requests are answered like this, later ones with 200.
    pub(crate) fn will(&self, reactions: &[Reaction]) {
        self.inbox
            .lock()
            .expect("no panic")
            .script
            .extend(reactions);
    }

    /// Verifications are answered with this text instead of the plaintext.
    pub(crate) fn will_echo(&self, text: &'static str) {
        self.inbox.lock().expect("no panic").echo = Some(text);
    }

    /// How many requests have come, with verifications.
    pub(crate) fn asked(&self) -> usize {
        self.inbox.lock().expect("no panic").asked
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inbox.lock().expect("no panic").received.clone()
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(
    State(inbox): State<Arc<Mutex<Inbox>>>,
    Query(query): Query<HashMap<String, String>>,
    body: String,
) -> Response {
    let seal = Seal::new(TOKEN, KEY, CORP).expect("the key is good");
    let encrypted = query
        .get("echostr")
        .cloned()
        .or_else(|| field(&body, "Encrypt"))
        .expect("ciphertext");
    let expected = seal.signature(&query["timestamp"], &query["nonce"], &encrypted);
    assert_eq!(query["msg_signature"], expected);
    let plain = seal.decrypt(&encrypted).expect("it is sealed for us");
    let (reaction, answer) = {
        let mut inbox = inbox.lock().expect("no panic");
        inbox.asked += 1;
        let reaction = inbox.script.pop_front();
        let answer = if query.contains_key("echostr") {
            inbox.echo.map_or(plain, str::to_owned)
        } else {
            let nonce = query["nonce"].clone();
            inbox.received.push(Received { nonce, xml: plain });
            String::new()
        };
        (reaction.unwrap_or(Reaction::Status(200)), answer)
    };
    match reaction {
        Reaction::Status(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, answer).into_response()
        }
        Reaction::Redirect => (
            StatusCode::FOUND,
            [("location", "/callback")],
            Body::empty(),
        )
            .into_response(),
        Reaction::Silence => std::future::pending().await,
    }
}
