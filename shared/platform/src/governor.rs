//! Keeps a corp's calls within WeCom's limits, for all functions together (WeCom doc 90312): so many calls of an API
//! a minute and an hour, so many in flight, and none while WeCom has blocked the API.
//!
//! What the functions have to agree on is in the data table: an API that is paused after `API_FREQ_OUT_OF_LIMIT`, a
//! number of calls in flight that `API_CONCURRENT_OUT_OF_LIMIT` has brought down, and what was taken of the minute and
//! the hour. Each process takes calls in blocks and looks at the rest every second, so that a call costs WeCom's time
//! and hardly any of the table's. A table that is away stops no call: WeCom is then the one who counts.
//!
//! A function [that is latency-critical](Governor::latency_critical) neither waits nor reads here; it still shares with the others what WeCom
//! said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clock::Clock;
use domain::error::VendorError;
use domain::instant::UnixSeconds;
use domain::quota::{Guard, Limits, QuotaGrant};
use wecom::{CorpId, ErrorCode};

use crate::in_flight::InFlight;
use crate::store::Store;

/// How old the state of the guard may be: so long may a process call an API that another one has found to be blocked.
/// A read a second costs nothing compared with the calls that it is made for.
const FRESH: Duration = Duration::from_secs(1);
/// Calls of an API that a process makes in a minute before it takes a block are one in so many of the limit: 10 by
/// default, too few to matter among thousands, and a quiet corp would pay a write for nearly every call.
const UNCOUNTED: QuotaFraction = QuotaFraction {
    of_minute: 500,
    of_hour: 7_500,
};
/// Calls that a process takes at once are one in so many of the limit, 50 by default. What it does not make of them is
/// lost for that minute.
const BLOCK: QuotaFraction = QuotaFraction {
    of_minute: 100,
    of_hour: 1_500,
};

/// A part of the limits, so that a small limit is kept as strictly as a large one.
struct QuotaFraction {
    of_minute: u32,
    of_hour: u32,
}

impl QuotaFraction {
    fn of(&self, limits: &Limits) -> u32 {
        let (minute, hour) = (limits.per_minute, limits.per_hour);
        (minute / self.of_minute).min(hour / self.of_hour)
    }
}

/// The limits of one corp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorpLimits {
    /// Calls of one API in a time.
    pub rate: Limits,
    /// Calls of one API in flight, of one process: WeCom publishes no number (error `API_CONCURRENT_OUT_OF_LIMIT`).
    pub in_flight: usize,
}

impl Default for CorpLimits {
    fn default() -> Self {
        Self {
            rate: Limits::default(),
            in_flight: 5,
        }
    }
}

/// The governor of one process.
pub struct Governor {
    store: Store,
    clock: Clock,
    is_latency_critical: bool,
    guards: Mutex<HashMap<CorpId, CachedGuard>>,
    taken: Mutex<HashMap<(CorpId, &'static str), Allowance>>,
    in_flight: Mutex<HashMap<CorpId, Arc<InFlight>>>,
}

/// The guard of a corp as it was read last.
#[derive(Clone)]
struct CachedGuard {
    guard: Guard,
    read_at: Instant,
}

/// What a process may still call in the present minute.
#[derive(Default)]
struct Allowance {
    minute: i64,
    uncounted: u32,
    left: u32,
    /// Whose turn it is to take a block: of calls that come together one takes it, and the others have part in it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Governor {
    /// Shares its state through `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            is_latency_critical: false,
            guards: Mutex::default(),
            taken: Mutex::default(),
            in_flight: Mutex::default(),
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
        let answer = if self.is_latency_critical {
            call.await.map_err(VendorError::from)
        } else {
            self.admit(corp, limits, api).await?;
            let in_flight = self.in_flight(corp, limits);
            if let Some(cap) = self.known(corp).in_flight(api, self.now()) {
                in_flight.lower_cap(corp, api, cap);
            }
            // The API may have been paused while this call waited for a permit.
            let call = async {
                match self.known(corp).paused_until(api, self.now()) {
                    Some(until) => Err(VendorError::Paused { api, until }),
                    None => call.await.map_err(VendorError::from),
                }
            };
            in_flight.call(corp, api, call).await
        };
        match answer.as_ref().err().and_then(VendorError::code) {
            Some(ErrorCode::API_FREQ_OUT_OF_LIMIT) => self.pause(corp, &limits.rate, api).await,
            Some(ErrorCode::API_CONCURRENT_OUT_OF_LIMIT) => {
                self.share_cap(corp, limits, api).await;
            }
            _ => {}
        }
        answer
    }

