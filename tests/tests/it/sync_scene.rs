//! A scheduled sync whose processes a test starts one by one, over ports that may crash, with tables in memory or with
//! a whole bundle.

use std::time::Duration;

use ::sync::{LeaseTuning, Schedule, SyncTuning, Syncer, Task};
use domain::channel::{Channel, ChannelId, Remote};
use domain::instant::UnixSeconds;
use domain::ports::{ChannelStore, ProvisionChannel};
use futures::FutureExt;
use lambda_runtime::{Context, LambdaEvent};
use platform::layout;
use platform::start::Platform;
use platform::store::Store;
use platform::wecom_api::WecomApi;
use scrm_local::config::DEMO_CORP;
use scrm_local::embedded::{Embedded, Place};
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, aws_config};
use scrm_local::start::Listeners;
use scrm_local::tables;
use serde_json::{Value, json};
use wecom::{AppName, CorpId};
use wecom_sandbox::{DepartmentSetup, SandboxOptions};

use crate::crashing::{CrashingPort, FaultPoint};
use crate::external_world::ExternalWorld;
use crate::time::Time;
use crate::world::APP;

/// A pace for small corps and processes that crash: chunks of two members, leases of a second, and no settling time for
/// events. No heartbeat happens between the steps, so that they are the same every time.
pub(crate) const TUNING: SyncTuning = SyncTuning {
    chunks_per_call: 2,
    lease: LeaseTuning {
        lease: Duration::from_secs(1),
        heartbeat: Duration::from_secs(60),
    },
    margin: Duration::from_secs(20),
    settle: Duration::ZERO,
    members_per_chunk: 2,
};
/// WeCom, and tables in memory without the rest of the bundle.
pub(crate) struct Scene {
    pub(crate) external: ExternalWorld,
    pub(crate) platform: Platform,
    embedded: Embedded,
}

/// A process of the sync. Dropping it is like killing it.
pub(crate) struct Process {
    syncer: Syncer<CrashingPort<Store>, CrashingPort<WecomApi>>,
    owner: String,
    fault_point: FaultPoint,
    time: Time,
}

impl Scene {
    /// A corp of zhangsan, lisi and wangwu with two departments below the root.
    pub(crate) async fn new() -> Self {
        let external =
            ExternalWorld::with_departments(SandboxOptions::default(), &departments()).await;
        let listener = Listeners::bind(0).await.unwrap().dynamodb;
        let embedded = Embedded::start(Place::Memory, listener).await.unwrap();
        let client = aws_sdk_dynamodb::Client::new(&aws_config(embedded.endpoint()).unwrap());
        for (name, table) in [(INBOX_TABLE, &layout::INBOX), (DATA_TABLE, &layout::DATA)] {
            tables::ensure(&client, name, table).await.unwrap();
        }
        Self {
            platform: external.platform(embedded.endpoint(), "sync"),
            external,
            embedded,
        }
    }

    /// Creates a process of the sync.
    pub(crate) fn process(
        &self,
        owner: &str,
        pace: SyncTuning,
        fault_point: &FaultPoint,
    ) -> Process {
        Process::new(
            &self.platform,
            &self.external.time,
            owner,
            pace,
            fault_point,
        )
    }

    /// The client of the tables.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&aws_config(self.embedded.endpoint()).unwrap())
    }

    /// The adapters of a function.
    pub(crate) fn platform_of(&self, function: &'static str) -> Platform {
        self.external.platform(self.embedded.endpoint(), function)
    }

    /// The stored data.
    pub(crate) fn store(&self) -> &Store {
        &self.platform.store
    }
}

/// A channel of zhangsan that sets these tags, created as the admin API does it.
pub(crate) async fn make_channel(platform: &Platform, tag_ids: &[String]) -> ChannelId {
    let spec = json!({"name": "展会", "users": ["zhangsan"], "tag_ids": tag_ids});
    let mut channel = Channel {
        id: ChannelId::from_random(7),
        spec: serde_json::from_value(spec).unwrap(),
        app: AppName::from(APP),
        remote: Remote::Creating,
        on_duty: None,
        duty_until: None,
        update_lease_until: None,
        version: 1,
        created_at: UnixSeconds::EPOCH,
        updated_at: UnixSeconds::EPOCH,
    };
    channel.remote = platform.wecom.make(&corp_id(), &channel).await.unwrap();
    let corp = corp_id();
    let put = platform.store.put_channel(&corp, &channel, None);
    assert!(put.await.unwrap());
    channel.id
}

/// Two departments, one below the other.
pub(crate) fn departments() -> [DepartmentSetup; 2] {
    [(2, 1, "销售部"), (3, 2, "华东区")].map(|(id, parent_id, name)| DepartmentSetup {
        id,
        parent_id,
        name: name.to_owned(),
    })
}

/// The corp.
pub(crate) fn corp_id() -> CorpId {
    CorpId::from(DEMO_CORP)
}

impl Process {
    /// A process over these adapters that holds its leases as `owner`.
    pub(crate) fn new(
        platform: &Platform,
        time: &Time,
        owner: &str,
        pace: SyncTuning,
        fault_point: &FaultPoint,
    ) -> Self {
        let wrap = |store, wecom| (fault_point.wrap(store), fault_point.wrap(wecom));
        Self {
            syncer: Syncer::through(platform.clone(), wrap).tuned(pace),
            owner: owner.to_owned(),
            fault_point: fault_point.clone(),
            time: time.clone(),
        }
    }

    /// Runs a scheduled task, and returns its answer.
    pub(crate) async fn run(&self, task: Task) -> Value {
        let mut context = Context::default();
        context.request_id.clone_from(&self.owner);
        let event = LambdaEvent::new(Schedule { task }, context);
        // Boxed, because the future is too large for the stack of a test.
        let handled = self.syncer.handle(event).boxed();
        self.time.drive(handled).await.unwrap()
    }

    /// Runs a reconcile, and returns its answer.
    pub(crate) async fn reconcile(&self) -> Value {
        self.run(Task::Reconcile).await
    }

    /// Runs a tick, and returns its result for the corp.
    pub(crate) async fn tick(&self) -> Value {
        self.run(Task::Tick).await["corps"][DEMO_CORP].take()
    }

    /// Runs `task` until it crashes, and returns the point; or until it is done, and returns `None`.
    pub(crate) async fn crashes_before(&self, task: Task) -> Option<String> {
        tokio::select! {
            _ = self.run(task) => None,
            point = self.fault_point.reached() => Some(point),
        }
    }

    /// Runs ticks until no run is in progress. The run of a killed process is free when its lease has expired.
    pub(crate) async fn tick_until_idle(&self) {
        let mut patience = self.time.patience();
        loop {
            let tick = self.tick().await;
            for part in ["tokens", "due", "folded", "run"] {
                assert!(tick[part].get("error").is_none(), "{tick}");
            }
            if tick["run"].is_null() || tick["run"]["state"] == "finished" {
                return;
            }
            self.time.passes(TUNING.lease.lease);
            patience.wait_to_poll(&tick.to_string()).await;
        }
    }
}
