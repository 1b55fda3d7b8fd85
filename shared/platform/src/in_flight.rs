//! How many calls are in flight per corp and API, as WeCom's guard counts them (`API_CONCURRENT_OUT_OF_LIMIT`): fewer
//! after WeCom says that it is too many, and slowly more again while it does not.
//!
//! The share is one process's own. What all instances together may have in flight is bounded by how many of
//! them the stream starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::error::VendorError;
use tokio::sync::Semaphore;
use wecom::{CorpId, ErrorCode};

/// Calls that have to go well before one more may be in flight.
const GOOD_CALLS: usize = 20;

/// The shares of all corps and APIs.
#[derive(Debug)]
pub struct InFlight {
    most: usize,
    shares: Mutex<HashMap<(CorpId, &'static str), Arc<Share>>>,
}

/// Who waits for a place gets it in the order of coming: a welcome that is overtaken again and again would miss
/// its 20 seconds.
#[derive(Debug)]
struct Share {
    most: usize,
    places: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Counts how often the limit has come down.
    descents: u64,
    /// Places that are taken and will not be given back, because the limit has come down meanwhile.
    surplus: usize,
    good: usize,
    /// The limit that another process shared last.
    told: Option<usize>,
}

/// One call's place. It is given back when dropped, so that a call that panics or is cancelled frees it.
struct Slot {
    share: Arc<Share>,
    /// The descents before this call. Calls that were refused together are one sign, not several: had each
    /// halved the limit, a moment's rush would have ended at one call at a time.
    descents: u64,
}

impl InFlight {
    /// Allows `most` calls of each API at the same time to each corp.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            shares: Mutex::default(),
        }
    }

    /// Makes a call when there is a place among those of `corp` and `api`.
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
        self.share(corp, api).state().limit
    }

    /// Comes down to what another process has found to be enough. It grows again as after a refusal of its own.
    pub fn narrow(&self, corp: &CorpId, api: &'static str, limit: usize) {
        self.share(corp, api).come_down(limit);
    }

    async fn slot(&self, corp: &CorpId, api: &'static str) -> Slot {
        let share = self.share(corp, api);
        if let Ok(place) = share.places.acquire().await {
            // The slot gives it back, or takes it away.
            place.forget();
        }
        let descents = share.state().descents;
        Slot { share, descents }
    }

    fn share(&self, corp: &CorpId, api: &'static str) -> Arc<Share> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.entry((corp.clone(), api));
        Arc::clone(share.or_insert_with(|| Arc::new(Share::new(self.most))))
    }
}

impl Slot {
    /// Reports how the call went.
    fn done(self, too_many: bool) {
        if too_many {
            self.share.halve(self.descents);
        } else {
            self.share.count_good();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.share.state();
        if state.surplus > 0 {
            state.surplus -= 1;
        } else {
            self.share.places.add_permits(1);
        }
    }
}

impl Share {
    fn new(most: usize) -> Self {
        Self {
            most,
            places: Semaphore::new(most),
            state: Mutex::new(State {
                limit: most,
                descents: 0,
                surplus: 0,
                good: 0,
                told: None,
            }),
        }
    }

    fn halve(&self, descents: u64) {
        let mut state = self.state();
        state.good = 0;
        if state.descents > descents {
            return;
        }
        state.descents += 1;
        let limit = state.limit / 2;
        self.come_down_to(&mut state, limit);
    }

    /// Takes a lower limit of somebody else, once: what has grown since by calls that went well stays.
    fn come_down(&self, limit: usize) {
        let mut state = self.state();
        if state.told != Some(limit) && limit < state.limit {
            state.told = Some(limit);
            state.good = 0;
            self.come_down_to(&mut state, limit);
        }
    }

    fn come_down_to(&self, state: &mut State, limit: usize) {
        let limit = limit.max(1);
        let fewer = state.limit.saturating_sub(limit);
        let free = self.places.forget_permits(fewer);
        state.surplus += fewer - free;
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
        if state.surplus > 0 {
            state.surplus -= 1;
        } else {
            self.places.add_permits(1);
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

    /// Takes all places that are free.
    async fn take_all(in_flight: &InFlight, corp: &CorpId) -> Vec<Slot> {
        let mut slots = Vec::new();
        while in_flight.share(corp, API).places.available_permits() > 0 {
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
    async fn places_are_given_in_the_order_of_coming() {
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
    async fn a_limit_that_comes_down_while_all_places_are_taken_holds_when_they_are_free() {
        let (in_flight, corp) = (InFlight::new(MOST), CorpId::from("ww1"));
        let mut slots = take_all(&in_flight, &corp).await;
        // Two that are refused together are one sign.
        slots.pop().unwrap().done(true);
        slots.pop().unwrap().done(true);
        drop(slots);
        assert_eq!(take_all(&in_flight, &corp).await.len(), 2);
    }
}
