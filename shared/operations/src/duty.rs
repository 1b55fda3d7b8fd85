//! Who receives a channel's customers now: computed from the schedule and the day's counts ([`plan`]), and sent to
//! WeCom when it differs from the list that WeCom has ([`align`]).

pub use align::{AlignError, Aligned, align};
pub use plan::{Plan, plan};

mod align;
mod plan;
