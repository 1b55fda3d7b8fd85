//! The time of a test: a clock that the test advances, and the only way to wait for a condition.
//!
//! Everything in a test (the functions, the local stack, the sandbox of WeCom) reads this clock. While a test waits for
//! a condition, pauses before a retry are ended one after another, whenever the clock was not used during several
//! polls. A deadline passes only by [`Time::passes`]: a slow machine makes no running work miss its deadline.

use std::time::Duration;

use clock::{Clock, ManualClock};
use jiff::Timestamp;

/// How long a condition is waited for, in real time. Only a failing test reaches it.
const PATIENCE: Duration = Duration::from_secs(300);
/// Real time between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// After this many polls without a use of the clock, everything that runs is waiting for the clock.
const QUIET_POLLS: u32 = 4;

/// The clock of a test. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Time {
    clock: ManualClock,
}

impl Time {
    /// A clock that stands at [`clock::START`].
    pub(crate) fn new() -> Self {
        Self {
            clock: ManualClock::new(),
        }
    }

    /// The clock for the code under test.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clock()
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// The time of day in whole Unix seconds.
    pub(crate) fn second(&self) -> i64 {
        self.now().as_second()
    }

    /// Advances the clock by `duration`.
    pub(crate) fn passes(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// While the returned value exists, pauses end only by [`passes`](Self::passes).
    pub(crate) fn hold(&self) -> clock::Hold {
        self.clock.hold()
    }

    /// Polls until `poll` returns a value, and returns it. The last error is in the message if that never happens.
    pub(crate) async fn until<T>(&self, mut poll: impl AsyncFnMut() -> Result<T, String>) -> T {
        let mut patience = self.patience();
        loop {
            match poll().await {
                Ok(value) => return value,
                Err(last) => patience.wait_to_poll(&last).await,
            }
        }
    }

    /// For a polling loop written by the caller, in a spawned future.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            clock: self.clock.clone(),
            started: real::now(),
        }
    }

    /// Waits until `holds`.
    pub(crate) async fn until_true(&self, what: &str, holds: impl Fn() -> bool) {
        let poll = async || holds().then_some(()).ok_or_else(|| what.to_owned());
        self.until(poll).await;
    }

    /// Awaits `work`, and ends pauses in the meantime as [`until`](Self::until) does.
    pub(crate) async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut patience = self.patience();
        let pauses = async {
            loop {
                patience.wait_to_poll("the future did not complete").await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = pauses => unreachable!("the loop has no end"),
        }
    }
}

/// Waits between two polls.
pub(crate) struct Patience {
    clock: ManualClock,
    started: std::time::Instant,
}

impl Patience {
    /// Yields to other tasks for a moment, and ends a pause if none of them uses the clock. `last` describes the state
    /// at the last poll.
    pub(crate) async fn wait_to_poll(&mut self, last: &str) {
        assert!(
            self.started.elapsed() < PATIENCE,
            "timed out waiting for a condition: {last}"
        );
        let uses = self.clock.uses();
        for _ in 0..QUIET_POLLS {
            real::sleep(POLL_INTERVAL).await;
            if self.clock.uses() != uses {
                return;
            }
        }
        self.clock.end_next_pause();
    }
}

/// The machine's own time, for polling. Nothing else in the scenarios may use it.
mod real {
    pub(super) use tokio::time::sleep;

    pub(super) fn now() -> std::time::Instant {
        std::time::Instant::now()
    }
}