    async fn admit(
        &self,
        corp: &CorpId,
        limits: &CorpLimits,
        api: &'static str,
    ) -> Result<(), VendorError> {
        let guard = self.guard(corp).await;
        if let Some(until) = guard.paused_until(api, self.now()) {
            return Err(VendorError::Paused { api, until });
        }
        if self.has_taken(corp, api, UNCOUNTED.of(&limits.rate)) {
            return Ok(());
        }
        let turn = self.taken(corp, api, |taken| Arc::clone(&taken.turn));
        let _turn = turn.lock().await;
        if self.has_taken(corp, api, 0) {
            return Ok(());
        }
        let block = BLOCK.of(&limits.rate).max(1);
        let taken = self
            .store
            .take_quota(corp, api, block, &limits.rate, self.now());
        match taken.await {
            Ok(QuotaGrant::Granted(granted)) => {
                // The call that asked is one of them.
                self.taken(corp, api, |taken| taken.left += granted.saturating_sub(1));
                Ok(())
            }
            Ok(QuotaGrant::SpentUntil(until)) => Err(VendorError::Paused { api, until }),
            Err(error) => {
                tracing::warn!(event = "governor.uncounted", corp.id = %corp, wecom.api = api, store.error = %error, "calls could not be counted, and are made all the same");
                Ok(())
            }
        }
    }

    /// Takes a call of those that the process has, of which so many are not counted.
    fn has_taken(&self, corp: &CorpId, api: &'static str, uncounted: u32) -> bool {
        self.taken(corp, api, |taken| {
            if taken.uncounted < uncounted {
                taken.uncounted += 1;
                return true;
            }
            let has = taken.left > 0;
            taken.left = taken.left.saturating_sub(1);
            has
        })
    }

    fn taken<T>(
        &self,
        corp: &CorpId,
        api: &'static str,
        change: impl FnOnce(&mut Allowance) -> T,
    ) -> T {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry((corp.clone(), api)).or_default();
        let minute = self.now().get().div_euclid(60);
        if taken.minute != minute {
            *taken = Allowance {
                minute,
                turn: Arc::clone(&taken.turn),
                ..Allowance::default()
            };
        }
        change(taken)
    }

    /// The guard as it was a second ago at most.
    async fn guard(&self, corp: &CorpId) -> Guard {
        let seen = self.guards().get(corp).cloned();
        if let Some(seen) = seen.filter(|seen| self.clock.since(seen.read_at) < FRESH) {
            return seen.guard;
        }
        match self.store.guard(corp).await {
            Ok(guard) => {
                self.learn(corp, guard.clone());
                guard
            }
            Err(error) => {
                tracing::warn!(corp.id = %corp, store.error = %error, "the state of the quota could not be read; calls go on");
                self.known(corp)
            }
        }
    }

    fn known(&self, corp: &CorpId) -> Guard {
        let seen = self.guards().get(corp).cloned();
        seen.map(|seen| seen.guard).unwrap_or_default()
    }

    fn learn(&self, corp: &CorpId, guard: Guard) {
        let read_at = self.clock.instant();
        self.guards()
            .insert(corp.clone(), CachedGuard { guard, read_at });
    }

    fn guards(&self) -> std::sync::MutexGuard<'_, HashMap<CorpId, CachedGuard>> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_flight(&self, corp: &CorpId, limits: &CorpLimits) -> Arc<InFlight> {
        let mut all = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let of_corp = all.entry(corp.clone());
        Arc::clone(of_corp.or_insert_with(|| Arc::new(InFlight::new(limits.in_flight))))
    }

    async fn pause(&self, corp: &CorpId, limits: &Limits, api: &'static str) {
        tracing::warn!(event = "governor.paused", corp.id = %corp, wecom.api = api, wecom.errcode = ErrorCode::API_FREQ_OUT_OF_LIMIT.get(), "WeCom answered that its quota is spent; the API is paused");
        // From the end of the second that has begun: a call that comes a moment before WeCom's block ends is refused
        // once more, and makes an hour of the minute.
        let from = self.now().plus_seconds(1);
        self.share(corp, |guard| guard.refused(api, from, limits))
            .await;
    }

    async fn share_cap(&self, corp: &CorpId, limits: &CorpLimits, api: &'static str) {
        let enough = self.in_flight(corp, limits).limit(corp, api);
        if self
            .known(corp)
            .in_flight(api, self.now())
            .is_none_or(|known| enough < known)
        {
            let now = self.now();
            self.share(corp, |guard| guard.lower_cap(api, enough, now))
                .await;
        }
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds::of(self.clock.now())
    }

    async fn share(&self, corp: &CorpId, change: impl Fn(&mut Guard)) {
        match self.store.change_guard(corp, change).await {
            Ok(guard) => self.learn(corp, guard),
            Err(error) => {
                tracing::warn!(event = "governor.unshared", corp.id = %corp, store.error = %error, "the pause or limit could not be shared with the other functions");
            }
        }
    }
}
