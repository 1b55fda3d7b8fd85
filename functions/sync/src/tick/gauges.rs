//! How all corps together stand at the end of a tick: one number each, which an alarm can look at without knowing the
//! corps or the APIs. What cannot be read is not reported: a number without one corp would say that all is well.

use std::sync::OnceLock;

use domain::error::StoreError;
use domain::event::InboxEvent;
use domain::instant::{UnixMillis, UnixSeconds};
use domain::quota::{Guard, Usage};
use domain::sync::{Run, hours_since_complete};
use platform::metrics::Unit;

use super::Findings;
use crate::pass::Target;
use crate::{Store, Syncer, Wecom};

/// The run of a corp that is under way, and the last one.
type Runs = (Option<Run>, Option<Run>);
/// How a corp stands with WeCom's limits.
type Quota = (Guard, Vec<Usage>);

/// How a corp stands; without what could not be read.
struct CorpState {
    runs: Option<Runs>,
    quota: Option<Quota>,
    /// Age in seconds of the oldest event that no tick has applied yet; 0 without one.
    oldest_pending: Option<i64>,
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Measures, with what the tick of each corp met with.
    pub(super) async fn measure(&self, targets: &[Target<'_>], findings: &[Findings]) {
        if targets.is_empty() {
            return;
        }
        let corps = targets.iter().map(|target| self.look(target));
        let states = futures::future::join_all(corps).await;
        let pending = states.iter().map(|state| state.oldest_pending);
        if let Some(ages) = all(pending.collect()) {
            let oldest = ages.into_iter().max().unwrap_or_default();
            self.gauge("oldest_pending_seconds", Unit::Seconds, oldest);
        }
        let (runs, quotas): (Vec<_>, Vec<_>) = states
            .into_iter()
            .map(|state| (state.runs, state.quota))
            .unzip();
        if let Some(runs) = all(runs) {
            self.report_runs(&runs);
        }
        if let Some(quotas) = all(quotas) {
            self.report_quotas(targets, &quotas);
        }
        let sum = |count: fn(&Findings) -> &OnceLock<usize>| -> Option<usize> {
            findings.iter().map(|corp| count(corp).get().copied()).sum()
        };
        for (name, sum) in [
            ("apps_broken", sum(|corp| &corp.apps_broken)),
            ("tags_waiting", sum(|corp| &corp.tags_waiting)),
        ] {
            if let Some(sum) = sum {
                self.gauge(name, Unit::Count, sum);
            }
        }
    }

    /// Reads the state of a corp: one request each.
    async fn look(&self, target: &Target<'_>) -> CorpState {
        let now = UnixMillis::of(self.clock.now());
        let runs = self.store.runs(target.corp).await;
        let quota = self.store.quota(target.corp).await;
        // The oldest come first.
        let pending = self.store.pending_events(target.corp, now, 1).await;
        let age = |events: Vec<InboxEvent>| {
            let oldest = events.first();
            oldest.map_or(0, |event| now.millis_since(event.received_at) / 1_000)
        };
        CorpState {
            runs: known(target, runs),
            quota: known(target, quota),
            oldest_pending: known(target, pending).map(age),
        }
    }

    fn report_runs(&self, runs: &[Runs]) {
        let now = UnixSeconds::of(self.clock.now());
        let ages = runs
            .iter()
            .map(|(running, last)| hours_since_complete(running.as_ref(), last.as_ref(), now));
        if let Some(oldest) = ages.max() {
            self.gauge("reconcile_age_hours", Unit::None, oldest);
        }
        let done = runs
            .iter()
            .filter_map(|(running, _)| running.as_ref()?.percent());
        if let Some(least) = done.min() {
            self.gauge("reconcile_percent", Unit::Percent, least);
        }
    }

    fn report_quotas(&self, targets: &[Target<'_>], quotas: &[Quota]) {
        let now = UnixSeconds::of(self.clock.now());
        let paused: usize = quotas.iter().map(|(guard, _)| guard.paused(now)).sum();
        self.gauge("apis_paused", Unit::Count, paused);
        let used = targets.iter().zip(quotas).flat_map(|(target, (_, usage))| {
            let limits = &target.config.limits.rate;
            usage.iter().map(move |usage| usage.percent(now, limits))
        });
        let most = used.max().unwrap_or_default();
        self.gauge("quota_used_percent", Unit::Percent, most);
    }

    fn gauge(&self, name: &str, unit: Unit, value: impl TryInto<i64>) {
        let value = value.try_into().unwrap_or(i64::MAX);
        self.metrics.put(name, unit, value, &[]);
    }
}

/// Those of all corps, or nothing.
fn all<T>(corps: Vec<Option<T>>) -> Option<Vec<T>> {
    corps.into_iter().collect()
}

/// What was read, if it was.
fn known<T>(target: &Target<'_>, read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| {
        tracing::warn!(
            event = "tick.gauge_unread",
            corp.id = %target.corp,
            store.error = %error,
            "a gauge could not be read, and is not reported"
        );
    })
    .ok()
}
