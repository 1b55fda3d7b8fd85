//! A clock that stands still until its owner moves it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::{Clock, TimeSource, Wait, Waiting};

/// What every manual clock shows at first: noon in Shanghai on 2100-06-16, a Wednesday. It is far ahead of the
/// machine's time, so that a database that deletes by its own clock deletes nothing in a test.
pub const START: Timestamp = Timestamp::constant(4_116_801_600, 0);

/// What a reading adds: two readings of one clock differ, as those of a real clock do.
const TICK: Duration = Duration::from_micros(1);

/// A clock that its owner moves. Each reading moves it by a microsecond; nothing else does by itself. Deadlines expire
/// by [`advance`](Self::advance) only, never by readings or by the end of a pause. Clones are the same clock.
#[derive(Clone)]
pub struct ManualClock(Arc<Inner>);

struct Inner {
    /// What [`Instant`] the clock began at: they cannot be made from a number.
    base: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passed: Duration,
    next_id: u64,
    waits: BTreeMap<(Duration, u64), Waiter>,
    /// Counts readings and waits: two looks at it show whether the clock was used between them.
    uses: u64,
    holds: usize,
}

struct Waiter {
    wait: Wait,
    waker: Option<Waker>,
}

/// While it is there, [`ManualClock::end_next_pause`] does nothing.
pub struct Hold(ManualClock);

impl ManualClock {
    /// A clock that shows [`START`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            base: Instant::now(),
            state: Mutex::default(),
        }))
    }

    /// The clock as it is passed to those who read it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }

    /// Moves the clock, and ends every wait that is over by then.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        let to = state.passed + duration;
        let over = state.move_to(to, Expire::All);
        drop(state);
        wake(over);
    }

    /// Moves the clock to the end of the pause that is over first, unless a deadline is before it: what has a deadline
    /// may be at work, and must not run out of time because the machine is slow. Returns whether it was moved.
    pub fn end_next_pause(&self) -> bool {
        let mut state = self.state();
        let next = |wanted: Wait| {
            let mut waits = state.waits.iter();
            waits
                .find(|(_, waiter)| waiter.wait == wanted)
                .map(|((until, _), _)| *until)
        };
        let (pause, deadline) = (next(Wait::Pause), next(Wait::Deadline));
        match pause.filter(|pause| deadline.is_none_or(|deadline| *pause <= deadline)) {
            Some(pause) if state.holds == 0 => {
                let over = state.move_to(pause, Expire::AllButDeadlines);
                drop(state);
                wake(over);
                true
            }
            _ => false,
        }
    }

    /// Runs `work` to its end, ending pauses whenever it makes no progress by itself.
    pub async fn drive<F: Future>(&self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending() && self.end_next_pause() {
                context.waker().wake_by_ref();
            }
            polled
        })
        .await
    }

    /// How many waits of this kind there are.
    #[must_use]
    pub fn waiting(&self, wanted: Wait) -> usize {
        let state = self.state();
        state
            .waits
            .values()
            .filter(|waiter| waiter.wait == wanted)
            .count()
    }

    /// How often the clock was read or waited for.
    #[must_use]
    pub fn uses(&self) -> u64 {
        self.state().uses
    }

    /// Keeps pauses from ending by [`end_next_pause`](Self::end_next_pause) until the returned value is dropped.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.state().holds += 1;
        Hold(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Duration {
        let mut state = self.state();
        state.uses += 1;
        let to = state.passed + TICK;
        let over = state.move_to(to, Expire::AllButDeadlines);
        drop(state);
        wake(over);
        to
    }
}

impl State {
    /// Moves to `to`, and returns the wakers of the waits that have ended.
    fn move_to(&mut self, to: Duration, expire: Expire) -> Vec<Waker> {
        self.passed = self.passed.max(to);
        // No wait has this id, so the key is greater than every key of this moment.
        let later = self.waits.split_off(&(self.passed, u64::MAX));
        let over = std::mem::replace(&mut self.waits, later);
        let (over, kept): (BTreeMap<_, _>, BTreeMap<_, _>) = over
            .into_iter()
            .partition(|(_, waiter)| expire == Expire::All || waiter.wait != Wait::Deadline);
        self.waits.extend(kept);
        over.into_values()
            .filter_map(|waiter| waiter.waker)
            .collect()
    }
}

/// Which waits end when the clock has moved past them.
#[derive(Clone, Copy, PartialEq)]
enum Expire {
    AllButDeadlines,
    All,
}

/// Wakes outside of the lock: whoever is woken, or dropped by it, may use the clock.
fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.state().holds -= 1;
    }
}

impl TimeSource for ManualClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.read()).unwrap_or(SignedDuration::MAX);
        START.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn instant(&self) -> Instant {
        self.0.base + self.read()
    }

    fn wait_until(&self, until: Instant, wait: Wait) -> Waiting {
        let until = until.saturating_duration_since(self.0.base);
        let mut state = self.state();
        state.uses += 1;
        let key = (until, state.next_id);
        state.next_id += 1;
        if until > state.passed {
            state.waits.insert(key, Waiter { wait, waker: None });
        }
        drop(state);
        Box::pin(Turn {
            clock: self.clone(),
            key,
        })
    }
}

/// A wait for a time.
struct Turn {
    clock: ManualClock,
    key: (Duration, u64),
}

impl Future for Turn {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.clock.state().waits.get_mut(&self.key) {
            Some(waiter) => {
                waiter.waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let waiter = self.clock.state().waits.remove(&self.key);
        // Outside of the lock, as its waker may drop others who wait.
        drop(waiter);
    }
}
