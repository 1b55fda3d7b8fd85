//! What WeCom returned about a relation the last time it was asked.

use jiff::Timestamp;
use wecom::Private;
use wecom::api::contact::{ExternalContact, FollowUser};

use crate::instant::UnixSeconds;

/// The relation and the customer as WeCom returned them last (docs 92114 and 92994).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What the member has on the customer.
    pub follow: FollowSnapshot,
    /// The customer as a person. It is stored with the relation and not in an item of its own, because nearly every
    /// customer has one member: that halves the writes of a first sync.
    pub contact: Option<ExternalContact>,
    /// When the call began, or when the bundle changed the tags itself, by the bundle's own clock. What was read before
    /// is older, and is dropped.
    pub observed_at: Option<Timestamp>,
}

/// What the member has on the customer, without tags and state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowSnapshot {
    /// Since when the two are in contact.
    pub createtime: Option<UnixSeconds>,
    /// How the customer came: an open list, 1 a code, 16 an acquisition link.
    pub add_way: Option<i64>,
    /// The userid or `external_userid` of who made the relation: the member, the customer, or who assigned it.
    pub oper_userid: String,
    /// The member's name for the customer.
    pub remark: Private,
    /// The member's notes.
    pub description: Private,
    /// The company that the member noted.
    pub remark_corp_name: Private,
    /// Phone numbers that the member noted.
    pub remark_mobiles: Vec<Private>,
}

impl Snapshot {
    /// Whether it is of a call that began after `at`.
    pub(super) fn is_newer_than(&self, at: Timestamp) -> bool {
        self.observed_at.is_some_and(|observed| observed > at)
    }

    /// Moves the time to `at`, unless it is later already.
    pub(super) fn observed_by(&mut self, at: Timestamp) {
        self.observed_at = self.observed_at.max(Some(at));
    }
}

impl From<&FollowUser> for FollowSnapshot {
    fn from(follow: &FollowUser) -> Self {
        let mobiles = follow.remark_mobiles.iter();
        Self {
            createtime: (follow.createtime > 0).then_some(UnixSeconds(follow.createtime)),
            add_way: Some(follow.add_way),
            oper_userid: follow.oper_userid.clone(),
            remark: follow.remark.clone(),
            description: follow.description.clone(),
            remark_corp_name: follow.remark_corp_name.clone(),
            remark_mobiles: mobiles
                .filter(|mobile| !mobile.is_empty())
                .cloned()
                .collect(),
        }
    }
}
