//! A WeCom outside of the command, which outlives its processes, and the processes that serve a corp of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clock::{Clock, TimeSource, Wait, Waiting};
use jiff::Timestamp;
use scrm_local::config::{ConfigFile, DEMO_APP, DEMO_CORP};
use scrm_local::operator::Operator;
use serde_json::json;
use wecom_sandbox::{Body, Corp, Happening, Sandbox, SandboxOptions, Sender, Served, serve_on};

use crate::patience::{eventually, until};
use crate::process::Server;

const AHEAD: Duration = Duration::from_secs(3_600);

/// A clock that is ahead of another one.
struct Ahead(Clock);

impl TimeSource for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now() + AHEAD
    }

    fn instant(&self) -> Instant {
        self.0.instant()
    }

    fn wait_until(&self, until: Instant, _wait: Wait) -> Waiting {
        let clock = self.0.clone();
        Box::pin(async move {
            let left = until.saturating_duration_since(clock.instant());
            clock.sleep(left).await;
        })
    }
}

/// What outlives the process.
pub(crate) struct ExternalWorld {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) admin_key: String,
    /// The configuration file.
    pub(crate) config: PathBuf,
    served: Served,
}

impl ExternalWorld {
    /// A WeCom with one corp, and a configuration file for it in `directory`.
    pub(crate) async fn new(directory: &Path) -> Self {
        Self::with(directory, SandboxOptions::default()).await
    }

    /// The same with a WeCom whose clock is an hour ahead and whose welcome codes live an hour: for a process, no
    /// welcome is too late, however slow the machine is.
    pub(crate) async fn with_patient_welcomes(directory: &Path) -> Self {
        let usual = SandboxOptions::default();
        let options = SandboxOptions {
            welcome_ttl: AHEAD,
            clock: Clock::new(Ahead(usual.clock.clone())),
            ..usual
        };
        Self::with(directory, options).await
    }

    async fn with(directory: &Path, options: SandboxOptions) -> Self {
        let config = directory.join("secret.json");
        let keys = ConfigFile::make(&config).unwrap().keys().unwrap();
        let wecom = Sandbox::new(options).unwrap();
        for corp in keys.sandbox_corps("http://127.0.0.1:9") {
            wecom.add_corp(corp).unwrap();
        }
        let served = serve_on(&wecom, ([127, 0, 0, 1], 0).into()).await.unwrap();
        Self {
            corp: wecom.corp(DEMO_CORP).unwrap(),
            wecom,
            admin_key: keys.admin_keys[0].clone(),
            config,
            served,
        }
    }

    /// Starts a process on `data`, which calls WeCom at `wecom_base`, and lets WeCom deliver what is not acknowledged
    /// yet.
    pub(crate) fn start_at(&self, data: &Path, wecom_base: &str) -> (Server, Operator) {
        let (data, config) = (data.to_str().unwrap(), self.config.to_str().unwrap());
        let server = Server::start(&[
            "serve",
            "--port",
            "0",
            "--data",
            data,
            "--config",
            config,
            "--wecom-base",
            wecom_base,
        ]);
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

    /// The same, with calls to this WeCom.
    pub(crate) fn start(&self, data: &Path) -> (Server, Operator) {
        self.start_at(data, &self.served.base_url)
    }

    /// Waits until WeCom has delivered every event, or tried to for as often as it does.
    pub(crate) async fn settled(&self) {
        let settled = || self.wecom.events().iter().all(|event| event.settled());
        until("all events are delivered", settled).await;
    }

    /// The texts that our app sent to a customer.
    pub(crate) fn texts(&self, customer: &Happening) -> Vec<String> {
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

    /// Makes a channel with a tag and the welcome "hi", and returns its id.
    pub(crate) async fn make_channel(&self, operator: &Operator) -> String {
        let tags = self
            .corp
            .console_creates_tags("来源", &["展会"])
            .unwrap()
            .tag_ids;
        let channel = json!({"name": "展会", "users": ["zhangsan"], "tag_ids": tags, "welcome": {"text": "hi"}});
        let (status, channel) = operator.post("channels", &channel).await.unwrap();
        assert_eq!(status, 201, "{channel}");
        channel["id"].as_str().unwrap().to_owned()
    }
}

/// Waits until welcome and tags of a customer have outcomes, and returns their words.
pub(crate) async fn outcomes(operator: &Operator, customer: &Happening) -> (String, String) {
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
