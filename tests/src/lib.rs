//! What the benches and the test of the deployment measure with, and where their results are kept.
//!
//! The scenarios are in `tests/it`. Nothing depends on this package.

pub mod door;
pub mod results;
pub mod runtime_api;
pub mod usage;
