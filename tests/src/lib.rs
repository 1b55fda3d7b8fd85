//! Measurement tools of the benches and of the deployment test, and the file of their results.
//!
//! The scenarios are in `tests/it`. Nothing depends on this package.

pub mod dynamodb_proxy;
pub mod results;
pub mod runtime_api;
pub mod usage;

/// Metrics that alarms and the dashboard use already, and that no function writes yet.
pub const METRICS_NOT_WRITTEN_YET: [&str; 3] = [
    "adds_unnoticed",
    "callback_reachable",
    "oldest_pending_seconds",
];
