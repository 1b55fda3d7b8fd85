//! A separate instance of the sync, next to the one of the local stack, with a deadline and a pace that the test
//! chooses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambda_runtime::{Context, Error, LambdaEvent};
use platform::metrics::Metrics;
use platform::start::Platform;
use platform::store::Store;
use platform::wecom_api::WecomApi;
use serde_json::{Value, json};
use sync::{LeaseTuning, Schedule, SyncTuning, Syncer, Task};

use crate::external_world::ExternalWorld;
use crate::time::Time;
use crate::world::World;

/// One instance of the sync.
pub(crate) struct Instance {
    syncer: Arc<Syncer<Store, WecomApi>>,
    invocations: AtomicU64,
    lines: Arc<Mutex<Vec<String>>>,
    time: Time,
}

/// A pace for deadlines of milliseconds: no margin, no settling time, one member per chunk.
pub(crate) const QUICK: SyncTuning = SyncTuning {
    chunks_per_call: 2,
    lease: LeaseTuning {
        lease: Duration::from_secs(30),
        heartbeat: Duration::from_millis(50),
    },
    margin: Duration::ZERO,
    settle: Duration::ZERO,
    members_per_chunk: 1,
};

impl Instance {
    /// An instance over the tables of `world`.
    pub(crate) fn on(external: &ExternalWorld, world: &World, pace: SyncTuning) -> Self {
        Self::at(external, &world.stack.dynamodb_url, pace)
    }

    /// An instance that uses the AWS endpoint at `endpoint`.
    pub(crate) fn at(external: &ExternalWorld, endpoint: &str, pace: SyncTuning) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let written = Arc::clone(&lines);
        let time = external.time.clone();
        let metrics = Metrics::new("dev-sync", time.clock(), move |line| {
            written.lock().unwrap().push(line.to_owned());
        });
        let platform = Platform::on(external.base_measured_by(endpoint, metrics)).unwrap();
        Self {
            syncer: Arc::new(Syncer::on(platform).tuned(pace)),
            time,
            invocations: AtomicU64::default(),
            lines,
        }
    }

    /// Runs a tick, and returns the metrics that have no dimension except the function: value and unit by name.
    pub(crate) async fn gauges(&self) -> BTreeMap<String, (i64, String)> {
        self.lines.lock().unwrap().clear();
        self.invoke(Task::Tick, Duration::from_secs(30)).await;
        self.measured()
    }

    /// The metrics without a dimension except the function that were written since they were looked at last.
    pub(crate) fn measured(&self) -> BTreeMap<String, (i64, String)> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        let mut gauges = BTreeMap::new();
        for line in lines {
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["function"], "dev-sync");
            let metric = &line["_aws"]["CloudWatchMetrics"][0];
            if metric["Dimensions"] != json!([["function"]]) {
                continue;
            }
            let text = |name| metric["Metrics"][0][name].as_str().unwrap().to_owned();
            #[expect(clippy::cast_possible_truncation, reason = "gauges are whole numbers")]
            let value = line[text("Name")].as_f64().unwrap() as i64;
            let twice = gauges.insert(text("Name"), (value, text("Unit")));
            assert_eq!(twice, None, "a gauge is reported twice: {line}");
        }
        gauges
    }

    /// Runs `task` with the timeout `time`, and returns the answer.
    pub(crate) async fn invoke(&self, task: Task, time: Duration) -> Value {
        self.try_invoke(task, time).await.unwrap()
    }

    /// The same, also if it fails.
    pub(crate) async fn try_invoke(&self, task: Task, time: Duration) -> Result<Value, Error> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let mut context = Context::default();
        context.request_id = format!("invocation-{number}");
        let deadline = self.time.now() + time;
        context.deadline = u64::try_from(deadline.as_millisecond()).unwrap();
        let event = LambdaEvent::new(Schedule { task }, context);
        // On a thread of the runtime, as behind the local stack: the stack of a test thread is too small for both.
        let syncer = Arc::clone(&self.syncer);
        let handled = tokio::spawn(async move { syncer.handle(event).await });
        self.time.drive(handled).await.unwrap()
    }
}
