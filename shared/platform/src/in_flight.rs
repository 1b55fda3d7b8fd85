//! How many calls are in flight per corp and API, as WeCom's guard counts them (`API_CONCURRENT_OUT_OF_LIMIT`): each
//! process finds out by itself what WeCom takes, and starts with what others have found
//! ([`domain::concurrency::AdaptiveLimit`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clock::Clock;
use domain::concurrency::{AdaptiveLimit, SharedLimit};
use domain::error::VendorError;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use wecom::{CorpId, ErrorCode};

/// The weight of the last call in the mean duration of calls, as one in so many.
const MEAN_OF: u32 = 8;

/// The limiters of all corps and APIs.
pub struct InFlight {
    clock: Clock,
    limiters: Mutex<HashMap<(CorpId, &'static str), Arc<Limiter>>>,
}

/// Limits the calls of one corp and API. Permits are given in the order of the requests: a welcome that is overtaken
/// again and again would miss its 20 seconds.
struct Limiter {
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    limit: AdaptiveLimit,
    /// Permits that exist, in use or free.
    permits: usize,
    /// Permits that are in use and will not be given back, because the limit was reduced meanwhile.
    permits_to_retire: usize,
    /// Whether a call had to wait since the last success.
    was_reached: bool,
    /// The mean duration of calls that succeeded.
    duration: Duration,
    /// When the next call may start, if calls are spaced.
    next_start: Option<Instant>,
}

/// One call's permit. It is given back when dropped, so that a call that panics or is cancelled frees it.
struct Slot {
    limiter: Arc<Limiter>,
    began: Timestamp,
    start: Instant,
}

/// How a call went, as far as the limit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// WeCom took it.
    Taken,
    /// WeCom answered `API_CONCURRENT_OUT_OF_LIMIT`.
    TooMany,
    /// It was not made, or says nothing about calls in flight.
    Unknown,
}

