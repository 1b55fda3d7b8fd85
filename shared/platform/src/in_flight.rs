//! How many calls are in flight per corp: fewer after WeCom says that it is too many (45033), and slowly more
//! again while it does not.
//!
//! The share is one process's own. What all instances together may have in flight is bounded by how many of
//! them the stream starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use wecom::{CorpId, Error};

/// Calls that have to go well before one more may be in flight.
const GOOD_CALLS: usize = 20;

/// WeCom's code for too many calls at once (doc 90313); the number is not published.
pub const TOO_MANY: i64 = 45033;

/// The shares of all corps.
#[derive(Debug)]
pub struct InFlight {
    most: usize,
    corps: Mutex<HashMap<CorpId, Arc<Share>>>,
}

#[derive(Debug)]
struct Share {
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    used: usize,
    good: usize,
}

/// One call's place. It is given back when dropped, so that a call that panics or is cancelled frees it.
struct Slot {
    share: Arc<Share>,
}

impl InFlight {
    /// Allows each corp `most` calls at the same time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            corps: Mutex::default(),
        }
    }

    /// Makes a call when there is a place among those of `corp`.
    pub async fn call<T>(
        &self,
        corp: &CorpId,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let slot = self.slot(corp).await;
        let answer = call.await;
        slot.done(
            answer
                .as_ref()
                .is_err_and(|error| error.code() == Some(TOO_MANY)),
        );
        answer
    }

    async fn slot(&self, corp: &CorpId) -> Slot {
        let share = self.share(corp);
        loop {
            let freed = share.freed.notified();
            if share.take() {
                break;
            }
            freed.await;
        }
        Slot { share }
    }

    fn share(&self, corp: &CorpId) -> Arc<Share> {
        let mut corps = self.corps.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            corps
                .entry(corp.clone())
                .or_insert_with(|| Arc::new(Share::new(self.most))),
        )
    }
}

impl Slot {
    /// Tells how the call went.
    fn done(self, too_many: bool) {
        let mut state = self.share.state();
        if too_many {
            state.limit = (state.limit / 2).max(1);
            state.good = 0;
        } else {
            state.good += 1;
            if state.good >= GOOD_CALLS && state.limit < self.share.most {
                state.limit += 1;
                state.good = 0;
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.share.state().used -= 1;
        self.share.freed.notify_waiters();
    }
}

impl Share {
    fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::new(State {
                limit: most,
                used: 0,
                good: 0,
            }),
            freed: Notify::new(),
        }
    }

    fn take(&self) -> bool {
        let mut state = self.state();
        let free = state.used < state.limit;
        state.used += usize::from(free);
        free
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 5;

    fn limit(in_flight: &InFlight, corp: &CorpId) -> usize {
        in_flight.share(corp).state().limit
    }

    #[tokio::test]
    async fn the_sixth_call_waits_and_corps_do_not_wait_for_each_other() {
        let in_flight = InFlight::new(MOST);
        let (one, two) = (CorpId::from("ww1"), CorpId::from("ww2"));
        let mut slots = Vec::new();
        for _ in 0..MOST {
            slots.push(in_flight.slot(&one).await);
        }
        let mut sixth = std::pin::pin!(in_flight.slot(&one));
        assert!(futures::poll!(sixth.as_mut()).is_pending());
        in_flight.slot(&two).await.done(false);
        slots.pop().unwrap().done(false);
        sixth.await.done(false);
    }

    #[tokio::test]
    async fn too_many_halves_the_limit_and_good_calls_raise_it_again() {
        let (in_flight, corp) = (InFlight::new(MOST), CorpId::from("ww1"));
        for expected in [2, 1, 1] {
            in_flight.slot(&corp).await.done(true);
            assert_eq!(limit(&in_flight, &corp), expected);
        }
        for _ in 0..GOOD_CALLS * MOST {
            in_flight.slot(&corp).await.done(false);
        }
        assert_eq!(limit(&in_flight, &corp), MOST);
    }
}
