//! Scenarios: the whole bundle on one machine, driven by what customers, members, operators and WeCom do.
//!
//! [`world`] has the vocabulary. Callbacks are really encrypted and signed, functions run behind their Lambda
//! event types, and a test waits for conditions by a clock of its own ([`time`]). Each module is a subject; tests that answer
//! a complaint about today's systems are named after it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and clippy's own exception covers test functions only"
)]

mod admin;
mod admin_channels;
mod admin_reads;
mod admin_troubles;
mod agreement;
mod apart;
mod callbacks;
mod copy;
mod crashes;
mod customer;
mod deliveries;
mod dying;
mod dying_ports;
mod earlier_rows;
mod folds;
mod half_adds;
mod hostile;
mod instance;
mod leftovers;
mod lists;
mod media;
mod operator;
mod outside;
mod postman;
mod quota;
mod relations;
mod repairs;
mod restarts;
mod schedules;
mod schedules_admin;
mod snapshots;
mod sync;
mod sync_crashes;
mod sync_random;
mod sync_scene;
mod sync_truth;
mod tags;
mod ticks;
mod time;
mod tokens;
mod unfilled;
mod welcome_retries;
mod welcomes;
mod world;
