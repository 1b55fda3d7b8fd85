//! Which members and departments an app sees (WeCom doc 90196).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CorpState, Group, GroupStatus, Id, Member, Pair, Relation};

/// The visible range of an app; an app without one sees the root department and so everybody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Range {
    /// Members who are named one by one.
    pub(crate) users: BTreeSet<Id>,
    /// Departments, with all below them.
    pub(crate) departments: BTreeSet<u32>,
}

impl CorpState {
    /// Whether the app sees the department: it is in the range or below a department of it.
    pub(crate) fn sees_department(&self, app: &str, id: u32) -> bool {
        let Some(range) = self.ranges.get(app) else {
            return true;
        };
        let mut above = range.departments.iter();
        above.any(|above| self.lies_below(id, *above))
    }

    pub(crate) fn sees(&self, app: &str, member: &Member) -> bool {
        let Some(range) = self.ranges.get(app) else {
            return true;
        };
        let mut departments = member.departments.iter();
        range.users.contains(&member.userid) || departments.any(|id| self.sees_department(app, *id))
    }

    /// Whether the app sees whoever has this userid; no app sees a member who does not exist.
    pub(crate) fn sees_userid(&self, app: &str, userid: &str) -> bool {
        self.member(userid)
            .is_some_and(|member| self.sees(app, member))
    }

    /// Whether the list APIs show the relation to the app: it is open, the member has the customer-contact function and
    /// the app sees the member (WeCom doc 92113).
    pub(crate) fn shows(&self, app: &str, (userid, _): &Pair, relation: &Relation) -> bool {
        let shown = |member: &Member| member.has_function && self.sees(app, member);
        relation.is_open() && self.member(userid).is_some_and(shown)
    }

    /// Whether the app sees the group. The group of an owner who left is in nobody's range any more and waits for
    /// whoever asks for it by its owner (WeCom doc 92120).
    pub(crate) fn shows_group(&self, app: &str, group: &Group) -> bool {
        let is_orphan = group.status == GroupStatus::OwnerLeft;
        !group.dissolved && (is_orphan || self.sees_userid(app, &group.owner))
    }
}
