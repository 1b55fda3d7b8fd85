//! How many calls of one API are made for a corp, and for how long an API is paused after WeCom refused a call.
//!
//! WeCom counts per company and API: 10,000 calls a minute and 150,000 an hour (doc 90312). An excess is answered
//! `API_FREQ_OUT_OF_LIMIT` and blocks the API for as long as the window that was exceeded. The bundle stays well below,
//! so that other tools of the company can call as well, and what it takes is shared by all functions through the data
//! table.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::concurrency::{self, SharedLimit};
use crate::instant::UnixSeconds;

/// Calls of one API that the bundle makes for one corp: half of what WeCom allows (doc 90312).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In a minute.
    pub per_minute: u32,
    /// In an hour.
    pub per_hour: u32,
    /// Seconds for which an API is paused after WeCom's first refusal: the window of a minute that was exceeded.
    pub pause: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_minute: 5_000,
            per_hour: 75_000,
            pause: MINUTE,
        }
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Seconds by which Beijing, where WeCom's days begin, is ahead of UTC. It has no summer time.
const BEIJING: i64 = 8 * HOUR;
/// A refusal within this many pauses after a pause means that a longer window was exceeded (doc 90313, help of
/// `API_FREQ_OUT_OF_LIMIT`).
const STRIKE_WINDOW_FACTOR: i64 = 2;
/// How many times as long as the first pause the second one is: an hour.
const SECOND_PAUSE_FACTOR: i64 = 60;
/// Seconds for which a lower number of calls in flight, found by one process, is taken over by the others.
const CAP_SECONDS: i64 = 300;
/// Seconds after which a process that has reported no calls is taken to make none.
const PROCESS_SECONDS: i64 = 6;

/// What has been taken of one API in the present minute and hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The minute that is counted, in minutes since 1970.
    pub minute: i64,
    /// Calls taken in it.
    pub in_minute: u32,
    /// The hour that is counted, in hours since 1970.
    pub hour: i64,
    /// Calls taken in it.
    pub in_hour: u32,
}

/// What asking for calls of a quota came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaGrant {
    /// So many calls, at least one and at most as many as were wanted.
    Granted(u32),
    /// None is left before this time, when a new minute or hour begins.
    SpentUntil(UnixSeconds),
}

impl Usage {
    /// Takes up to `wanted` calls at `now`.
    pub fn take(&mut self, now: UnixSeconds, wanted: u32, limits: &Limits) -> QuotaGrant {
        let (minute, hour) = (window(now, MINUTE), window(now, HOUR));
        if self.minute != minute {
            (self.minute, self.in_minute) = (minute, 0);
        }
        if self.hour != hour {
            (self.hour, self.in_hour) = (hour, 0);
        }
        let left_in_hour = limits.per_hour.saturating_sub(self.in_hour);
        let left_in_minute = limits.per_minute.saturating_sub(self.in_minute);
        if left_in_hour == 0 {
            return QuotaGrant::SpentUntil(UnixSeconds((self.hour + 1) * HOUR));
        }
        if left_in_minute == 0 {
            return QuotaGrant::SpentUntil(UnixSeconds((self.minute + 1) * MINUTE));
        }
        let granted = wanted.min(left_in_hour).min(left_in_minute);
        self.in_minute += granted;
        self.in_hour += granted;
        QuotaGrant::Granted(granted)
    }

    /// How much of the limits is taken at `now`, in percent: of the minute or of the hour, whichever is
    /// closer to its end. A minute that has just ended counts still, for who looks once a minute may always look when
    /// one has just begun.
    #[must_use]
    pub fn percent(&self, now: UnixSeconds, limits: &Limits) -> u32 {
        let is_recent = [0, 1].contains(&(window(now, MINUTE) - self.minute));
        let of_minute = share(self.in_minute, limits.per_minute).filter(|_| is_recent);
        let is_present = window(now, HOUR) == self.hour;
        let of_hour = share(self.in_hour, limits.per_hour).filter(|_| is_present);
        of_minute.max(of_hour).unwrap_or_default()
    }
}

/// The number of the window of so many seconds that contains `at`, counted from 1970.
fn window(at: UnixSeconds, seconds: i64) -> i64 {
    at.get().div_euclid(seconds)
}

/// So many percent of `limit`, rounded down; `None` of a limit of nothing.
fn share(taken: u32, limit: u32) -> Option<u32> {
    let percent = (u64::from(taken) * 100).checked_div(u64::from(limit))?;
    u32::try_from(percent).ok()
}

/// Why and for how long an API is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it ends.
    pub until: UnixSeconds,
    /// Until when another refusal is one of the same row. Stored as `minded_until`, the name that earlier
    /// releases read.
    #[serde(rename = "minded_until")]
    pub strike_window_until: UnixSeconds,
    /// Refusals in a row, one per pause: 1 a minute, 2 an hour, 3 the rest of Beijing's day.
    pub step: u8,
}

