//! The machinery of the local stack from outside: event sources against a real embedded database, the front door over
//! HTTP, the command as a process, and what it has in common with the template.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and clippy's own exception covers test functions only"
)]

mod backup;
mod command;
mod embedded;
mod event_source;
mod external;
mod gateway;
mod inbox;
mod killed;
mod patience;
mod process;
mod recorder;
mod retries;
mod serving;
mod template;
