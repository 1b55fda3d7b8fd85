//! When calls that cannot wait for the next minute are made: evenly, below what WeCom allows in a minute and in an
//! hour.
//!
//! Welcomes live 20 seconds. If more are due than WeCom takes (10,000 calls a minute and 150,000 an hour per API, doc
//! 90312), the excess must not cost the others theirs: one call too many blocks the API for the whole window. So every
//! call gets a time slot out of a row that all processes share, and a call whose slot would come too late is not made.
//!
//! The minute is the generic cell rate algorithm (ITU-T I.371): slots are an interval apart, and a small number of them
//! may be taken at once after a quiet time. In any 60 seconds, whenever WeCom's window begins, no more slots are given
//! than the limit and that number. The hour is counted in parts of five minutes, of which the last hour's are summed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Calls of one API that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceLimits {
    /// In any minute, at least 1.
    pub per_minute: u32,
    /// In any hour, at least 1.
    pub per_hour: u32,
}

/// 97 % of what WeCom allows (doc 90312): the rest is for clocks that differ and calls that take differently long.
impl Default for PaceLimits {
    fn default() -> Self {
        Self {
            per_minute: 9_700,
            per_hour: 145_500,
        }
    }
}

/// One in so many of a minute's calls may be made at once after a quiet time.
const BURST: u32 = 100;
/// Length of a part of the hour, in seconds.
const PART: i64 = 300;
/// Parts that are summed: those of an hour, and the one that has begun.
const PARTS: i64 = 13;
const MINUTE: i64 = 60;

/// The slots of one API that were given to all processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// The first slot that is free, in Unix microseconds.
    next_us: i64,
    /// Slots that were given, by part of five minutes since 1970.
    parts: BTreeMap<i64, u32>,
}

/// Slots in a row for one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    next: Timestamp,
    interval: SignedDuration,
    left: u32,
}

/// What asking for slots came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaceGrant {
    /// At least one slot and at most as many as were wanted.
    Granted(Slots),
    /// None is free before this time.
    TakenUntil(Timestamp),
}

impl Pace {
    /// Takes up to `wanted` slots, of which the first is not after `latest`.
    pub fn take(
        &mut self,
        now: Timestamp,
        wanted: u32,
        latest: Timestamp,
        limits: &PaceLimits,
    ) -> PaceGrant {
        let interval = interval_us(limits);
        let burst = i64::from((limits.per_minute / BURST).max(1));
        let now_us = now.as_microsecond();
        let first = self.next_us.max(now_us - interval * (burst - 1));
        if first > latest.as_microsecond() {
            return PaceGrant::TakenUntil(at(first));
        }
        let part = now.as_second().div_euclid(PART);
        self.parts.retain(|begun, _| part - *begun < PARTS);
        let given: u32 = self.parts.values().sum();
        let free = limits.per_hour.saturating_sub(given);
        if free == 0 {
            // The oldest part is the next to be forgotten.
            let oldest = self.parts.keys().next().copied().unwrap_or(part);
            let until = (oldest + PARTS).saturating_mul(PART);
            return PaceGrant::TakenUntil(Timestamp::from_second(until).unwrap_or(now));
        }
        let in_time = (latest.as_microsecond() - first) / interval + 1;
        let in_time = u32::try_from(in_time).unwrap_or(u32::MAX);
        let granted = wanted.max(1).min(free).min(in_time);
        self.next_us = first + interval * i64::from(granted);
        *self.parts.entry(part).or_default() += granted;
        PaceGrant::Granted(Slots {
            next: at(first),
            interval: SignedDuration::from_micros(interval),
            left: granted,
        })
    }
}

impl Slots {
    /// The next slot that is not before `oldest`; those before it are given up. It is used unless it is after `latest`:
    /// then it stays for a call that may be made later.
    pub fn take_between(&mut self, oldest: Timestamp, latest: Timestamp) -> Option<Timestamp> {
        while self.left > 0 && self.next < oldest {
            self.next();
        }
        let slot = (self.left > 0).then_some(self.next)?;
        if slot <= latest {
            self.next();
        }
        Some(slot)
    }
}

impl Iterator for Slots {
    type Item = Timestamp;

    /// The time of the next slot, which is thereby used.
    fn next(&mut self) -> Option<Timestamp> {
        self.left = self.left.checked_sub(1)?;
        let slot = self.next;
        self.next = slot.checked_add(self.interval).unwrap_or(slot);
        Some(slot)
    }
}

