//! Tests of the crate from outside: what a callback and a call look like to the program that uses it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail a test by panicking, as tests do"
)]

mod codes;
mod crypto;
mod events;
mod fields;
mod hostile;
mod limits;
mod requests;
mod vectors;

#[cfg(feature = "client")]
mod client;
