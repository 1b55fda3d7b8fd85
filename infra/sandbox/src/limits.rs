//! The limits per corp and API: calls in flight (45033) and calls in two windows (45009).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Sandbox;
use super::api::Refusal;
use super::setup::SandboxOptions;

/// How often one corp may call one API, from [`SandboxOptions`] at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Calls in flight; one more is answered 45033.
    pub calls_in_flight: usize,
    /// Calls in the short window; one more is answered 45009.
    pub calls_per_window: u32,
    /// The short window, and the block after its excess.
    pub rate_window: Duration,
    /// Calls in the long window; one more is answered 45009.
    pub calls_per_hour: u32,
    /// The long window, and the block after its excess.
    pub hour: Duration,
}

impl From<&SandboxOptions> for RateLimits {
    fn from(options: &SandboxOptions) -> Self {
        Self {
            calls_in_flight: options.calls_in_flight,
            calls_per_window: options.calls_per_window,
            rate_window: options.rate_window,
            calls_per_hour: options.calls_per_hour,
            hour: options.hour,
        }
    }
}

impl Sandbox {
    /// The limits at present.
    #[must_use]
    pub fn limits(&self) -> RateLimits {
        self.read(|state| state.limits.rates)
    }

    /// Changes the limits while the sandbox runs, as WeCom may at any time. What was counted stays counted, and a block
    /// that has begun lasts as long as its window is now.
    pub fn set_limits(&self, limits: RateLimits) {
        self.change(|state| state.limits.rates = limits);
    }

    /// Lifts every block and counts anew, as an administrator can in WeCom's own tool (WeCom doc 90313, help of 45009).
    pub fn lift_blocks(&self) {
        self.change(|state| {
            for gauge in state.limits.gauges.values_mut() {
                gauge.windows = [Window::default(); 2];
            }
        });
    }
}

/// What one corp did to one API.
type Key = (String, &'static str);

#[derive(Debug)]
pub(crate) struct Limits {
    rates: RateLimits,
    gauges: HashMap<Key, Gauge>,
}

#[derive(Debug, Default)]
struct Gauge {
    in_flight: usize,
    peak: usize,
    /// The short one and the long one.
    windows: [Window; 2],
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: Option<Instant>,
    calls: u32,
    blocked_since: Option<Instant>,
}

impl Limits {
    pub(crate) fn new(options: &SandboxOptions) -> Self {
        Self {
            rates: RateLimits::from(options),
            gauges: HashMap::new(),
        }
    }

    /// Counts a call in; the caller must count out every call that was let in.
    pub(crate) fn enter(
        &mut self,
        corp: &str,
        api: &'static str,
        now: Instant,
    ) -> Result<(), Refusal> {
        let gauge = self.gauges.entry((corp.to_owned(), api)).or_default();
        gauge.rate(&self.rates, now)?;
        if gauge.in_flight >= self.rates.calls_in_flight {
            return Err(Refusal(45033));
        }
        gauge.in_flight += 1;
        gauge.peak = gauge.peak.max(gauge.in_flight);
        Ok(())
    }

    /// Counts a call out.
    pub(crate) fn leave(&mut self, corp: &str, api: &'static str) {
        if let Some(gauge) = self.gauges.get_mut(&(corp.to_owned(), api)) {
            gauge.in_flight -= 1;
        }
    }

    /// The most calls of `api` that one corp ever had in flight.
    pub(crate) fn peak(&self, api: &str) -> usize {
        let of_api = |key: &Key| super::faults::names(api, key.1);
        let gauges = self.gauges.iter().filter(|(key, _)| of_api(key));
        gauges.map(|(_, gauge)| gauge.peak).max().unwrap_or(0)
    }
}

impl Gauge {
    /// A call that is refused because of a block is not counted.
    fn rate(&mut self, rates: &RateLimits, now: Instant) -> Result<(), Refusal> {
        let limits = [
            (rates.calls_per_window, rates.rate_window),
            (rates.calls_per_hour, rates.hour),
        ];
        let mut windows = self.windows.iter_mut().zip(limits);
        if windows.any(|(window, (_, length))| window.is_blocked(length, now)) {
            return Err(Refusal(45009));
        }
        let mut is_over = false;
        for (window, (most, length)) in self.windows.iter_mut().zip(limits) {
            is_over |= window.count(most, length, now);
        }
        if is_over { Err(Refusal(45009)) } else { Ok(()) }
    }
}

impl Window {
    /// An excess blocks for as long as the window that was exceeded (WeCom doc 90312).
    fn is_blocked(&mut self, length: Duration, now: Instant) -> bool {
        match self.blocked_since {
            Some(since) if now.saturating_duration_since(since) < length => true,
            Some(_) => {
                *self = Self::default();
                false
            }
            None => false,
        }
    }

    /// Counts a call, and answers whether it is one too many.
    fn count(&mut self, most: u32, length: Duration, now: Instant) -> bool {
        let is_open = |began: &Instant| now.saturating_duration_since(*began) < length;
        if self.began.as_ref().is_some_and(is_open) {
            self.calls = self.calls.saturating_add(1);
        } else {
            self.began = Some(now);
            self.calls = 1;
        }
        if self.calls > most {
            self.blocked_since = Some(now);
        }
        self.calls > most
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use crate::SandboxOptions;
    use clock::ManualClock;
    use std::time::Duration;

    #[test]
    fn an_excess_blocks_for_one_window_of_that_corp_and_api() {
        let options = SandboxOptions {
            calls_per_window: 2,
            ..SandboxOptions::default()
        };
        let start = ManualClock::new().clock().instant();
        let mut limits = Limits::new(&options);
        let mut call = |corp: &str, api, second| {
            let now = start + Duration::from_secs(second);
            let entered = limits.enter(corp, api, now);
            entered
                .map(|()| limits.leave(corp, api))
                .map_err(|refusal| refusal.0)
        };
        for (corp, api, second, expected) in [
            ("ww1", "mark_tag", 0, Ok(())),
            ("ww1", "mark_tag", 1, Ok(())),
            ("ww1", "mark_tag", 50, Err(45009)),
            ("ww1", "get", 51, Ok(())),
            ("ww2", "mark_tag", 51, Ok(())),
            // The first window is over, the block is not.
            ("ww1", "mark_tag", 109, Err(45009)),
            ("ww1", "mark_tag", 110, Ok(())),
        ] {
            assert_eq!(
                call(corp, api, second),
                expected,
                "{corp} {api} at {second} s"
            );
        }
    }

    #[test]
    fn the_hour_blocks_for_an_hour_and_the_minute_for_a_minute() {
        let options = SandboxOptions {
            calls_per_window: 2,
            calls_per_hour: 4,
            ..SandboxOptions::default()
        };
        let start = ManualClock::new().clock().instant();
        let mut limits = Limits::new(&options);
        for (second, expected) in [
            (0, Ok(())),
            (1, Ok(())),
            (2, Err(45009)),
            (61, Err(45009)),
            // The refused calls of a block are not counted, the one that began it is.
            (62, Ok(())),
            (63, Err(45009)),
            (3600, Err(45009)),
            (3662, Err(45009)),
            (3663, Ok(())),
        ] {
            let entered = limits.enter("ww1", "get", start + Duration::from_secs(second));
            let entered = entered.map(|()| limits.leave("ww1", "get"));
            assert_eq!(
                entered.map_err(|refusal| refusal.0),
                expected,
                "at {second} s"
            );
        }
    }
}
