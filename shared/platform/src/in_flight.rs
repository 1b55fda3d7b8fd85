//! How many calls are in flight per corp and API, as WeCom's guard counts them (`API_CONCURRENT_OUT_OF_LIMIT`): fewer
//! after WeCom says that it is too many, and slowly more again while it does not.
//!
//! A limit is of one process. What all instances together may have in flight is bounded by how many of them the stream
//! starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::error::VendorError;
use tokio::sync::Semaphore;
use wecom::{CorpId, ErrorCode};

/// Successful calls after which one more may be in flight.
const GOOD_CALLS: usize = 20;

/// The limiters of all corps and APIs.
#[derive(Debug)]
pub struct InFlight {
    most: usize,
    limiters: Mutex<HashMap<(CorpId, &'static str), Arc<Limiter>>>,
}

/// Limits the calls of one corp and API. Permits are given in the order of the requests: a welcome that is overtaken
/// again and again would miss its 20 seconds.
#[derive(Debug)]
struct Limiter {
    most: usize,
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Counts how often the limit was reduced.
    reductions: u64,
    /// Permits that are in use and will not be given back, because the limit was reduced meanwhile.
    permits_to_retire: usize,
    good: usize,
    /// The limit that another process shared last.
    last_shared: Option<usize>,
}

/// One call's permit. It is given back when dropped, so that a call that panics or is cancelled frees it.
struct Slot {
    limiter: Arc<Limiter>,
    /// The reductions before this call. Calls that were refused together count as one sign, not as several: if each
    /// halved the limit, a short burst would end at one call at a time.
    reductions: u64,
}

impl InFlight {
    /// Allows `most` calls of each API at the same time to each corp.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            limiters: Mutex::default(),
        }
    }

    /// Makes a call when there is a permit for `corp` and `api`.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn call<T>(
        &self,
        corp: &CorpId,
        api: &'static str,
        call: impl Future<Output = Result<T, VendorError>>,
    ) -> Result<T, VendorError> {
        let slot = self.slot(corp, api).await;
        let answer = call.await;
        slot.done(
            answer
                .as_ref()
                .is_err_and(|error| error.is(ErrorCode::API_CONCURRENT_OUT_OF_LIMIT)),
        );
        answer
    }

    /// How many calls may be in flight now.
    #[must_use]
    pub fn limit(&self, corp: &CorpId, api: &'static str) -> usize {
        self.limiter(corp, api).state().limit
    }

    /// Reduces the limit to the one that another process found. It grows again as after a refusal of its own.
    pub fn lower_cap(&self, corp: &CorpId, api: &'static str, limit: usize) {
        self.limiter(corp, api).lower_cap(limit);
    }

    async fn slot(&self, corp: &CorpId, api: &'static str) -> Slot {
        let limiter = self.limiter(corp, api);
        if let Ok(permit) = limiter.permits.acquire().await {
            // The slot gives it back, or takes it away.
            permit.forget();
        }
        let reductions = limiter.state().reductions;
        Slot {
            limiter,
            reductions,
        }
    }

    fn limiter(&self, corp: &CorpId, api: &'static str) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry((corp.clone(), api));
        Arc::clone(limiter.or_insert_with(|| Arc::new(Limiter::new(self.most))))
    }
}

impl Slot {
    /// Reports how the call went.
    fn done(self, too_many: bool) {
        if too_many {
            self.limiter.halve(self.reductions);
        } else {
            self.limiter.count_good();
        }
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
        Self {
            most,
            permits: Semaphore::new(most),
            state: Mutex::new(State {
                limit: most,
                reductions: 0,
                permits_to_retire: 0,
                good: 0,
                last_shared: None,
            }),
        }
    }

    fn halve(&self, reductions: u64) {
        let mut state = self.state();
        state.good = 0;
        if state.reductions > reductions {
            return;
        }
        state.reductions += 1;
        let limit = state.limit / 2;
        self.reduce_to(&mut state, limit);
    }

