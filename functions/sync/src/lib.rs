//! The scheduled sync. EventBridge sends `{"task": "tick"}` every minute and `{"task": "reconcile"}` once a day.
//!
//! A tick (`tick.rs`) does what is due: tokens, pending events, channels at a boundary of their schedule, media that
//! expire, tags to retry, and the rest of a run that had to stop. Its parts are bounded, and none depends on another's
//! success. A reconcile (`reconcile.rs`) reads a whole corp and updates what is stored. It works under a lease
//! (`operations::run`), stores each page that it has done, stops ahead of the function's deadline, and is resumed by
//! the next tick. The work on one corp is a `Pass` (`pass.rs`).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clock::Clock;
use domain::ports::{
    AddressBookApi, BalanceStore, ChannelStore, CountStore, CustomerApi, DueStore, EventStore,
    GroupApi, GroupStore, MediaApi, MemberStore, ObserveRelations, OutcomeStore, ProvisionChannel,
    ReadAcquisition, ReadQuota, RefreshTokens, RelationStore, RunStore, TagApi, TagStore,
    WelcomeStore,
};
use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent};
use platform::callback_url::CallbackUrl;
use platform::config::Corp;
use platform::metrics::Metrics;
use platform::secret::{ConfigSource, SecretError};
use platform::start::Platform;
use platform::wecom_api::WecomApi;
use serde::Deserialize;
use serde_json::Value;

use crate::pass::Target;

mod concurrent;
mod error;
mod media;
mod observe;
mod pass;
mod reconcile;
mod repair;
mod tick;

pub use operations::run::LeaseTuning;

domain::port_set! {
    /// What the sync asks of its store.
    pub trait Store:
        BalanceStore, ChannelStore, CountStore, DueStore, EventStore, GroupStore, MemberStore, ObserveRelations,
        OutcomeStore, ReadQuota, RelationStore, RunStore, TagStore, WelcomeStore
}

domain::port_set! {
    /// What the sync asks of WeCom.
    pub trait Wecom:
        AddressBookApi, CustomerApi, GroupApi, MediaApi, ProvisionChannel, ReadAcquisition, RefreshTokens, TagApi
}

/// How the sync paces itself.
#[derive(Debug, Clone, Copy)]
pub struct SyncTuning {
    /// How the lease of a run is kept.
    pub lease: LeaseTuning,
    /// How long before the function's deadline nothing more is begun: a page takes a call, its retries and its writes.
    pub margin: Duration,
    /// The minimum age of an event before it is processed. The details of a group lag about 2 s behind an event (WeCom
    /// doc 92130), and one edit by a member causes several events, which are then processed together.
    pub settle: Duration,
    /// Members whose customers are read together, 100 at most (WeCom doc 92994). Fewer make better progress in
    /// parallel, and each group of them costs half a page.
    pub members_per_chunk: usize,
    /// Chunks and members in work for each call that may be in flight: while one is compared and written, the next is
    /// asked for. The governor limits the number of calls themselves.
    pub chunks_per_call: usize,
}

impl Default for SyncTuning {
    fn default() -> Self {
        Self {
            lease: LeaseTuning {
                lease: Duration::from_secs(15),
                heartbeat: Duration::from_secs(4),
            },
            margin: Duration::from_secs(20),
            settle: Duration::from_secs(3),
            members_per_chunk: 20,
            chunks_per_call: 2,
        }
    }
}

/// What a schedule sends.
#[derive(Debug, Clone, Deserialize)]
pub struct Schedule {
    /// What is to be done.
    pub task: Task,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// What is due.
    Tick,
    /// The whole corp.
    Reconcile,
}

/// The function with what it needs.
pub struct Syncer<S, W> {
    config: Arc<ConfigSource>,
    store: S,
    wecom: W,
    callback_url: CallbackUrl,
    /// When this process last called the callback's URL.
    callback_checked_at: Mutex<Option<Instant>>,
    metrics: Metrics,
    tuning: SyncTuning,
    clock: Clock,
}

impl Syncer<platform::store::Store, WecomApi> {
    /// The function as it is deployed, over these adapters.
    #[must_use]
    pub fn on(platform: Platform) -> Self {
        Self::through(platform, |store, wecom| (store, wecom))
    }
}

impl<S, W> Syncer<S, W> {
    /// The same function, which reaches its ports through what `wrap` makes of them.
    pub fn through(
        platform: Platform,
        wrap: impl FnOnce(platform::store::Store, WecomApi) -> (S, W),
    ) -> Self {
        let (store, wecom) = wrap(platform.store, platform.wecom);
        Self {
            config: platform.config,
            store,
            wecom,
            callback_url: platform.callback_url,
            callback_checked_at: Mutex::new(None),
            metrics: platform.metrics,
            tuning: SyncTuning::default(),
            clock: platform.clock,
        }
    }

    /// The same function with another tuning than the default one.
    #[must_use]
    pub fn tuned(self, tuning: SyncTuning) -> Self {
        Self { tuning, ..self }
    }
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Does what the schedule asks for, for every corp, and says what was done.
    ///
    /// # Errors
    /// When there is no configuration, or a reconcile cannot be begun. The schedule then tries again.
    pub async fn handle(&self, event: LambdaEvent<Schedule>) -> Result<Value, Error> {
        let config = match self.config.current().await {
            Ok(config) => config,
            Err(error) => {
                if matches!(error, SecretError::NotFilled { .. }) {
                    self.check_callback_urls(None).await;
                }
                return Err(error.into());
            }
        };
        let until = self.end_of_work(&event.context);
        let owner = &event.context.request_id;
        let corps: Vec<&Corp> = config.corps().collect();
        let targets = corps.iter().filter_map(|corp| {
            Some(Target {
                corp: &corp.id,
                config: corp,
                app: &corp.main_app()?.name,
                timezone: &corp.timezone,
                until,
                owner,
            })
        });
        let targets: Vec<Target<'_>> = targets.collect();
        match event.payload.task {
            Task::Tick => Ok(self.tick(&config, &targets).await),
            Task::Reconcile => self.reconcile(&targets).await,
        }
    }

    /// When to stop beginning things: the margin before the deadline of the invocation. Without a deadline in sight
    /// there is a minute.
    fn end_of_work(&self, context: &Context) -> Instant {
        const UNKNOWN: Duration = Duration::from_secs(60);
        let deadline = Timestamp::try_from(context.deadline()).unwrap_or(Timestamp::MAX);
        let left = Duration::try_from(deadline.duration_since(self.clock.now()));
        let left = left.unwrap_or(UNKNOWN).saturating_sub(self.tuning.margin);
        let now = self.clock.instant();
        now.checked_add(left).unwrap_or(now)
    }
}
