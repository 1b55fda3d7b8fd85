//! Use cases that several functions share: rules of the domain, applied over its ports.
//!
//! The crate knows no AWS and no HTTP. Whatever only one function does is in that function.

pub mod duty;
pub mod ending;
pub mod run;
