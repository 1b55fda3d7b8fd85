//! What can be seen of a customer group.

use super::Corp;
use crate::model::{CorpState, Group, GroupStatus};

/// A group as it can be looked at: what `groupchat/get` answers with `need_name`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupView {
    /// Its id, `wr…`.
    pub chat_id: String,
    /// Its name.
    pub name: String,
    /// The userid of its owner, also of one who has left the company.
    pub owner: String,
    /// The notice on its board.
    pub notice: String,
    /// When it began, Unix time in seconds.
    pub create_time: u64,
    /// Whether its owner has left the company.
    pub status: GroupStatus,
    /// The userids of its admins, sorted.
    pub admins: Vec<String>,
    /// Who is in it, in the order in which they came.
    pub members: Vec<GroupMemberView>,
    /// Another one after every change of the members.
    pub member_version: String,
}

/// One person in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMemberView {
    /// A userid or an `external_userid`.
    pub id: String,
    /// 1 for a member of the corp, 2 for anybody else.
    pub kind: u8,
    /// Of a WeChat user.
    pub unionid: Option<String>,
    /// Unix time in seconds.
    pub join_time: u64,
    /// 1 invited, 2 by an invitation link, 3 by QR code.
    pub join_scene: u8,
    /// Who invited.
    pub invitor: Option<String>,
    /// The name in this group; empty if there is none.
    pub group_nickname: String,
    /// The name elsewhere.
    pub name: String,
    /// The state of the join way.
    pub state: Option<String>,
}

impl Corp {
    /// The groups that are not dissolved, by chat id.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.sandbox.read(|state| {
            let corp = state.corps.get(&self.id);
            let groups = corp.into_iter().flat_map(|corp| {
                let live = corp.groups.iter().filter(|(_, group)| !group.dissolved);
                live.map(|(chat_id, group)| view(corp, chat_id, group))
            });
            groups.collect()
        })
    }

    /// A group that is not dissolved.
    #[must_use]
    pub fn group(&self, chat_id: &str) -> Option<GroupView> {
        self.sandbox.read(|state| {
            let corp = state.corps.get(&self.id)?;
            let group = corp.groups.get(chat_id).filter(|group| !group.dissolved)?;
            Some(view(corp, chat_id, group))
        })
    }
}

pub(super) fn view(corp: &CorpState, chat_id: &str, group: &Group) -> GroupView {
    let members = group.members.iter().map(|member| {
        let (name, unionid) = corp.names_of(member);
        GroupMemberView {
            id: member.id.to_string(),
            kind: member.kind,
            unionid,
            join_time: member.joined,
            join_scene: member.join_scene,
            invitor: member.invitor.as_deref().map(str::to_owned),
            group_nickname: member.nickname.to_string(),
            name,
            state: member.state.as_deref().map(str::to_owned),
        }
    });
    GroupView {
        chat_id: chat_id.to_owned(),
        name: group.name.clone(),
        owner: group.owner.to_string(),
        notice: group.notice.clone(),
        create_time: group.created,
        status: group.status,
        admins: group.admins.iter().map(ToString::to_string).collect(),
        members: members.collect(),
        member_version: group.member_version.clone(),
    }
}