    /// Takes over a lower limit of another process, once: what has grown since by successful calls stays.
    fn lower_cap(&self, limit: usize) {
        let mut state = self.state();
        if state.last_shared != Some(limit) && limit < state.limit {
            state.last_shared = Some(limit);
            state.good = 0;
            self.reduce_to(&mut state, limit);
        }
    }

    fn reduce_to(&self, state: &mut State, limit: usize) {
        let limit = limit.max(1);
        let fewer = state.limit.saturating_sub(limit);
        let free = self.permits.forget_permits(fewer);
        state.permits_to_retire += fewer - free;
        state.limit = limit;
    }

    fn count_good(&self) {
        let mut state = self.state();
        state.good += 1;
        if state.good < GOOD_CALLS || state.limit == self.most {
            return;
        }
        state.limit += 1;
        state.good = 0;
        if state.permits_to_retire > 0 {
            state.permits_to_retire -= 1;
        } else {
            self.permits.add_permits(1);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 5;
    const API: &str = "mark_tag";

    /// Takes all permits that are free.
    async fn take_all(in_flight: &InFlight, corp: &CorpId) -> Vec<Slot> {
        let mut slots = Vec::new();
        while in_flight.limiter(corp, API).permits.available_permits() > 0 {
            slots.push(in_flight.slot(corp, API).await);
        }
        slots
    }

    #[tokio::test]
    async fn the_sixth_call_waits_and_corps_and_apis_do_not_wait_for_each_other() {
        let in_flight = InFlight::new(MOST);
        let (one, two) = (CorpId::from("ww1"), CorpId::from("ww2"));
        let mut slots = take_all(&in_flight, &one).await;
        assert_eq!(slots.len(), MOST);
        let mut sixth = std::pin::pin!(in_flight.slot(&one, API));
        assert!(futures::poll!(sixth.as_mut()).is_pending());
        in_flight.slot(&two, API).await.done(false);
        in_flight.slot(&one, "remark").await.done(false);
        slots.pop().unwrap().done(false);
        sixth.await.done(false);
    }

    #[tokio::test]
    async fn permits_are_given_in_the_order_of_coming() {
        let (in_flight, corp) = (InFlight::new(1), CorpId::from("ww1"));
        let taken = in_flight.slot(&corp, API).await;
        let mut first = std::pin::pin!(in_flight.slot(&corp, API));
        let mut second = std::pin::pin!(in_flight.slot(&corp, API));
        assert!(futures::poll!(first.as_mut()).is_pending());
        assert!(futures::poll!(second.as_mut()).is_pending());
        taken.done(false);
        assert!(futures::poll!(second.as_mut()).is_pending());
        first.await.done(false);
        second.await.done(false);
    }

    #[tokio::test]
    async fn too_many_halves_the_limit_and_good_calls_raise_it_again() {
        let (in_flight, corp) = (InFlight::new(MOST), CorpId::from("ww1"));
        for expected in [2, 1, 1] {
            in_flight.slot(&corp, API).await.done(true);
            assert_eq!(take_all(&in_flight, &corp).await.len(), expected);
        }
        for _ in 0..GOOD_CALLS * MOST {
            in_flight.slot(&corp, API).await.done(false);
        }
        assert_eq!(take_all(&in_flight, &corp).await.len(), MOST);
    }

    #[tokio::test]
    async fn a_limit_that_comes_down_while_all_permits_are_taken_holds_when_they_are_free() {
        let (in_flight, corp) = (InFlight::new(MOST), CorpId::from("ww1"));
        let mut slots = take_all(&in_flight, &corp).await;
        // Two that are refused together are one sign.
        slots.pop().unwrap().done(true);
        slots.pop().unwrap().done(true);
        drop(slots);
        assert_eq!(take_all(&in_flight, &corp).await.len(), 2);
    }
}