fn interval_us(limits: &PaceLimits) -> i64 {
    // The burst is a part of the minute's calls, not an addition to them.
    let per_minute = limits.per_minute.max(1);
    let evenly = per_minute.saturating_sub(per_minute / BURST).max(1);
    MINUTE * 1_000_000 / i64::from(evenly)
}

fn at(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PaceLimits = PaceLimits {
        per_minute: 1_500,
        per_hour: 22_500,
    };

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_579_200 + second).unwrap()
    }

    /// Takes slots one at a time as long as they are not later than 10 s; returns when they are.
    fn take_all(pace: &mut Pace, now: Timestamp, limits: &PaceLimits) -> Vec<Timestamp> {
        let latest = now + SignedDuration::from_secs(10);
        let mut slots = Vec::new();
        while let PaceGrant::Granted(granted) = pace.take(now, 7, latest, limits) {
            slots.extend(granted);
        }
        slots
    }

    #[test]
    fn after_a_quiet_time_a_part_of_the_minute_may_be_called_at_once() {
        let mut pace = Pace::default();
        let slots = take_all(&mut pace, second(0), &LIMITS);
        let at_once = slots.iter().filter(|slot| **slot <= second(0)).count();
        assert_eq!(at_once, 15);
        // 24.75 a second for ten seconds.
        assert_eq!(slots.len(), 15 + 247);
        assert!(slots.is_sorted());
    }

    #[test]
    fn no_window_of_a_minute_has_more_calls_than_the_limit_and_a_full_one_nearly_as_many() {
        let mut pace = Pace::default();
        let mut slots: Vec<Timestamp> = Vec::new();
        for now in 0..300 {
            slots.extend(take_all(&mut pace, second(now), &LIMITS));
        }
        // A slot in the past is used when it is given.
        let used: Vec<Timestamp> = slots.iter().map(|slot| (*slot).max(second(0))).collect();
        for begin in 0..240 {
            let window = second(begin)..second(begin + 60);
            let calls = used.iter().filter(|slot| window.contains(slot)).count();
            assert!((1_470..=1_500).contains(&calls), "{calls} from {begin} s");
        }
    }

    #[test]
    fn an_hour_has_no_more_calls_than_its_limit() {
        let limits = PaceLimits {
            per_minute: 1_500,
            per_hour: 3_000,
        };
        let mut pace = Pace::default();
        let mut given = Vec::new();
        for now in 0..4_000 {
            given.extend(
                take_all(&mut pace, second(now), &limits)
                    .iter()
                    .map(|_| now),
            );
        }
        let in_first_hour = given.iter().filter(|now| **now < 3_600).count();
        assert_eq!(in_first_hour, 3_000);
        assert!(given.len() > 3_000, "the oldest parts are free again");
        let mut pace = Pace::default();
        take_all(&mut pace, second(0), &LIMITS);
        let limits = PaceLimits {
            per_hour: 262,
            ..LIMITS
        };
        let now = second(60);
        assert_eq!(
            pace.take(now, 1, now, &limits),
            PaceGrant::TakenUntil(second(3_900)),
            "when the first part ends to be one of the last hour"
        );
    }

    #[test]
    fn a_slot_that_is_too_late_for_one_call_stays_for_another() {
        let mut pace = Pace::default();
        take_all(&mut pace, second(0), &LIMITS);
        let PaceGrant::Granted(mut slots) = pace.take(second(8), 2, second(12), &LIMITS) else {
            panic!("no slot");
        };
        let slot = slots.take_between(second(7), second(9)).unwrap();
        assert!(slot > second(9), "the call may not wait as long");
        assert_eq!(slots.take_between(second(7), second(12)), Some(slot));
        let next = slots.take_between(second(7), second(12)).unwrap();
        assert!(next > slot);
        assert_eq!(slots.take_between(second(7), second(12)), None);

        let PaceGrant::Granted(mut slots) = pace.take(second(8), 2, second(12), &LIMITS) else {
            panic!("no slot");
        };
        assert_eq!(
            slots.take_between(second(20), second(30)),
            None,
            "both are old"
        );
    }

    #[test]
    fn a_slot_that_would_come_too_late_is_not_given() {
        let mut pace = Pace::default();
        let (now, latest) = (second(0), second(1));
        let PaceGrant::Granted(slots) = pace.take(now, 1_000, latest, &LIMITS) else {
            panic!("no slot");
        };
        assert_eq!(slots.count(), 15 + 24);
        let PaceGrant::TakenUntil(until) = pace.take(now, 1, latest, &LIMITS) else {
            panic!("a slot too many");
        };
        assert!(until > latest);
    }
}
