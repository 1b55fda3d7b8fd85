//! Measurement tools of the benches and of the deployment test, and the file of their results.
//!
//! The scenarios are in `tests/it`. Nothing depends on this package.

pub mod dynamodb_proxy;
pub mod results;
pub mod runtime_api;
pub mod usage;
