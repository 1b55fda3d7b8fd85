//! Moments of the state. They are times of day, because they outlive the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment as Unix time in milliseconds.
pub(crate) fn unix_ms_of(moment: SystemTime) -> u64 {
    u64::try_from(between(UNIX_EPOCH, moment).as_millis()).unwrap_or(u64::MAX)
}

/// A moment as Unix time in whole seconds.
pub(crate) fn unix_s_of(moment: SystemTime) -> u64 {
    unix_ms_of(moment) / 1000
}

/// The time between two moments; nothing if a clock that was set back has swapped them.
pub(crate) fn between(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}
