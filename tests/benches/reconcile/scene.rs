//! The environment of the function: a large corp in the sandbox, and the embedded DynamoDB behind a counting proxy.

use clock::Clock;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use platform::environment::Environment;
use platform::layout;
use platform::store::Store;
use scrm_local::embedded::{Embedded, Place};
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, aws_config};
use scrm_local::start::Listeners;
use scrm_local::tables;
use serde_json::json;
use tempfile::TempDir;
use wecom::CorpId;
use wecom_sandbox::{
    AppSetup, Corp, CorpSetup, DepartmentSetup, Growth, Sandbox, SandboxOptions, Served, serve_on,
};

use crate::Options;
use crate::counter::Counter;
use crate::function::Task;

const CORP: &str = "wwbench00000000001";
const APP: &str = "contact";
const AGENT_ID: u64 = 1_000_002;
const SECRET: &str = "a-secret-of-the-bench-0123456789abcdefghijk";
const TOKEN: &str = "benchtoken";
const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
/// Departments below the root.
const DEPARTMENTS: u32 = 20;

/// Everything that stays the same between two passes.
pub(crate) struct Scene {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) counter: Counter,
    /// A client that is not counted.
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) task: Task,
    _database: Embedded,
    _served: Served,
    _directory: TempDir,
}

impl Scene {
    pub(crate) async fn open(options: &Options) -> Result<Self, String> {
        let wecom = Sandbox::new(SandboxOptions {
            latency: Duration::from_millis(options.latency_ms),
            // The journal of requests is not used.
            journal_bytes: 0,
            ..SandboxOptions::default()
        });
        let wecom = wecom.map_err(|error| error.to_string())?;
        let corp = grow(&wecom, options)?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let served = serve_on(&wecom, any).await;
        let served = served.map_err(|error| error.to_string())?;

        let listeners = Listeners::bind(0)
            .await
            .map_err(|error| error.to_string())?;
        let database = Embedded::start(Place::Memory, listeners.dynamodb).await;
        let database = database.map_err(|error| error.to_string())?;
        let aws = aws_config(database.endpoint()).map_err(|error| error.to_string())?;
        let client = Client::new(&aws);
        for (name, table) in [(INBOX_TABLE, &layout::INBOX), (DATA_TABLE, &layout::DATA)] {
            let made = tables::ensure(&client, name, table).await;
            made.map_err(|error| error.to_string())?;
        }
        let counter = Counter::start(listeners.gateway, database.endpoint())?;

        let directory = TempDir::new().map_err(|error| error.to_string())?;
        let config = directory.path().join("config.json");
        fs::write(&config, configuration(options)).map_err(|error| error.to_string())?;
        let environment = Environment {
            inbox_table: INBOX_TABLE.to_owned(),
            data_table: DATA_TABLE.to_owned(),
            secret_id: String::new(),
            wecom_api_base: served.base_url.clone(),
            inbox_days: layout::INBOX_DAYS,
            public_url: None,
            function_name: None,
        };
        Ok(Self {
            task: Task {
                dynamodb: counter.url().to_owned(),
                wecom: served.base_url.clone(),
                config,
                members_together: options.members_together,
                side_by_side: options.side_by_side,
            },
            store: Store::new(client.clone(), &environment, Clock::system()),
            wecom,
            corp,
            counter,
            client,
            _database: database,
            _served: served,
            _directory: directory,
        })
    }

    /// The corp's id.
    pub(crate) fn corp_id(&self) -> CorpId {
        CorpId::from(CORP)
    }

    /// Calls to WeCom so far, by API.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for call in self.wecom.calls() {
            *calls.entry(call.api.clone()).or_default() += 1;
        }
        calls
    }
}

fn grow(wecom: &Sandbox, options: &Options) -> Result<Corp, String> {
    let department = |id| DepartmentSetup {
        id,
        parent_id: 1,
        name: format!("部门{id}"),
    };
    let corp = wecom.add_corp(CorpSetup {
        corp_id: CORP.to_owned(),
        apps: vec![AppSetup {
            name: APP.to_owned(),
            agent_id: AGENT_ID,
            secret: SECRET.to_owned(),
            token: TOKEN.to_owned(),
            encoding_aes_key: AES_KEY.to_owned(),
            // No callback: the events of the tags are not part of the load.
            callback_url: String::new(),
        }],
        departments: (2..2 + DEPARTMENTS).map(department).collect(),
        members: Vec::new(),
    });
    let corp = corp.map_err(|error| error.to_string())?;
    for (group, tags) in [
        ("来源", ["展会", "官网", "介绍"]),
        ("意向", ["高", "中", "低"]),
    ] {
        let made = corp.console_creates_tags(group, &tags);
        made.map_err(|error| error.to_string())?;
    }
    let growth = Growth {
        members: options.members,
        relations: options.relations,
        groups: options.groups,
        // The states of contact ways that other tools have created.
        states: ["hall", "web", "card"].map(str::to_owned).to_vec(),
        seed: 1,
    };
    corp.grow(&growth).map_err(|error| error.to_string())?;
    Ok(corp)
}

fn configuration(options: &Options) -> String {
    let app = json!({
        "agent_id": AGENT_ID, "secret": SECRET, "token": TOKEN, "encoding_aes_key": AES_KEY,
    });
    let limits = json!({"in_flight": options.in_flight, "per_minute": options.per_minute});
    json!({
        "admin_keys": ["a-key-that-nobody-uses-0123456789abcdefghi"],
        "corps": [{
            "corp_id": CORP, "timezone": "Asia/Shanghai", "limits": limits, "apps": {APP: app},
        }],
    })
    .to_string()
}
