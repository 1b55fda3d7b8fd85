//! The sync as an instance of its own beside the local stack's: with a deadline and a pace of the test's choice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, LambdaEvent};
use platform::start::Platform;
use platform::store::Store;
use platform::wecom_api::WecomApi;
use serde_json::Value;
use sync::{Pace, Schedule, Syncer, Task};

use crate::outside::Outside;
use crate::world::World;

/// One instance.
pub(crate) struct Instance {
    syncer: Arc<Syncer<Store, WecomApi>>,
    invocations: AtomicU64,
}

/// A pace for deadlines of milliseconds: no margin, no time to settle, every member alone.
pub(crate) const QUICK: Pace = Pace {
    side_by_side: 2,
    lease: Duration::from_secs(30),
    heartbeat: Duration::from_millis(50),
    margin: Duration::ZERO,
    settle: Duration::ZERO,
    members_together: 1,
};

impl Instance {
    /// An instance over the tables of `world`.
    pub(crate) fn beside(outside: &Outside, world: &World, pace: Pace) -> Self {
        Self::at(outside, &world.stack.dynamodb_url, pace)
    }

    /// An instance whose AWS is at `endpoint`.
    pub(crate) fn at(outside: &Outside, endpoint: &str, pace: Pace) -> Self {
        let Platform {
            config,
            store,
            wecom,
            metrics,
        } = outside.platform(endpoint, "sync");
        Self {
            syncer: Arc::new(Syncer::new(config, store, wecom, metrics, pace)),
            invocations: AtomicU64::default(),
        }
    }

    /// Does `task` within `time`, as a function with that time-out, and returns what it answers.
    pub(crate) async fn invoke(&self, task: Task, time: Duration) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let mut context = Context::default();
        context.request_id = format!("invocation-{number}");
        context.deadline = u64::try_from((now + time).as_millis()).unwrap();
        let event = LambdaEvent::new(Schedule { task }, context);
        // On a thread of the runtime, as behind the local stack: a test's own stack has the test on it already.
        let syncer = Arc::clone(&self.syncer);
        tokio::spawn(async move { syncer.handle(event).await.unwrap() })
            .await
            .unwrap()
    }
}
