//! One corp's part of an invocation: which corp, through which ports, until when, and what it has cost.

use std::time::Instant;

use clock::Clock;
use domain::error::VendorError;
use jiff::tz::TimeZone;
use operations::run::{Progress, Runner};
use platform::config::Corp;
use platform::metrics::Metrics;
use platform::retry::{self, passes_soon};
use wecom::{AppName, CorpId};

use crate::error::SyncError;
use crate::{SyncTuning, Syncer};

/// A corp that an invocation works on.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) corp: &'a CorpId,
    pub(crate) config: &'a Corp,
    /// The app that reads and creates.
    pub(crate) app: &'a AppName,
    pub(crate) timezone: &'a TimeZone,
    /// Nothing is begun after it.
    pub(crate) until: Instant,
    /// Identifies this invocation.
    pub(crate) owner: &'a str,
}

/// The work on one corp.
pub(crate) struct Pass<'a, S, W> {
    pub(crate) store: &'a S,
    pub(crate) wecom: &'a W,
    pub(crate) metrics: &'a Metrics,
    pub(crate) tuning: SyncTuning,
    pub(crate) clock: &'a Clock,
    pub(crate) corp: &'a CorpId,
    pub(crate) config: &'a Corp,
    pub(crate) app: &'a AppName,
    pub(crate) timezone: &'a TimeZone,
    until: Instant,
    /// The access to the corp's run.
    pub(crate) runner: Runner<'a, S>,
    /// What the work has done. Of a tick's own parts, which are not of a run, it counts the calls only.
    pub(crate) progress: Progress,
}

impl<S, W> Syncer<S, W> {
    /// The access to the run of a corp.
    pub(crate) fn runner<'a>(&'a self, target: Target<'a>) -> Runner<'a, S> {
        Runner {
            store: &self.store,
            corp: target.corp,
            owner: target.owner,
            clock: &self.clock,
            tuning: self.tuning.lease,
        }
    }
}

impl<'a, S, W> Pass<'a, S, W> {
    pub(crate) fn new(syncer: &'a Syncer<S, W>, target: Target<'a>, progress: Progress) -> Self {
        Self {
            store: &syncer.store,
            wecom: &syncer.wecom,
            metrics: &syncer.metrics,
            tuning: syncer.tuning,
            clock: &syncer.clock,
            corp: target.corp,
            config: target.config,
            app: target.app,
            timezone: target.timezone,
            until: target.until,
            runner: syncer.runner(target),
            progress,
        }
    }

    /// Whether there is time to begin something.
    pub(crate) fn has_time(&self) -> bool {
        self.clock.instant() < self.until
    }

    /// How many chunks or members are in work at the same time.
    pub(crate) fn concurrency(&self) -> usize {
        self.config.limits.concurrent_objects() * self.tuning.chunks_per_call.max(1)
    }

    /// Makes a call of `api`, counts it, and repeats it after errors that pass within seconds.
    pub(crate) async fn call<T, F: Future<Output = Result<T, VendorError>>>(
        &self,
        api: &'static str,
        make: impl Fn() -> F,
    ) -> Result<T, SyncError> {
        let passes =
            |error: &SyncError| matches!(error, SyncError::Wecom(error) if passes_soon(error));
        let make = || self.call_once(api, make());
        retry::call(self.clock, passes, make).await.0
    }

    async fn call_once<T>(
        &self,
        api: &'static str,
        call: impl Future<Output = Result<T, VendorError>>,
    ) -> Result<T, SyncError> {
        if !self.has_time() {
            return Err(SyncError::OutOfTime);
        }
        let answer = call.await;
        if answer.as_ref().err().is_none_or(VendorError::is_of_a_call) {
            self.progress.count_call(api);
        }
        Ok(answer?)
    }
}

/// A length as the numbers of a run are counted.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
