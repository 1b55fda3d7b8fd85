//! A process that is killed again and again in the middle of its work, while WeCom delivers once more what
//! was not acknowledged.

use std::collections::BTreeMap;
use std::path::Path;

use scrm_local::config::{ConfigFile, DEMO_APP, DEMO_CORP};
use scrm_local::operator::Operator;
use serde_json::{Value, json};
use wecom_sandbox::{
    Body, Corp, Happening, Sandbox, SandboxOptions, Scan, Sender, Served, serve_on,
};

use crate::patience::{eventually, until};
use crate::process::Server;

const KILLS: usize = 5;
/// Customers before each kill.
const CUSTOMERS: usize = 10;
/// Customers after each kill, before the next start.
const UNHEARD: usize = 3;

/// What outlives the process.
struct ExternalWorld {
    wecom: Sandbox,
    corp: Corp,
    admin_key: String,
    arguments: Vec<String>,
    _served: Served,
}

impl ExternalWorld {
    async fn new(directory: &Path) -> Self {
        let secret = directory.join("secret.json");
        let keys = ConfigFile::make(&secret).unwrap().keys().unwrap();
        let wecom = Sandbox::new(SandboxOptions::default()).unwrap();
        for corp in keys.sandbox_corps("http://127.0.0.1:9") {
            wecom.add_corp(corp).unwrap();
        }
        let served = serve_on(&wecom, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let data = path(&directory.join("data"));
        let serve = [
            "serve",
            "--port",
            "0",
            "--data",
            &data,
            "--config",
            &path(&secret),
            "--wecom-base",
            &served.base_url,
        ];
        Self {
            corp: wecom.corp(DEMO_CORP).unwrap(),
            wecom,
            admin_key: keys.admin_keys[0].clone(),
            arguments: serve.map(str::to_owned).to_vec(),
            _served: served,
        }
    }

    /// Starts the process, and lets WeCom deliver what is not acknowledged yet.
    fn start(&self) -> (Server, Operator) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let server = Server::start(&arguments);
        let url = format!("{}/callback/{DEMO_CORP}/{DEMO_APP}", server.url);
        self.corp.set_callback_url(DEMO_APP, &url).unwrap();
        for event in self.wecom.events() {
            if !event.accepted() {
                assert!(self.wecom.redeliver(event.id));
            }
        }
        let operator = Operator::new(&server.url, DEMO_CORP, &self.admin_key);
        (server, operator)
    }

    /// Waits until WeCom has delivered every event, or tried to for as often as it does.
    async fn settled(&self) {
        let settled = || self.wecom.events().iter().all(|event| event.settled());
        until("all events are delivered", settled).await;
    }

    /// The texts that our app sent to a customer.
    fn texts(&self, customer: &Happening) -> Vec<String> {
        let chat = self.corp.chat(&customer.external_userid, &customer.userid);
        let ours = chat
            .into_iter()
            .filter(|message| matches!(message.from, Sender::App(_)));
        ours.filter_map(|message| match message.body {
            Body::Text { content } => Some(content),
            _ => None,
        })
        .collect()
    }
}

/// Waits until welcome and tags of a customer have outcomes, and returns their words.
async fn outcomes(operator: &Operator, customer: &Happening) -> (String, String) {
    eventually(async || {
        let path = format!("contacts/{}", customer.external_userid);
        let (status, contact) = operator.get(&path).await.unwrap();
        let word = |kind: &str| {
            contact["timeline"][0][kind]["outcome"]
                .as_str()
                .unwrap_or("pending")
                .to_owned()
        };
        let words = (word("welcome"), word("tags"));
        if status == 200 && words.0 != "pending" && words.1 != "pending" {
            return Ok(words);
        }
        Err((status, contact))
    })
    .await
}

async fn make_channel(outside: &ExternalWorld, operator: &Operator) -> String {
    let tags = outside
        .corp
        .console_creates_tags("来源", &["展会"])
        .unwrap()
        .tag_ids;
    let channel =
        json!({"name": "展会", "users": ["zhangsan"], "tag_ids": tags, "welcome": {"text": "hi"}});
    let (status, channel) = operator.post("channels", &channel).await.unwrap();
    assert_eq!(status, 201, "{channel}");
    channel["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::new(directory.path()).await;
    let (mut server, mut operator) = outside.start();
    let channel = make_channel(&outside, &operator).await;
    let mut customers = Vec::new();
    for kill in 0..KILLS {
        let before = outside.wecom.calls_of("send_welcome_msg").len();
        let scans = (0..CUSTOMERS).map(|_| outside.corp.scan(&channel, &Scan::default()).unwrap());
        customers.extend(scans);
        let welcomes = || outside.wecom.calls_of("send_welcome_msg").len();
        until("some are welcomed", || welcomes() > before + 2 * kill).await;
        server.kill();
        // The events of who comes now are delivered three times, and no process takes them.
        let scans = (0..UNHEARD).map(|_| outside.corp.scan(&channel, &Scan::default()).unwrap());
        customers.extend(scans);
        outside.settled().await;
        (server, operator) = outside.start();
    }
    outside.settled().await;
    assert!(outside.wecom.events().iter().all(|event| event.accepted()));

    let mut counts = BTreeMap::from([("sent".to_owned(), 0), ("already_welcomed".to_owned(), 0)]);
    for customer in &customers {
        let (welcome, tags) = outcomes(&operator, customer).await;
        assert_eq!(
            (outside.texts(customer), tags.as_str()),
            (vec!["hi".to_owned()], "tagged")
        );
        assert_eq!(
            outside
                .corp
                .tags(&customer.external_userid, &customer.userid)
                .len(),
            1
        );
        *counts.get_mut(&welcome).unwrap() += 1;
    }
    // Sent by a process that was killed before it stored that: recorded as already welcomed, and not counted as ours.
    let (_, stats) = operator
        .get(&format!("channels/{channel}/stats"))
        .await
        .unwrap();
    let total: Value = json!({"added": customers.len(), "lost": 0, "welcomed": counts["sent"], "welcome_failed": 0});
    assert_eq!(stats["total"], total);
}