/// A lower number of calls in flight, of all processes together, after WeCom answered `API_CONCURRENT_OUT_OF_LIMIT`.
/// The release before counted those of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrencyCap {
    /// Calls in flight.
    pub in_flight: usize,
    /// When it was found.
    pub at: UnixSeconds,
}

/// What all functions of the bundle share about WeCom's limits for one corp, by API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guard {
    /// APIs that are paused, or were lately.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pauses: BTreeMap<String, Pause>,
    /// APIs with fewer calls in flight.
    #[serde(rename = "narrowed", skip_serializing_if = "BTreeMap::is_empty")]
    pub concurrency_caps: BTreeMap<String, ConcurrencyCap>,
    /// When processes reported calls of an API last, by API and process. They are stored outside of this document, so
    /// that a report neither reads nor contends.
    #[serde(skip)]
    pub reports: BTreeMap<(String, String), UnixSeconds>,
}

/// When a call may be made that is worth nothing later.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// What the functions share about WeCom's limits for the corp.
    pub guard: &'a Guard,
    /// When the guard was asked for: one that the process has read or written since is newer.
    pub read_at: Timestamp,
    /// When the call begins at the latest.
    pub latest: Timestamp,
}

impl Guard {
    /// Until when `api` is paused, if it is at `now`.
    #[must_use]
    pub fn paused_until(&self, api: &str, now: UnixSeconds) -> Option<UnixSeconds> {
        let pause = self.pauses.get(api)?;
        (now < pause.until).then_some(pause.until)
    }

    /// How many APIs are paused at `now`.
    #[must_use]
    pub fn paused(&self, now: UnixSeconds) -> usize {
        let pauses = self.pauses.values();
        pauses.filter(|pause| now < pause.until).count()
    }

    /// WeCom has answered `API_FREQ_OUT_OF_LIMIT`: a pause of a minute, which grows to an hour and then to Beijing's
    /// midnight if WeCom repeats it right after the pause. Calls that were under way when the pause began change
    /// nothing. If calls `were_taken` since the last pause, it was not too short: another minute is spent, and no
    /// longer window.
    pub fn refused(&mut self, api: &str, now: UnixSeconds, limits: &Limits, were_taken: bool) {
        let step = match self.pauses.get(api) {
            Some(pause) if now < pause.until => return,
            Some(pause) if were_taken => pause.step.min(1),
            Some(pause) if now < pause.strike_window_until => (pause.step + 1).min(3),
            _ => 1,
        };
        let until = match step {
            1 => now.plus_seconds(limits.pause),
            2 => now.plus_seconds(limits.pause * SECOND_PAUSE_FACTOR),
            _ => next_midnight(now),
        };
        let pause = Pause {
            until,
            strike_window_until: until.plus_seconds(limits.pause * STRIKE_WINDOW_FACTOR),
            step,
        };
        self.pauses.insert(api.to_owned(), pause);
        self.forget(now);
    }

    /// A process found out that it may have `own` calls in flight. All processes together may then have as many times
    /// that as processes make calls. A finding of the same second is kept.
    pub fn share_limit(&mut self, api: &str, process: &str, own: f64, now: UnixSeconds) {
        if self
            .concurrency_caps
            .get(api)
            .is_some_and(|cap| cap.at == now)
        {
            return;
        }
        self.reports
            .insert((api.to_owned(), process.to_owned()), now);
        let processes = self.processes(api, now);
        let in_flight = concurrency::times(own, processes);
        self.concurrency_caps
            .insert(api.to_owned(), ConcurrencyCap { in_flight, at: now });
        self.forget(now);
    }

    /// What all processes have found out lately about the calls of `api` in flight.
    #[must_use]
    pub fn shared_limit(&self, api: &str, now: UnixSeconds) -> Option<SharedLimit> {
        let cap = self.concurrency_caps.get(api)?;
        (now < cap.at.plus_seconds(CAP_SECONDS)).then(|| SharedLimit {
            calls: cap.in_flight,
            found_at: cap.at,
            processes: self.processes(api, now),
        })
    }

    /// Processes that make calls of `api`, at least 1.
    fn processes(&self, api: &str, now: UnixSeconds) -> usize {
        let of_api = self
            .reports
            .iter()
            .filter(|((of, _), at)| of == api && is_recent(**at, now));
        of_api.count().max(1)
    }

    /// What is long over need not be kept.
    fn forget(&mut self, now: UnixSeconds) {
        self.pauses
            .retain(|_, pause| now < pause.strike_window_until);
        self.concurrency_caps
            .retain(|_, cap| now < cap.at.plus_seconds(CAP_SECONDS));
        self.reports.retain(|_, at| is_recent(*at, now));
    }
}

fn is_recent(reported: UnixSeconds, now: UnixSeconds) -> bool {
    now < reported.plus_seconds(PROCESS_SECONDS)
}

fn next_midnight(now: UnixSeconds) -> UnixSeconds {
    let day = window(now.plus_seconds(BEIJING), DAY);
    UnixSeconds((day + 1) * DAY - BEIJING)
}

#[cfg(test)]
mod tests;
