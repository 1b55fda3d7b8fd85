//! The rules of the bundle, as pure functions of their arguments.
//!
//! Start with [`event::InboxEvent`], what a callback becomes; then [`welcome`] (which message a new
//! customer gets), [`relation`] (what an event does to a follow relation) and [`outcome`] (how what was
//! done about an event is written down). [`ports`] lists what the rules ask of the outside world, one
//! trait per capability.
//!
//! The crate knows no AWS, no HTTP and no clock: times come in as arguments.

pub mod acquisition;
pub mod app;
pub mod channel;
pub mod concurrency;
pub mod contact;
pub mod due;
pub mod duty;
pub mod error;
pub mod event;
pub mod field;
pub mod group;
pub mod instant;
pub mod member;
pub mod outcome;
pub mod pace;
pub mod placeholder;
pub mod ports;
pub mod quota;
pub mod relation;
pub mod schedule;
pub mod sync;
pub mod tally;
pub mod welcome;
pub mod work;
