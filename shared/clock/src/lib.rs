//! Time as a value that is passed to whatever needs it: instants, deadlines and sleeps.
//!
//! Production code takes a [`Clock`] and asks nothing else for the time. Its `main` passes [`Clock::system`]; a test
//! passes a clock that it moves itself (`ManualClock`, feature `manual`), so that no test waits for time to pass and
//! none depends on the speed of the machine.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

#[cfg(feature = "manual")]
mod manual;
mod system;

#[cfg(feature = "manual")]
pub use manual::{Hold, ManualClock, START};

/// A wait that ends by the passing of time alone.
pub type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the time comes from.
pub trait TimeSource: Send + Sync {
    /// The time of day. A later reading is rarely equal and never less, unless the clock of the machine is set.
    fn now(&self) -> Timestamp;

    /// A point in time that no setting of the machine's clock moves, to measure and to bound durations.
    fn instant(&self) -> Instant;

    /// Ends at `until`, or at once if that has passed. `wait` says what the wait is for; the clock of the system
    /// treats all alike.
    fn wait_until(&self, until: Instant, wait: Wait) -> Waiting;
}

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A pause before a retry; nothing else runs during it.
    Pause,
    /// The end of the time that something else may take.
    Deadline,
    /// The next turn of something that happens regularly.
    Interval,
}

/// A clock. Clones are the same one.
#[derive(Clone)]
pub struct Clock(Arc<dyn TimeSource>);

/// Something took longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl Clock {
    /// The clock of the machine, with Tokio's timers. Sleeps and deadlines need a Tokio runtime.
    #[must_use]
    pub fn system() -> Self {
        Self::new(system::System)
    }

    /// A clock over `source`.
    #[must_use]
    pub fn new(source: impl TimeSource + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The time of day, in whole microseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.0.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Whole Unix seconds.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.now().as_second()
    }

    /// Whole Unix milliseconds.
    #[must_use]
    pub fn unix_millis(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// A point in time to measure and to bound durations with.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.0.instant()
    }

    /// How long ago `earlier` was.
    #[must_use]
    pub fn since(&self, earlier: Instant) -> Duration {
        self.instant().saturating_duration_since(earlier)
    }

    /// Ends after `duration`.
    pub async fn sleep(&self, duration: Duration) {
        self.wait(duration, Wait::Pause).await;
    }

    /// Ends when the next turn of something regular has come, `period` from now.
    pub async fn next_turn(&self, period: Duration) {
        self.wait(period, Wait::Interval).await;
    }

    /// What `work` ends with, if it ends within `limit`; otherwise it is dropped.
    ///
    /// # Errors
    /// [`Elapsed`] when it has not ended by then.
    pub async fn timeout<F: Future>(&self, limit: Duration, work: F) -> Result<F::Output, Elapsed> {
        let mut work = pin!(work);
        let mut expired = self.start(limit, Wait::Deadline);
        std::future::poll_fn(|context| {
            // Work that has ended in time counts, also if its caller is late.
            if let std::task::Poll::Ready(output) = work.as_mut().poll(context) {
                return std::task::Poll::Ready(Ok(output));
            }
            expired.as_mut().poll(context).map(|()| Err(Elapsed))
        })
        .await
    }

    async fn wait(&self, duration: Duration, wait: Wait) {
        self.start(duration, wait).await;
    }

    fn start(&self, duration: Duration, wait: Wait) -> Waiting {
        match self.instant().checked_add(duration) {
            Some(until) => self.0.wait_until(until, wait),
            None => Box::pin(std::future::pending()),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
