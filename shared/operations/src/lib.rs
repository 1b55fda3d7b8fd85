//! Use cases that several functions share: rules of the domain, applied over its ports.
//!
//! The crate knows no AWS, no HTTP and no clock: the caller passes the time. Whatever only one function does is in that
//! function.

pub mod duty;
