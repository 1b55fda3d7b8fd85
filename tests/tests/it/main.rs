//! Scenarios: the whole bundle on one machine, driven by what customers, members, operators and WeCom do.
//!
//! [`world`] has the vocabulary. Callbacks are really encrypted and signed, functions run behind their Lambda
//! event types, and a test waits for conditions, never for time. Each module is a subject; tests that answer
//! a complaint about today's systems are named after it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and clippy's own exception covers test functions only"
)]

mod admin;
mod apart;
mod callbacks;
mod crashes;
mod deliveries;
mod dying;
mod hostile;
mod outside;
mod postman;
mod tags;
mod tokens;
mod welcomes;
mod world;