impl InFlight {
    /// Limiters that know nothing yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            limiters: Mutex::default(),
        }
    }

    /// Makes a call when there is a permit for `corp` and `api`, of which at most `most` are given at the same time.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn call<T>(
        &self,
        corp: &CorpId,
        api: &'static str,
        most: usize,
        call: impl Future<Output = Result<T, VendorError>>,
    ) -> Result<T, VendorError> {
        let slot = self.slot(corp, api, most).await;
        let answer = call.await;
        slot.done(&self.clock, ended(&answer));
        answer
    }

    /// The limit at present, if a call was refused or a limit adopted since the start of the process.
    #[must_use]
    pub fn reduced_limit(&self, corp: &CorpId, api: &'static str) -> Option<f64> {
        let limiters = self.limiters();
        let limiter = limiters.get(&(corp.clone(), api))?;
        let state = limiter.state();
        state.limit.is_reduced().then(|| state.limit.limit())
    }

    /// Takes over the share of this process of what all processes were found to have in flight.
    pub fn adopt(&self, corp: &CorpId, api: &'static str, most: usize, shared: SharedLimit) {
        let limiter = self.limiter(corp, api, most);
        let mut state = limiter.state();
        state.limit.adopt(shared);
        limiter.set_permits(&mut state);
    }

    async fn slot(&self, corp: &CorpId, api: &'static str, most: usize) -> Slot {
        let limiter = self.limiter(corp, api, most);
        if limiter.permits.available_permits() == 0 {
            limiter.state().was_reached = true;
        }
        if let Ok(permit) = limiter.permits.acquire().await {
            // The slot gives it back, or takes it away.
            permit.forget();
        }
        let mut slot = Slot {
            limiter,
            began: self.clock.now(),
            start: self.clock.instant(),
        };
        let pause = slot.limiter.pause_before(slot.start);
        if !pause.is_zero() {
            self.clock.sleep(pause).await;
            (slot.began, slot.start) = (self.clock.now(), self.clock.instant());
        }
        slot
    }

    fn limiter(&self, corp: &CorpId, api: &'static str, most: usize) -> Arc<Limiter> {
        let mut limiters = self.limiters();
        let limiter = limiters.entry((corp.clone(), api));
        Arc::clone(limiter.or_insert_with(|| Arc::new(Limiter::new(most))))
    }

    fn limiters(&self) -> std::sync::MutexGuard<'_, HashMap<(CorpId, &'static str), Arc<Limiter>>> {
        self.limiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer says about the calls in flight. A call that was not answered says nothing.
fn ended<T>(answer: &Result<T, VendorError>) -> Ended {
    match answer {
        Ok(_) => Ended::Taken,
        Err(error) if error.is(ErrorCode::API_CONCURRENT_OUT_OF_LIMIT) => Ended::TooMany,
        Err(VendorError::Wecom(error)) if error.code().is_some() => Ended::Taken,
        Err(_) => Ended::Unknown,
    }
}

impl Slot {
    /// Reports how the call went.
    fn done(self, clock: &Clock, ended: Ended) {
        let mut state = self.limiter.state();
        match ended {
            Ended::Taken => {
                let took = clock.since(self.start);
                state.duration = match state.duration {
                    Duration::ZERO => took,
                    mean => (mean * (MEAN_OF - 1) + took) / MEAN_OF,
                };
                let was_reached = std::mem::take(&mut state.was_reached);
                state.limit.succeeded(clock.now(), was_reached);
            }
            Ended::TooMany => {
                state.limit.refused(self.began, clock.now());
            }
            Ended::Unknown => {}
        }
        self.limiter.set_permits(&mut state);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        if state.permits_to_retire > 0 {
            state.permits_to_retire -= 1;
        } else {
            self.limiter.permits.add_permits(1);
        }
    }
}

impl Limiter {
    fn new(most: usize) -> Self {
        let limit = AdaptiveLimit::new(most);
        Self {
            permits: Semaphore::new(limit.calls()),
            state: Mutex::new(State {
                permits: limit.calls(),
                limit,
                permits_to_retire: 0,
                was_reached: false,
                duration: Duration::ZERO,
                next_start: None,
            }),
        }
    }

    /// How long the call that has a permit at `now` has to wait, so that calls are spaced.
    fn pause_before(&self, now: Instant) -> Duration {
        let mut state = self.state();
        let Some(spacing) = state.limit.spacing(state.duration) else {
            state.next_start = None;
            return Duration::ZERO;
        };
        let start = state.next_start.map_or(now, |next| next.max(now));
        state.next_start = Some(start + spacing);
        state.was_reached |= start > now;
        start - now
    }

    /// Makes as many permits as the limit allows.
    fn set_permits(&self, state: &mut State) {
        let wanted = state.limit.calls();
        if wanted < state.permits {
            let fewer = state.permits - wanted;
            let free = self.permits.forget_permits(fewer);
            state.permits_to_retire += fewer - free;
        } else {
            let more = wanted - state.permits;
            let kept = more.min(state.permits_to_retire);
            state.permits_to_retire -= kept;
            self.permits.add_permits(more - kept);
        }
        state.permits = wanted;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use clock::ManualClock;
    use futures::FutureExt as _;
    use wecom::Error;

    use super::*;

    const MOST: usize = 5;
    const API: &str = "mark_tag";

    fn in_flight() -> InFlight {
        InFlight::new(ManualClock::new().clock())
    }

    /// Takes all permits that are free.
    async fn take_all(in_flight: &InFlight, corp: &CorpId) -> Vec<Slot> {
        let mut slots = Vec::new();
        while in_flight
            .limiter(corp, API, MOST)
            .permits
            .available_permits()
            > 0
        {
            slots.push(in_flight.slot(corp, API, MOST).await);
        }
        slots
    }

    async fn call_that_ends(in_flight: &InFlight, corp: &CorpId, ended: Ended) {
        let slot = in_flight.slot(corp, API, MOST).await;
        slot.done(&in_flight.clock, ended);
    }

    #[tokio::test]
    async fn a_call_too_many_waits_and_corps_and_apis_do_not_wait_for_each_other() {
        let in_flight = in_flight();
        let (one, two) = (CorpId::from("ww1"), CorpId::from("ww2"));
        let mut slots = take_all(&in_flight, &one).await;
        assert_eq!(slots.len(), 4);
        let mut fifth = std::pin::pin!(in_flight.slot(&one, API, MOST));
        assert!(futures::poll!(fifth.as_mut()).is_pending());
        call_that_ends(&in_flight, &two, Ended::Taken).await;
        let other = in_flight.slot(&one, "remark", MOST).now_or_never();
        assert!(other.is_some());
        slots.pop();
        drop(fifth.await);
    }

    #[tokio::test]
    async fn permits_are_given_in_the_order_of_the_requests() {
        let (in_flight, corp) = (in_flight(), CorpId::from("ww1"));
        let mut taken = take_all(&in_flight, &corp).await;
        let mut first = std::pin::pin!(in_flight.slot(&corp, API, MOST));
        let mut second = std::pin::pin!(in_flight.slot(&corp, API, MOST));
        assert!(futures::poll!(first.as_mut()).is_pending());
        assert!(futures::poll!(second.as_mut()).is_pending());
        taken.pop();
        assert!(futures::poll!(second.as_mut()).is_pending());
        let first = first.await;
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        drop(second.await);
    }

    #[tokio::test]
    async fn a_limit_that_is_reached_grows_up_to_the_most_and_a_refusal_lowers_it() {
        let (in_flight, corp) = (in_flight(), CorpId::from("ww1"));
        call_that_ends(&in_flight, &corp, Ended::Taken).await;
        assert_eq!(take_all(&in_flight, &corp).await.len(), 4, "not reached");
        for expected in [5, 5] {
            let mut slots = take_all(&in_flight, &corp).await;
            let waiting = in_flight.slot(&corp, API, MOST).now_or_never();
            assert!(waiting.is_none());
            slots.pop().unwrap().done(&in_flight.clock, Ended::Taken);
            drop(slots);
            assert_eq!(take_all(&in_flight, &corp).await.len(), expected);
        }
        assert_eq!(in_flight.reduced_limit(&corp, API), None);
        call_that_ends(&in_flight, &corp, Ended::Unknown).await;
        assert_eq!(in_flight.reduced_limit(&corp, API), None);
        call_that_ends(&in_flight, &corp, Ended::TooMany).await;
        assert_eq!(in_flight.reduced_limit(&corp, API), Some(4.0));
        assert_eq!(take_all(&in_flight, &corp).await.len(), 4);
    }

    #[tokio::test]
    async fn a_limit_that_is_lowered_while_all_permits_are_taken_holds_when_they_are_free() {
        let (in_flight, corp) = (in_flight(), CorpId::from("ww1"));
        let mut slots = take_all(&in_flight, &corp).await;
        let shared = SharedLimit {
            calls: 5,
            found_at: domain::instant::UnixSeconds(1),
            processes: 1,
        };
        in_flight.adopt(&corp, API, MOST, shared);
        assert_eq!(slots.len(), 4, "a share that is larger changes nothing");
        let shared = SharedLimit {
            processes: 2,
            found_at: domain::instant::UnixSeconds(2),
            ..shared
        };
        in_flight.adopt(&corp, API, MOST, shared);
        assert_eq!(in_flight.reduced_limit(&corp, API), Some(2.5));
        slots.pop();
        assert_eq!(take_all(&in_flight, &corp).await.len(), 0);
        drop(slots);
        assert_eq!(take_all(&in_flight, &corp).await.len(), 3);
    }

    #[tokio::test]
    async fn calls_below_a_small_limit_are_spaced() {
        let time = ManualClock::new();
        let in_flight = InFlight::new(time.clock());
        let corp = CorpId::from("ww1");
        let hundred_ms = async {
            time.clock().sleep(Duration::from_millis(100)).await;
            Ok::<_, VendorError>(())
        };
        let call = in_flight.call(&corp, API, MOST, hundred_ms);
        time.drive(call).await.unwrap();
        let shared = SharedLimit {
            calls: 1,
            found_at: domain::instant::UnixSeconds(1),
            processes: 2,
        };
        in_flight.adopt(&corp, API, MOST, shared);
        let began = time.clock().instant();
        for _ in 0..3 {
            let taken = async { Ok::<_, VendorError>(()) };
            let call = in_flight.call(&corp, API, MOST, taken);
            time.drive(call).await.unwrap();
        }
        let took = time.clock().since(began);
        assert!(took >= Duration::from_millis(300), "{took:?}");
    }

    #[test]
    fn what_wecom_answers_counts_as_taken_and_what_it_did_not_answer_does_not() {
        let api = |code: i64| Error::Api {
            api: API,
            code: code.into(),
            message: String::new(),
        };
        let away = Error::Unreachable {
            api: API,
            reason: "refused".into(),
            sent: false,
        };
        let cases = [
            (Ok(()), Ended::Taken),
            (Err(api(84_061)), Ended::Taken),
            (Err(api(45_033)), Ended::TooMany),
            (Err(away), Ended::Unknown),
        ];
        for (answer, expected) in cases {
            let answer = answer.map_err(VendorError::from);
            assert_eq!(ended(&answer), expected, "{answer:?}");
        }
    }
}
