//! The WeCom sandbox, scenario tests and benches.
//!
//! [`sandbox`] is a stateful WeCom for one machine: the API, the callbacks and a phone page. The
//! local stack mounts it, and every test of the bundle talks to it. [`results`] is what the benches found;
//! [`door`] and [`usage`] are what they measure with.

pub mod door;
pub mod results;
pub mod runtime_api;
pub mod sandbox;
pub mod usage;
