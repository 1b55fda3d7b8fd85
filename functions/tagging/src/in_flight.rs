//! How many calls are in flight per corp: five at most, fewer after WeCom says that it is too many (45033),
//! and slowly more again while it does not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use wecom::CorpId;

/// Calls in flight per corp. WeCom publishes no number (error 45033); five is known to be taken.
const MOST: usize = 5;
/// Calls that have to go well before one more may be in flight.
const GOOD_CALLS: usize = 20;

/// The shares of all corps.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    corps: Mutex<HashMap<CorpId, Arc<Share>>>,
}

#[derive(Debug)]
struct Share {
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
pub(crate) struct Slot {
    share: Arc<Share>,
}

impl InFlight {
    /// Waits for a place among the calls of `corp`.
    pub(crate) async fn slot(&self, corp: &CorpId) -> Slot {
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
                .or_insert_with(|| Arc::new(Share::new())),
        )
    }
}

impl Slot {
    /// Tells how the call went.
    pub(crate) fn done(self, too_many: bool) {
        let mut state = self.share.state();
        if too_many {
            state.limit = (state.limit / 2).max(1);
            state.good = 0;
        } else {
            state.good += 1;
            if state.good >= GOOD_CALLS && state.limit < MOST {
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
    fn new() -> Self {
        Self {
            state: Mutex::new(State {
                limit: MOST,
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

    fn limit(in_flight: &InFlight, corp: &CorpId) -> usize {
        in_flight.share(corp).state().limit
    }

    #[tokio::test]
    async fn the_sixth_call_waits_and_corps_do_not_wait_for_each_other() {
        let in_flight = InFlight::default();
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
        let (in_flight, corp) = (InFlight::default(), CorpId::from("ww1"));
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
