//! Keeps a corp's calls within WeCom's limits, for all functions together (WeCom doc 90312): so many calls of an API
//! a minute and an hour, so many in flight, and none while WeCom has blocked the API.
//!
//! What the functions have to agree on is in the data table: an API that is paused after `API_FREQ_OUT_OF_LIMIT`, a
//! number of calls in flight that `API_CONCURRENT_OUT_OF_LIMIT` has brought down, and what was taken of the minute and
//! the hour. Each process takes calls in blocks and looks at the rest every second, so that a call costs WeCom's time
//! and hardly any of the table's. A table that is away stops no call: WeCom is then the one who counts.
//!
//! A function [that is latency-critical](Governor::latency_critical) reads nothing here: it [passes
//! on](Governor::learn) the guard that it reads anyway. Its calls [with a deadline](Governor::call_before) get time
//! slots ([`domain::pace`]).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clock::Clock;
use domain::error::{StoreError, VendorError};
use domain::instant::UnixSeconds;
use domain::quota::{Guard, Limits};
use jiff::{SignedDuration, Timestamp};
use wecom::{CorpId, ErrorCode};

use crate::in_flight::InFlight;
use crate::store::Store;

use allowance::Allowance;
use pace::PacedCalls;

mod allowance;
mod limits;
mod pace;

pub use limits::CorpLimits;

/// How old the state of the guard may be: so long may a process call an API that another one has found to be blocked.
/// A read a second costs nothing compared with the calls that it is made for.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
/// Calls that WeCom took since a pause show that the pause was long enough.
const CALLS_THAT_SHOW: u32 = 10;
/// How often a process reports that it makes calls, while their number in flight is limited.
const REPORT_PERIOD: Duration = Duration::from_secs(2);

/// The governor of one process.
pub struct Governor {
    store: Store,
    clock: Clock,
    is_latency_critical: bool,
    /// The name under which this process reports its calls.
    process: String,
    guards: Mutex<HashMap<CorpId, CachedGuard>>,
    taken: Mutex<HashMap<ApiOfCorp, Allowance>>,
    paced: Mutex<HashMap<ApiOfCorp, PacedCalls>>,
    calls: Mutex<HashMap<ApiOfCorp, MadeCalls>>,
    in_flight: InFlight,
}

