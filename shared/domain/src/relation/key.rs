//! The key of a follow relation.

use wecom::{Event, ExternalUserId, UserId};

/// Identifies a follow relation of a corp: one member and one customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationKey {
    /// The member, as WeCom writes the id.
    pub member: UserId,
    /// The customer.
    pub customer: ExternalUserId,
}

impl RelationKey {
    /// The key of this member and this customer.
    #[must_use]
    pub fn new(member: UserId, customer: ExternalUserId) -> Self {
        Self { member, customer }
    }

    /// The relation that `event` is about, if it is about one.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let (member, customer) = event.contact()?;
        Some(Self::new(member.clone(), customer.clone()))
    }
}
