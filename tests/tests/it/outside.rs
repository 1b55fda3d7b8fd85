//! What outlives the bundle: WeCom, the configuration file and the data directory. A bundle is started on it,
//! killed and started again, as a whole or taken apart.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform::BoxFuture;
use platform::environment::Environment;
use platform::metrics::Metrics;
use platform::secret::{LoadSecret, SecretError};
use platform::start::{Base, Platform};
use scrm_local::config::{ConfigFile, DEMO_CORP};
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, Stack, StackOptions, Wecom, aws_config};
use serde_json::{Value, json};
use tempfile::TempDir;
use wecom_sandbox::{Corp, DepartmentSetup, Sandbox, SandboxOptions, Served, serve_on};

use crate::leftovers::Leftovers;
use crate::operator::Operator;
use crate::time::Time;
use crate::world::{PATIENCE, World};

/// The admin key of every configuration here.
pub(crate) const ADMIN_KEY: &str = "an-admin-key-of-forty-characters-exactly";

/// The secret as the template makes it.
const UNFILLED: &str = "{}";

/// The configuration file as the secret that it stands for.
struct SecretFile(PathBuf);

impl LoadSecret for SecretFile {
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
        let text = fs::read_to_string(&self.0).unwrap();
        let id = "scrm/config".to_owned();
        let read = if text == UNFILLED {
            Err(SecretError::NotFilled { id })
        } else {
            Ok(text)
        };
        Box::pin(std::future::ready(read))
    }
}

/// A WeCom of its own server, and a directory of its own.
pub(crate) struct Outside {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) wecom_url: String,
    pub(crate) time: Time,
    _leftovers: Leftovers,
    directory: TempDir,
    config: Value,
    lines: Arc<Mutex<Vec<Value>>>,
    _served: Served,
}

impl Outside {
    /// A corp with these apps, each of which takes callbacks.
    pub(crate) async fn new(apps: &[&str]) -> Self {
        Self::with(config(apps), SandboxOptions::default()).await
    }

    /// A corp that takes this part of WeCom's limits: `{"pause": 2}`.
    pub(crate) async fn limited(limits: Value) -> Self {
        let mut config = config(&["contact"]);
        config["corps"][0]["limits"] = limits;
        Self::with(config, SandboxOptions::default()).await
    }

    /// The corps of a configuration, and a WeCom that behaves as `options` say.
    pub(crate) async fn with(config: Value, options: SandboxOptions) -> Self {
        Self::with_departments(config, options, &[]).await
    }

    /// A corp with one app and these departments, at a WeCom that behaves as `options` say.
    pub(crate) async fn divided(options: SandboxOptions, departments: &[DepartmentSetup]) -> Self {
        Self::with_departments(config(&["contact"]), options, departments).await
    }

