//! Relations as WeCom returns them, and what their comparison with the stored ones comes to.

use jiff::Timestamp;
use wecom::api::contact::{ExternalContact, FollowUser};

use super::{Relation, RelationKey};

/// One customer of one member, as WeCom returns it.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The customer.
    pub contact: ExternalContact,
    /// What the member has on the customer.
    pub follow: FollowUser,
}

impl Observation {
    /// The relation that it is of.
    #[must_use]
    pub fn key(&self) -> RelationKey {
        RelationKey::new(
            self.follow.user_id.clone(),
            self.contact.external_user_id.clone(),
        )
    }
}

/// Why WeCom was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A run reached it. What is stored and equal stays as it is, with its time.
    Scheduled,
    /// An event was about it. The time of the call is stored also if nothing else differs: a page that a run read
    /// before may differ, and is written later.
    Event,
}

/// A call that returned relations.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// When it began.
    pub at: Timestamp,
    /// Why it was made.
    pub trigger: Trigger,
}

/// What the comparison of an observation with the stored relation comes to.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The relation from now on.
    pub relation: Relation,
    /// Set if it was not known before that a channel of ours brought the customer.
    pub newly_attributed: Option<Attributed>,
    /// Set if the relation differs from the stored one: the version of that row, 0 if there is none.
    pub replaces_version: Option<u64>,
}

/// Which of a relation's channels brought the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributed {
    /// The first of all: its add counts with the relation.
    First,
    /// A later one: its add counts by a row of its own.
    Later,
}
