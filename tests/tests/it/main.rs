//! Scenarios: the whole bundle on one machine, driven by the actions of customers, members, operators and WeCom.
//!
//! [`world`] has the vocabulary. Callbacks are encrypted and signed, functions run behind their Lambda event types, and
//! each test waits for conditions on its own clock ([`time`]). Each module covers one subject; a test for a defect that
//! other systems have names that defect.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic like tests, and clippy exempts test functions only"
)]

mod admin;
mod admin_channels;
mod admin_reads;
mod admin_troubles;
mod agreement;
mod callbacks;
mod copy;
mod counts;
mod crashes;
mod crashing;
mod crashing_ports;
mod customer;
mod deliveries;
mod earlier_rows;
mod external_world;
mod half_adds;
mod hostile;
mod instance;
mod leftovers;
mod lists;
mod media;
mod operator;
mod pauses;
mod postman;
mod quota;
mod refreshes;
mod relations;
mod repairs;
mod restarts;
mod schedules;
mod schedules_admin;
mod snapshots;
mod split_stack;
mod stored_rows;
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