    async fn with_departments(
        config: Value,
        options: SandboxOptions,
        departments: &[DepartmentSetup],
    ) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("secret.json");
        fs::write(&path, config.to_string()).unwrap();
        let time = Time::new();
        let options = SandboxOptions {
            clock: time.clock(),
            ..options
        };
        let wecom = Sandbox::new(options).unwrap();
        let keys = ConfigFile::open(&path).unwrap().keys().unwrap();
        // No bundle is there yet: each one that starts names its own address.
        for mut corp in keys.sandbox_corps("http://127.0.0.1:9") {
            corp.departments.extend_from_slice(departments);
            wecom.add_corp(corp).unwrap();
        }
        let served = serve_on(&wecom, ([127, 0, 0, 1], 0).into()).await.unwrap();
        Self {
            corp: wecom.corp(DEMO_CORP).unwrap(),
            wecom_url: served.base_url.clone(),
            time,
            _leftovers: Leftovers::of(&wecom),
            wecom,
            directory,
            config,
            lines: Arc::default(),
            _served: served,
        }
    }

    /// Waits until every event is delivered.
    pub(crate) async fn all_delivered(&self) {
        let settled = self.wecom.settled(PATIENCE);
        self.time.drive(settled).await.unwrap();
    }

    /// Lets a second pass: the times of WeCom's events are whole seconds.
    pub(crate) fn next_second(&self) {
        self.time.passes(Duration::from_secs(1));
    }

    /// The directory of the bundle's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The configuration file.
    pub(crate) fn secret(&self) -> PathBuf {
        self.directory.path().join("secret.json")
    }

    /// Puts another value for a key of an app into the configuration file, as a rotation would.
    pub(crate) fn rotate(&mut self, app: &str, key: &str, value: &str) {
        self.config["corps"][0]["apps"][app][key] = json!(value);
        fs::write(self.secret(), self.config.to_string()).unwrap();
    }

    /// Takes an app out of the configuration file.
    pub(crate) fn remove(&mut self, app: &str) {
        let apps = self.config["corps"][0]["apps"].as_object_mut().unwrap();
        apps.remove(app).unwrap();
        fs::write(self.secret(), self.config.to_string()).unwrap();
    }

    /// The adapters of one more function, over the tables at `dynamodb_url`.
    pub(crate) fn platform(&self, dynamodb_url: &str, function: &'static str) -> Platform {
        Platform::on(self.base(dynamodb_url, function)).unwrap()
    }

    /// Those of a function that makes no call to WeCom.
    pub(crate) fn base(&self, dynamodb_url: &str, function: &'static str) -> Base {
        let lines = Arc::clone(&self.lines);
        let metrics = Metrics::new(function, self.time.clock(), move |line| {
            lines
                .lock()
                .unwrap()
                .push(serde_json::from_str(line).unwrap());
        });
        self.base_measured_by(dynamodb_url, metrics)
    }

    /// The metric lines of all functions that were made by [`base`](Self::base) or [`platform`](Self::platform).
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// The same with metrics of the test's own.
    pub(crate) fn base_measured_by(&self, dynamodb_url: &str, metrics: Metrics) -> Base {
        let environment = Environment {
            inbox_table: INBOX_TABLE.to_owned(),
            data_table: DATA_TABLE.to_owned(),
            secret_id: String::new(),
            wecom_api_base: self.wecom_url.clone(),
            function_name: None,
        };
        let secret = SecretFile(self.secret());
        let (aws, clock) = (aws_config(dynamodb_url).unwrap(), self.time.clock());
        Base::with(aws, &environment, Box::new(secret), metrics, clock)
    }

    /// Makes the secret what the template makes it, or puts the configuration in.
    pub(crate) fn fill(&self, is_filled: bool) {
        let text = if is_filled {
            self.config.to_string()
        } else {
            UNFILLED.to_owned()
        };
        fs::write(self.secret(), text).unwrap();
    }

    /// Forgets how far the functions have come in the stream, so that every record comes again.
    pub(crate) fn forget_positions(&self) {
        for function in ["welcome", "tagging"] {
            // A function that never finished a batch has no position.
            let _absent = fs::remove_file(self.data().join(format!("{function}.position.json")));
        }
    }

    /// Starts the whole bundle. Dropped, it ends like a process that is killed.
    pub(crate) async fn world(&self) -> World {
        let stack = Stack::start(StackOptions {
            port: 0,
            data: Some(self.data()),
            config: Some(self.secret()),
            wecom: Wecom::At(self.wecom_url.clone()),
            clock: self.time.clock(),
        });
        let stack = self.time.drive(stack).await.unwrap();
        self.callbacks_go_to(&stack.url);
        World {
            operator: Operator::new(&stack.url, DEMO_CORP, ADMIN_KEY, &self.time),
            stack,
            wecom: self.wecom.clone(),
            corp: self.corp.clone(),
            time: self.time.clone(),
            _leftovers: None,
        }
    }

    /// Sends the callbacks of every app to a front door.
    pub(crate) fn callbacks_go_to(&self, front_door: &str) {
        for corp in self.config["corps"].as_array().unwrap() {
            let id = corp["corp_id"].as_str().unwrap();
            let at_wecom = self.wecom.corp(id).unwrap();
            for app in corp["apps"].as_object().unwrap().keys() {
                let url = format!("{front_door}/callback/{id}/{app}");
                at_wecom.set_callback_url(app, &url).unwrap();
            }
        }
    }
}

/// Keys that differ from app to app, and nothing secret.
pub(crate) fn config(apps: &[&str]) -> Value {
    let app = |(number, name): (usize, &&str)| {
        let keys = json!({
            "agent_id": 1_000_002 + number,
            "secret": format!("secret-of-{name}"),
            "token": format!("tokenOf{name}"),
            "encoding_aes_key": format!("{number}").repeat(43),
        });
        ((*name).to_owned(), keys)
    };
    let apps: serde_json::Map<String, Value> = apps.iter().enumerate().map(app).collect();
    json!({
        "admin_keys": [ADMIN_KEY],
        "corps": [{"corp_id": DEMO_CORP, "timezone": "Asia/Shanghai", "apps": apps}],
    })
}