type ApiOfCorp = (CorpId, &'static str);

/// The guard of a corp as it was read last.
#[derive(Default)]
struct CachedGuard {
    guard: Guard,
    read_at: Timestamp,
}

impl CachedGuard {
    /// Takes over a guard that was asked for later.
    fn learn(&mut self, guard: &Guard, read_at: Timestamp) {
        if self.read_at < read_at {
            *self = Self {
                guard: guard.clone(),
                read_at,
            };
        }
    }
}

/// What a process has called.
#[derive(Default)]
struct MadeCalls {
    /// Calls that WeCom took since it said last that the quota is spent.
    taken: u32,
    reported_at: Option<Instant>,
}

impl Governor {
    /// Shares its state through `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            in_flight: InFlight::new(clock.clone()),
            process: random_name(),
            store,
            clock,
            is_latency_critical: false,
            guards: Mutex::default(),
            taken: Mutex::default(),
            paced: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// The same for a function that has no time to ask: a welcome lives 20 seconds, and its own one read brings what
    /// there is to know.
    #[must_use]
    pub fn latency_critical(store: Store, clock: Clock) -> Self {
        Self {
            is_latency_critical: true,
            ..Self::new(store, clock)
        }
    }

    /// Makes a call of `api` when it may be made.
    ///
    /// # Errors
    /// What the call ended with; [`VendorError::Paused`] if it may not be made for now.
    pub async fn call<T>(
        &self,
        corp: &CorpId,
        limits: &CorpLimits,
        api: &'static str,
        call: impl Future<Output = Result<T, wecom::Error>>,
    ) -> Result<T, VendorError> {
        if !self.is_latency_critical {
            self.admit(corp, limits, api).await?;
        }
        self.make(corp, limits, api, call).await
    }

    /// Makes a call of `api` in a time slot of its own, which is not after `latest`.
    ///
    /// # Errors
    /// What the call ended with; [`VendorError::Paused`] if no slot is free in time.
    pub async fn call_before<T>(
        &self,
        corp: &CorpId,
        limits: &CorpLimits,
        api: &'static str,
        latest: Timestamp,
        call: impl Future<Output = Result<T, wecom::Error>>,
    ) -> Result<T, VendorError> {
        self.wait_for_slot(corp, &limits.welcomes, api, latest)
            .await?;
        self.make(corp, limits, api, call).await
    }

    /// Makes an admitted call as soon as the number of calls in flight allows it, and shares what WeCom says about its
    /// limits.
    async fn make<T>(
        &self,
        corp: &CorpId,
        limits: &CorpLimits,
        api: &'static str,
        call: impl Future<Output = Result<T, wecom::Error>>,
    ) -> Result<T, VendorError> {
        let most = limits.most_in_flight();
        if let Some(shared) = self.known(corp, |guard| guard.shared_limit(api, self.now())) {
            self.in_flight.adopt(corp, api, most, shared);
        }
        // The API may have been paused while this call waited for a permit.
        let call = async {
            match self.known(corp, |guard| guard.paused_until(api, self.now())) {
                Some(until) => Err(VendorError::Paused { api, until }),
                None => call.await.map_err(VendorError::from),
            }
        };
        let call = self.in_flight.call(corp, api, most, call);
        let (answer, ()) = tokio::join!(call, self.report(corp, api));
        match answer.as_ref() {
            Ok(_) => self.calls(corp, api, |calls| {
                calls.taken = calls.taken.saturating_add(1);
            }),
            Err(VendorError::Wecom(error)) => match error.code() {
                Some(ErrorCode::API_FREQ_OUT_OF_LIMIT) => self.pause(corp, &limits.rate, api).await,
                Some(ErrorCode::API_CONCURRENT_OUT_OF_LIMIT) => self.share_limit(corp, api).await,
                _ => {}
            },
            Err(_) => {}
        }
        answer
    }

    fn calls<T>(
        &self,
        corp: &CorpId,
        api: &'static str,
        change: impl FnOnce(&mut MadeCalls) -> T,
    ) -> T {
        let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry((corp.clone(), api)).or_default())
    }

    /// Until when `api` is paused, by a guard that is a second old at most.
    async fn paused_until(&self, corp: &CorpId, api: &str) -> Option<UnixSeconds> {
        let now = self.clock.now();
        let is_fresh = self
            .guards()
            .get(corp)
            .is_some_and(|cached| now.duration_since(cached.read_at) < FRESH);
        if !is_fresh {
            match self.store.guard(corp).await {
                Ok(guard) => self.learn(corp, &guard, now),
                Err(error) => {
                    tracing::warn!(
                        event = "governor.unread",
                        corp.id = %corp,
                        store.error = %error,
                        "the state of the quota could not be read; calls are made all the same"
                    );
                }
            }
        }
        self.known(corp, |guard| guard.paused_until(api, self.now()))
    }

    /// What `look` sees in the guard as it is known.
    fn known<T>(&self, corp: &CorpId, look: impl FnOnce(&Guard) -> T) -> T {
        match self.guards().get(corp) {
            Some(cached) => look(&cached.guard),
            None => look(&Guard::default()),
        }
    }

    /// Takes over the guard of a corp that was asked for at `read_at`, unless a newer one is known.
    pub fn learn(&self, corp: &CorpId, guard: &Guard, read_at: Timestamp) {
        let mut guards = self.guards();
        let cached = guards.entry(corp.clone()).or_default();
        cached.learn(guard, read_at);
    }

    fn guards(&self) -> std::sync::MutexGuard<'_, HashMap<CorpId, CachedGuard>> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self, corp: &CorpId, limits: &Limits, api: &'static str) {
        tracing::warn!(
            event = "governor.paused",
            corp.id = %corp,
            wecom.api = api,
            wecom.errcode = ErrorCode::API_FREQ_OUT_OF_LIMIT.get(),
            "WeCom answered that its quota is spent; the API is paused"
        );
        // From the end of the second that has begun: a call that comes a moment before WeCom's block ends is refused
        // once more, and makes an hour of the minute.
        let now = self.now();
        let taken = self.calls(corp, api, |calls| std::mem::take(&mut calls.taken));
        let were_taken = taken >= CALLS_THAT_SHOW;
        self.share(corp, |guard| {
            guard.refused(api, now.plus_seconds(1), limits, were_taken);
        })
        .await;
    }

    /// Shares the number of calls in flight that this process has found out, once a second at most.
    async fn share_limit(&self, corp: &CorpId, api: &'static str) {
        let Some(own) = self.in_flight.reduced_limit(corp, api) else {
            return;
        };
        let now = self.now();
        let known = self.known(corp, |guard| guard.shared_limit(api, now));
        if known.is_none_or(|known| known.found_at < now) {
            self.share(corp, |guard| {
                guard.share_limit(api, &self.process, own, now);
            })
            .await;
        }
    }

    /// Reports that this process makes calls of `api`, while their number in flight is limited: the limit is divided by
    /// the number of processes.
    async fn report(&self, corp: &CorpId, api: &'static str) {
        let is_limited = self.known(corp, |guard| guard.shared_limit(api, self.now()).is_some());
        if !is_limited {
            return;
        }
        let now = self.clock.instant();
        let is_due = self.calls(corp, api, |calls| {
            let last = calls.reported_at;
            let is_due = last.is_none_or(|last| self.clock.since(last) >= REPORT_PERIOD);
            if is_due {
                calls.reported_at = Some(now);
            }
            is_due
        });
        if !is_due {
            return;
        }
        let reported = self
            .store
            .report_process(corp, api, &self.process, self.now());
        if let Err(error) = reported.await {
            tracing::warn!(
                event = "governor.unshared",
                corp.id = %corp,
                store.error = %error,
                "the calls of this process could not be reported to the other functions"
            );
        }
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds::of(self.clock.now())
    }

    async fn share(&self, corp: &CorpId, change: impl Fn(&mut Guard)) {
        match self.store.change_guard(corp, change).await {
            Ok(guard) => self.learn(corp, &guard, self.clock.now()),
            Err(error) => {
                tracing::warn!(
                    event = "governor.unshared",
                    corp.id = %corp,
                    store.error = %error,
                    "the pause or limit could not be shared with the other functions"
                );
            }
        }
    }
}

/// A table that is away stops no call: WeCom is then the one who counts.
fn report_uncounted(corp: &CorpId, api: &str, error: &StoreError) {
    tracing::warn!(
        event = "governor.uncounted",
        corp.id = %corp,
        wecom.api = api,
        store.error = %error,
        "calls could not be counted, and are made all the same"
    );
}

/// A name that no other process has.
fn random_name() -> String {
    let mut bytes = [0; 4];
    // Without random numbers all processes count as one, which is safe: each of them then adapts by itself.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    format!("{:08x}", u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_that_was_asked_for_before_does_not_replace_a_newer_one() {
        let at = |second| UnixSeconds(second).timestamp();
        let mut paused = Guard::default();
        paused.refused("mark_tag", UnixSeconds(20), &Limits::default(), false);
        let mut cached = CachedGuard::default();
        cached.learn(&paused, at(20));
        cached.learn(&Guard::default(), at(19));
        assert_eq!(cached.guard, paused);
        cached.learn(&Guard::default(), at(21));
        assert_eq!(cached.guard, Guard::default());
    }
}
