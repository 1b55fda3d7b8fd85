//! Relations as WeCom returns them, and what their comparison with the stored ones comes to.

use jiff::Timestamp;
use wecom::api::contact::{ExternalContact, FollowUser};

use super::Relation;

/// One customer of one member, as WeCom returns it.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The customer.
    pub contact: ExternalContact,
    /// What the member has on the customer.
    pub follow: FollowUser,
}

/// A call that returned relations.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// When it began.
    pub at: Timestamp,
    /// Whether it was made because of an event. Then its time is kept also if nothing else differs: a page that was read
    /// before it may differ, and comes too late.
    pub for_event: bool,
}

/// What observations come to.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The relations as they are from now on, in the order of the observations.
    pub relations: Vec<Relation>,
    /// Places, in that order, of the relations of which it was not known that a channel of ours brought them, each with
    /// whether it is the first of all channels.
    pub came: Vec<(usize, bool)>,
    /// Places of the relations that differ from what is stored, each with the version that it was compared with.
    pub differ: Vec<(usize, u64)>,
}
