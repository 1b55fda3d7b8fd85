//! The two limits per corp and API: calls in flight (45033) and calls in a window (45009).

use super::api::Refusal;
use super::setup::SandboxOptions;
use std::collections::HashMap;
use std::time::Instant;

/// What one corp did to one API.
type Key = (String, &'static str);

#[derive(Debug, Default)]
pub(crate) struct Limits {
    gauges: HashMap<Key, Gauge>,
}

#[derive(Debug, Default)]
struct Gauge {
    in_flight: usize,
    peak: usize,
    window: Option<(Instant, u32)>,
    blocked_since: Option<Instant>,
}

impl Limits {
    /// Counts a call in; the caller must count out every call that was let in.
    pub(crate) fn enter(
        &mut self,
        corp: &str,
        api: &'static str,
        options: &SandboxOptions,
        now: Instant,
    ) -> Result<(), Refusal> {
        let gauge = self.gauges.entry((corp.to_owned(), api)).or_default();
        gauge.rate(options, now)?;
        if gauge.in_flight >= options.calls_in_flight {
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
    /// An excess blocks for as long as the window that was exceeded (WeCom doc 90312).
    fn rate(&mut self, options: &SandboxOptions, now: Instant) -> Result<(), Refusal> {
        if let Some(since) = self.blocked_since {
            if now - since < options.rate_window {
                return Err(Refusal(45009));
            }
            self.blocked_since = None;
            self.window = None;
        }
        let (start, calls) = match self.window {
            Some((start, calls)) if now - start < options.rate_window => (start, calls + 1),
            _ => (now, 1),
        };
        self.window = Some((start, calls));
        if calls > options.calls_per_window {
            self.blocked_since = Some(now);
            return Err(Refusal(45009));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use crate::sandbox::SandboxOptions;
    use std::time::{Duration, Instant};

    #[test]
    fn an_excess_blocks_for_one_window_of_that_corp_and_api() {
        let options = SandboxOptions {
            calls_per_window: 2,
            ..SandboxOptions::default()
        };
        let start = Instant::now();
        let mut limits = Limits::default();
        let mut call = |corp: &str, api, second| {
            let now = start + Duration::from_secs(second);
            let entered = limits.enter(corp, api, &options, now);
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
}
