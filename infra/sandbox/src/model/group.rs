//! Customer groups (WeCom docs 92120, 92122).

use serde::{Deserialize, Serialize};

use super::{CorpState, Id};

/// A group of members and customers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// As the address book spelt the userid, also after the owner has left the company.
    pub(crate) owner: Id,
    pub(crate) notice: String,
    pub(crate) created: u64,
    pub(crate) status: GroupStatus,
    pub(crate) admins: Vec<Id>,
    /// In the order in which they came.
    pub(crate) members: Vec<GroupMember>,
    /// Another one after every change of the members.
    pub(crate) member_version: String,
    /// Only a call that names a dissolved group still hears of it.
    pub(crate) dissolved: bool,
}

/// One person in a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupMember {
    pub(crate) id: Id,
    /// 1 for a member of the corp, 2 for anybody else.
    pub(crate) kind: u8,
    pub(crate) joined: u64,
    /// 1 invited, 2 by an invitation link, 3 by QR code.
    pub(crate) join_scene: u8,
    pub(crate) invitor: Option<Id>,
    pub(crate) nickname: Box<str>,
    /// The state of the join way.
    pub(crate) state: Option<Id>,
}

/// What becomes of a group whose owner leaves the company (WeCom doc 92120).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupStatus {
    /// 0: the owner is in the company.
    Normal,
    /// 1: the owner has left and nobody has the group yet.
    OwnerLeft,
    /// 2: somebody is about to get it.
    Inheriting,
    /// 3: somebody has got it.
    Inherited,
}

impl GroupStatus {
    /// The number by which the API names it.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Normal => 0,
            Self::OwnerLeft => 1,
            Self::Inheriting => 2,
            Self::Inherited => 3,
        }
    }
}

impl Group {
    pub(crate) fn place_of(&self, id: &str) -> Option<usize> {
        self.members.iter().position(|member| *member.id == *id)
    }
}

impl CorpState {
    /// Who can be in a group, with the kind: a member of the corp, or any of its customers.
    pub(crate) fn person(&self, id: &str) -> Option<(Id, u8)> {
        let member = self.member(id).map(|member| (member.userid.clone(), 1));
        let customer = || self.customers.get_key_value(id);
        member.or_else(|| customer().map(|(id, _)| (id.clone(), 2)))
    }

    /// The nickname and the unionid of somebody in a group.
    pub(crate) fn names_of(&self, person: &GroupMember) -> (String, Option<String>) {
        if person.kind == 1 {
            let name = self.member(&person.id).map(|member| member.name.clone());
            return (name.unwrap_or_default(), None);
        }
        self.customers.get(&person.id).map_or_else(
            || (String::new(), None),
            |customer| {
                let unionid = customer.unionid.as_deref().map(str::to_owned);
                (customer.name.to_string(), unionid)
            },
        )
    }
}
