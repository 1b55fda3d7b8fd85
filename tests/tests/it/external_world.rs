//! Everything that outlives the bundle: WeCom, the configuration file and the data directory. A test starts a bundle on
//! it, kills it and starts it again, as a whole or as separate functions.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform::BoxFuture;
use platform::config::Needs;
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

/// The data key of every configuration here, 32 bytes in base64.
const DATA_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// The secret as the template creates it.
const UNFILLED: &str = "{}";

/// Reads the configuration file in place of the secret.
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

/// A WeCom sandbox with its own server, and a directory of its own.
pub(crate) struct ExternalWorld {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) wecom_url: String,
    pub(crate) time: Time,
    _leftovers: Leftovers,
    directory: TempDir,
    config: Value,
    /// Where functions that are made from now on believe that WeCom reaches the callback.
    pub(crate) public_url: Mutex<Option<String>>,
    lines: Arc<Mutex<Vec<Value>>>,
    _served: Served,
}

impl ExternalWorld {
    /// A corp with these apps, each of which receives callbacks.
    pub(crate) async fn new(apps: &[&str]) -> Self {
        Self::with(config(apps), SandboxOptions::default()).await
    }

    /// A corp with these limits in the configuration: `{"pause": 2}`.
    pub(crate) async fn limited(limits: Value) -> Self {
        let mut config = config(&["contact"]);
        config["corps"][0]["limits"] = limits;
        Self::with(config, SandboxOptions::default()).await
    }

    /// The corps of a configuration, and a WeCom with these options.
    pub(crate) async fn with(config: Value, options: SandboxOptions) -> Self {
        Self::build(config, options, &[]).await
    }

    /// A corp with one app and these departments, at a WeCom with these options.
    pub(crate) async fn with_departments(
        options: SandboxOptions,
        departments: &[DepartmentSetup],
    ) -> Self {
        Self::build(config(&["contact"]), options, departments).await
    }

    async fn build(
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
        // A placeholder: each bundle sets its own callback addresses when it starts.
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
            public_url: Mutex::default(),
            _served: served,
        }
    }

    /// Waits until every event is delivered.
    pub(crate) async fn all_delivered(&self) {
        let settled = self.wecom.settled(PATIENCE);
        self.time.drive(settled).await.unwrap();
    }

    /// Advances the clock by a second: the times of WeCom's events are whole seconds.
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

    /// Writes another value for a key of an app to the configuration file, as a rotation does.
    pub(crate) fn rotate(&mut self, app: &str, key: &str, value: &str) {
        self.config["corps"][0]["apps"][app][key] = json!(value);
        fs::write(self.secret(), self.config.to_string()).unwrap();
    }

    /// Removes an app from the configuration file.
    pub(crate) fn remove(&mut self, app: &str) {
        let apps = self.config["corps"][0]["apps"].as_object_mut().unwrap();
        apps.remove(app).unwrap();
        fs::write(self.secret(), self.config.to_string()).unwrap();
    }

    /// The adapters of a further function, over the tables at `dynamodb_url`.
    pub(crate) fn platform(&self, dynamodb_url: &str, function: &'static str) -> Platform {
        Platform::on(self.base(dynamodb_url, function)).unwrap()
    }

    /// The adapters of a function that does not call WeCom.
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

    /// The same with metrics that the test provides.
    pub(crate) fn base_measured_by(&self, dynamodb_url: &str, metrics: Metrics) -> Base {
        let environment = Environment {
            inbox_table: INBOX_TABLE.to_owned(),
            data_table: DATA_TABLE.to_owned(),
            secret_id: String::new(),
            wecom_api_base: self.wecom_url.clone(),
            inbox_days: platform::layout::INBOX_DAYS,
            public_url: self.public_url.lock().unwrap().clone(),
            function_name: None,
        };
        let secret = SecretFile(self.secret());
        let (aws, clock) = (aws_config(dynamodb_url).unwrap(), self.time.clock());
        Base::with(
            aws,
            &environment,
            (Box::new(secret), Needs::Everything),
            metrics,
            clock,
        )
    }

    /// Writes the configuration to the secret, or resets the secret to what the template creates.
    pub(crate) fn fill(&self, is_filled: bool) {
        let text = if is_filled {
            self.config.to_string()
        } else {
            UNFILLED.to_owned()
        };
        fs::write(self.secret(), text).unwrap();
    }

    /// Deletes the functions' stream positions, so that every record is delivered again.
    pub(crate) fn forget_positions(&self) {
        for function in ["welcome", "tagging"] {
            // A function that has not finished a batch has no position.
            let _absent = fs::remove_file(self.data().join(format!("{function}.position.json")));
        }
    }

    /// Starts the whole bundle. Dropping it is like killing its process.
    pub(crate) async fn world(&self) -> World {
        let stack = Stack::start(StackOptions {
            port: 0,
            data: Some(self.data()),
            config: Some(self.secret()),
            wecom: Wecom::At(self.wecom_url.clone()),
            shards: 1,
            clock: self.time.clock(),
        });
        let stack = self.time.drive(stack).await.unwrap();
        self.direct_callbacks(&stack.url);
        World {
            operator: Operator::new(&stack.url, DEMO_CORP, ADMIN_KEY, &self.time),
            stack,
            wecom: self.wecom.clone(),
            corp: self.corp.clone(),
            time: self.time.clone(),
            _leftovers: None,
        }
    }

    /// Directs the callbacks of every app to this gateway.
    pub(crate) fn direct_callbacks(&self, gateway_url: &str) {
        for corp in self.config["corps"].as_array().unwrap() {
            let id = corp["corp_id"].as_str().unwrap();
            let at_wecom = self.wecom.corp(id).unwrap();
            for app in corp["apps"].as_object().unwrap().keys() {
                let url = format!("{gateway_url}/callback/{id}/{app}");
                at_wecom.set_callback_url(app, &url).unwrap();
            }
        }
    }
}

/// A configuration with different keys for each app; none of them is secret.
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
        "data_keys": {"current": "test", "seal": {"test": DATA_KEY}, "index": DATA_KEY},
        "corps": [{"corp_id": DEMO_CORP, "timezone": "Asia/Shanghai", "apps": apps}],
    })
}
