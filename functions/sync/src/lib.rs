//! The scheduled sync. EventBridge sends `{"task": "tick"}` every minute and `{"task": "reconcile"}` once a day.
//!
//! A tick (`tick.rs`) does what is due: tokens, pending events, channels at a boundary of their
//! schedule, media that expire, tags to retry, and the rest of a run that had to stop. Its parts are
//! bounded and know nothing of each other's failure. A reconcile (`reconcile.rs`) reads a whole corp and puts what is
//! stored in step with it. It works under a lease, writes down each page that it has done, stops ahead of the function's
//! deadline and is resumed by the next tick.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clock::Clock;
use domain::ports::{
    ChangeRelation, CountDay, CountFacts, FindWork, KeepBalance, KeepChannels, KeepGroups,
    KeepMembers, KeepRemoteChannel, KeepRuns, KeepTagLibrary, KeepWelcomes, MarkTags,
    ObserveRelations, ReadAcquisition, ReadAddressBook, ReadCustomers, ReadEvents, ReadFollowers,
    ReadGroups, ReadQuota, ReadRelation, ReadTagLibrary, RecordTags, RefreshTokens, UploadMedia,
    UploadPicture,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lambda_runtime::{Context, Error, LambdaEvent};
use platform::config::Corp;
use platform::metrics::Metrics;
use platform::secret::ConfigSource;
use platform::start::Platform;
use platform::wecom_api::WecomApi;
use serde::Deserialize;
use serde_json::Value;
use wecom::{AppName, CorpId};

mod calls;
mod media;
mod meter;
mod observe;
mod reconcile;
mod repair;
mod tick;
mod together;
mod trouble;

pub use reconcile::Slice;

/// What the sync asks of its store.
pub trait Store:
    ChangeRelation
    + CountDay
    + CountFacts
    + FindWork
    + KeepBalance
    + KeepChannels
    + KeepGroups
    + KeepMembers
    + KeepRuns
    + KeepTagLibrary
    + KeepWelcomes
    + ObserveRelations
    + ReadEvents
    + ReadQuota
    + ReadRelation
    + RecordTags
    + Sync
{
}
impl<
    T: ChangeRelation
        + CountDay
        + CountFacts
        + FindWork
        + KeepBalance
        + KeepChannels
        + KeepGroups
        + KeepMembers
        + KeepRuns
        + KeepTagLibrary
        + KeepWelcomes
        + ObserveRelations
        + ReadEvents
        + ReadQuota
        + ReadRelation
        + RecordTags
        + Sync,
> Store for T
{
}

/// What the sync asks of WeCom.
pub trait Wecom:
    KeepRemoteChannel
    + MarkTags
    + ReadAcquisition
    + ReadAddressBook
    + ReadCustomers
    + ReadFollowers
    + ReadGroups
    + ReadTagLibrary
    + RefreshTokens
    + UploadMedia
    + UploadPicture
    + Sync
{
}
impl<
    T: KeepRemoteChannel
        + MarkTags
        + ReadAcquisition
        + ReadAddressBook
        + ReadCustomers
        + ReadFollowers
        + ReadGroups
        + ReadTagLibrary
        + RefreshTokens
        + UploadMedia
        + UploadPicture
        + Sync,
> Wecom for T
{
}

/// How the sync paces itself.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long a process that has ended without a word keeps others from its run.
    pub lease: Duration,
    /// How often a run is written down and its lease prolonged.
    pub heartbeat: Duration,
    /// How long before the function's deadline no more is begun: a page takes a call, its retries and its writes.
    pub margin: Duration,
    /// The minimum age of an event before it is processed. The details of a group lag about 2 s behind an event (WeCom
    /// doc 92130), and one edit by a member causes several events, which are then processed together.
    pub settle: Duration,
    /// Members whose customers are read together, 100 at most (WeCom doc 92994). Fewer make better progress in
    /// parallel, and each group of them costs half a page.
    pub members_together: usize,
    /// Chunks and members in work for each call that may be in flight: while one is compared and written, the next is
    /// asked for. The governor holds the calls themselves to their number.
    pub side_by_side: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            heartbeat: Duration::from_secs(4),
            margin: Duration::from_secs(20),
            settle: Duration::from_secs(3),
            members_together: 20,
            side_by_side: 2,
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
    metrics: Metrics,
    pace: Pace,
    clock: Clock,
}

/// The corp that a part works on, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) corp: &'a CorpId,
    pub(crate) config: &'a Corp,
    /// The app that reads and makes.
    pub(crate) app: &'a AppName,
    pub(crate) timezone: &'a TimeZone,
    /// Nothing is begun after it.
    pub(crate) until: Instant,
    pub(crate) clock: &'a Clock,
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
            metrics: platform.metrics,
            pace: Pace::default(),
            clock: platform.clock,
        }
    }

    /// Paces itself otherwise than by default.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Does what the schedule asks for, for every corp, and says what was done.
    ///
    /// # Errors
    /// When there is no configuration, or a reconcile cannot be begun. The schedule then tries again.
    pub async fn handle(&self, event: LambdaEvent<Schedule>) -> Result<Value, Error> {
        let config = self.config.current().await?;
        let until = self.end_of_work(&event.context);
        let corps: Vec<&Corp> = config.corps().collect();
        let scopes = corps.iter().filter_map(|corp| {
            Some(Scope {
                corp: &corp.id,
                config: corp,
                app: &corp.main_app()?.name,
                timezone: &corp.timezone,
                until,
                clock: &self.clock,
            })
        });
        let scopes: Vec<Scope<'_>> = scopes.collect();
        let owner = &event.context.request_id;
        match event.payload.task {
            Task::Tick => Ok(self.tick(&scopes, owner).await),
            Task::Reconcile => self.reconcile(&scopes, owner).await,
        }
    }

    /// When to stop beginning things: the margin before the deadline of the invocation. Without a deadline in sight
    /// there is a minute.
    fn end_of_work(&self, context: &Context) -> Instant {
        const UNKNOWN: Duration = Duration::from_secs(60);
        let deadline = Timestamp::try_from(context.deadline()).unwrap_or(Timestamp::MAX);
        let left = Duration::try_from(deadline.duration_since(self.clock.now()));
        let left = left.unwrap_or(UNKNOWN).saturating_sub(self.pace.margin);
        let now = self.clock.instant();
        now.checked_add(left).unwrap_or(now)
    }
}

impl Scope<'_> {
    /// Whether there is time to begin something.
    pub(crate) fn has_time(&self) -> bool {
        self.clock.instant() < self.until
    }
}

impl Pace {
    /// How many chunks or members are in work at the same time.
    pub(crate) fn in_work(&self, scope: &Scope<'_>) -> usize {
        scope.config.limits.in_flight * self.side_by_side.max(1)
    }
}
