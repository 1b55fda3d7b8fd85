//! How many calls of one API a process has in flight, when nobody knows how many WeCom takes at once.
//!
//! WeCom's guard (`API_CONCURRENT_OUT_OF_LIMIT`) has no published number (doc 90313), and counts the calls of all
//! processes together. Each process adapts a limit of its own as TCP does (RFC 5681): until the first refusal each
//! success allows one call more, a refusal lowers the limit, and successes raise it slowly again. Below one call the
//! limit is a share of the time: with 0.5, a call is followed by a pause of its own length.

use std::time::Duration;

use jiff::Timestamp;

use crate::instant::UnixSeconds;

/// The limit of a process that knows nothing yet.
const START: f64 = 4.0;
/// The lowest limit: one call in twenty times the duration of a call.
const LEAST: f64 = 0.05;
/// What a refusal leaves of the limit. Less would waste what WeCom takes, more would be refused more often.
const LEFT_AFTER_REFUSAL: f64 = 0.8;
/// What a success adds to a limit of one call or more soon after a refusal.
const GROWTH: f64 = 0.01;
/// Seconds without a refusal after which the growth is twice as fast. It then grows with the square of the time, so
/// that a limit that was reduced by a passing cause is soon the old one.
const GROWTH_SECONDS: f64 = 10.0;
/// Limits below this one are spaced evenly in time: a few calls that start together would exceed a small limit of
/// WeCom, though their mean does not.
const SPACED_BELOW: f64 = 4.0;

/// The limit of one process for the calls of one API.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptiveLimit {
    limit: f64,
    most: f64,
    /// Whether no call has been refused yet.
    is_starting: bool,
    reduced_at: Option<Timestamp>,
    /// When the limit that was adopted last was found.
    adopted: Option<UnixSeconds>,
}

impl AdaptiveLimit {
    /// A limit that will not exceed `most` calls, which is at least 1.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = as_calls(most.max(1));
        Self {
            limit: START.min(most),
            most,
            is_starting: true,
            reduced_at: None,
            adopted: None,
        }
    }

    /// The limit, in calls; less than 1 is a share of the time.
    #[must_use]
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// The largest number of calls in flight, at least 1.
    #[must_use]
    pub fn calls(&self) -> usize {
        as_whole(self.limit.ceil()).max(1)
    }

    /// The time from the start of a call to the start of the next one, if a call takes `duration`; none while calls may
    /// start together.
    #[must_use]
    pub fn spacing(&self, duration: Duration) -> Option<Duration> {
        let is_spaced = !self.is_starting && self.limit < SPACED_BELOW.min(self.most);
        is_spaced.then(|| duration.div_f64(self.limit))
    }

    /// A call has succeeded at `now`. The limit grows only if it was reached since the last success: one that is not
    /// used proves nothing (RFC 7661).
    pub fn succeeded(&mut self, now: Timestamp, was_reached: bool) {
        if !was_reached {
            return;
        }
        let growth = if self.is_starting {
            1.0
        } else {
            let quiet = self
                .reduced_at
                .map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
            let faster = 1.0 + (quiet / GROWTH_SECONDS).powi(2);
            GROWTH * self.limit.sqrt().min(1.0) * faster
        };
        self.limit = (self.limit + growth).min(self.most);
    }

    /// A call that began at `began` was refused at `now`. Returns whether the limit was lowered: calls that were in
    /// flight together count as one sign.
    pub fn refused(&mut self, began: Timestamp, now: Timestamp) -> bool {
        if self.reduced_at.is_some_and(|at| began <= at) {
            return false;
        }
        self.is_starting = false;
        self.reduced_at = Some(now);
        self.limit = (self.limit * LEFT_AFTER_REFUSAL).max(LEAST);
        true
    }

    /// Lowers the limit to a share of what all processes were found to have in flight together, once for each finding.
    pub fn adopt(&mut self, shared: SharedLimit) {
        if self.adopted == Some(shared.found_at) {
            return;
        }
        self.adopted = Some(shared.found_at);
        let share = as_calls(shared.calls) / as_calls(shared.processes.max(1));
        if share < self.limit {
            self.is_starting = false;
            self.limit = share.max(LEAST);
        }
    }

    /// The limit has been found out to be less than `most`.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        !self.is_starting
    }
}

/// What the processes have found out together about the calls of one API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedLimit {
    /// Calls of all processes in flight.
    pub calls: usize,
    /// When that was found.
    pub found_at: UnixSeconds,
    /// Processes that make calls now.
    pub processes: usize,
}

/// The calls of so many processes with this limit each, at least 1.
pub(crate) fn times(limit: f64, processes: usize) -> usize {
    as_whole((limit * as_calls(processes)).ceil()).max(1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn as_whole(calls: f64) -> usize {
    // A limit is at most `most`, which was a `usize`, and never negative.
    calls as usize
}

#[expect(clippy::cast_precision_loss)]
fn as_calls(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
