//! What the API shows of what is stored: one struct for each kind of answer, with the fields of the contract.
//!
//! A field that a stored type gets is not public before it is named here. What operators write themselves (a welcome, a
//! schedule) is shown in the form in which they write it, by the same types.

mod app;
mod channel;
mod contact;
mod event;
mod outcome;
mod stats;
mod sync;

pub(crate) use app::{AppView, TokenView};
pub(crate) use channel::ChannelView;
pub(crate) use contact::{ProfileView, RelationView};
pub(crate) use event::EventView;
pub(crate) use stats::{CountsView, DayView};
pub(crate) use sync::{BalanceView, RunView};
