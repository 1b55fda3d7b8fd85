//! What one corp's calls are limited to.

use domain::pace::PaceLimits;
use domain::quota::Limits;

/// The limits of one corp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CorpLimits {
    /// Calls of one API in a time, but for welcomes.
    pub rate: Limits,
    /// Welcomes in a time.
    pub welcomes: PaceLimits,
    /// Calls of one API in flight that one process does not exceed, if the configuration sets it.
    pub in_flight: Option<usize>,
}

/// Calls of one API in flight that one process does not exceed if the configuration does not say so: more would not be
/// faster on the processor that a function has.
const MOST_IN_FLIGHT: usize = 64;
/// Objects of one kind on which the sync works at the same time if the configuration does not say so.
const CONCURRENT_OBJECTS: usize = 5;

impl CorpLimits {
    /// Calls of one API in flight that one process does not exceed. WeCom publishes no number (error
    /// `API_CONCURRENT_OUT_OF_LIMIT`), so what is in flight adapts below this one.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.in_flight.unwrap_or(MOST_IN_FLIGHT)
    }

    /// Objects of one kind on which the sync works at the same time.
    #[must_use]
    pub fn concurrent_objects(&self) -> usize {
        self.in_flight.unwrap_or(CONCURRENT_OBJECTS)
    }
}
