//! The time of a test: a clock that moves when the test says so, and the one way to wait for a condition.
//!
//! Everything in a test (the functions, the local stack, the sandbox of WeCom) reads this clock. While a test waits for a
//! condition, pauses before a retry are ended one after another, whenever nobody has used the
//! clock for some looks. A deadline passes only
//! by [`Time::passes`]: what is at work is not out of time because the machine is slow.

use std::time::Duration;

use clock::{Clock, ManualClock};
use jiff::Timestamp;

/// How long a condition is waited for. It is patience with the machine, and matters only to a test that fails.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(2);
/// So many looks in a row at which nobody has used the clock: then whoever waits for it is ready to go on.
const QUIET_LOOKS: u32 = 4;

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

    /// The clock for those who read it.
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

    /// Lets `duration` pass.
    pub(crate) fn passes(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// While the returned value is there, no pause ends but by [`passes`](Self::passes).
    pub(crate) fn hold(&self) -> clock::Hold {
        self.clock.hold()
    }

    /// Waits until `look` has a value, and returns it. What it said last is told when that does not happen.
    pub(crate) async fn until<T>(&self, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
        let mut patience = self.patience();
        loop {
            match look().await {
                Ok(value) => return value,
                Err(last) => patience.look_again(&last).await,
            }
        }
    }

    /// The same as a loop of the caller's own, for futures that are spawned.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            clock: self.clock.clone(),
            began: real::now(),
        }
    }

    /// Waits until `holds`.
    pub(crate) async fn until_true(&self, what: &str, holds: impl Fn() -> bool) {
        let look = async || holds().then_some(()).ok_or_else(|| what.to_owned());
        self.until(look).await;
    }

    /// Does `work`, and ends pauses meanwhile as [`until`](Self::until) does.
    pub(crate) async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut patience = self.patience();
        let pauses = async {
            loop {
                patience.look_again("work that does not end").await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = pauses => unreachable!("the loop has no end"),
        }
    }
}

/// Waits between two looks at a condition.
pub(crate) struct Patience {
    clock: ManualClock,
    began: std::time::Instant,
}

impl Patience {
    /// Lets others work for a moment, and ends a pause if nobody uses the clock meanwhile. `last` is what the condition
    /// was at the last look.
    pub(crate) async fn look_again(&mut self, last: &str) {
        assert!(self.began.elapsed() < PATIENCE, "waited in vain: {last}");
        let uses = self.clock.uses();
        for _ in 0..QUIET_LOOKS {
            real::sleep(LOOK).await;
            if self.clock.uses() != uses {
                return;
            }
        }
        self.clock.end_next_pause();
    }
}

/// The machine's own time, by which conditions are looked at. Nothing else in the tests may ask for it.
mod real {
    pub(super) use tokio::time::sleep;

    pub(super) fn now() -> std::time::Instant {
        std::time::Instant::now()
    }
}
