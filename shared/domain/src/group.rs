//! Customer groups, and the rule by which an event is folded into what is known of one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wecom::ChatId;
use wecom::api::group::{GroupChat, GroupStatusKind};
use wecom::event::UpdatedExternalChat;

use crate::instant::UnixSeconds;

/// A customer group as it was read last, or as an event has changed it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group as WeCom returns it (doc 92122).
    #[serde(flatten)]
    pub chat: GroupChat,
    /// Whether its owner is still there (doc 92120).
    pub status: GroupStatusKind,
    /// When it was found to be dissolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dissolved_at: Option<UnixSeconds>,
    /// When it was read, or which later time it is known to agree with, by the bundle's own clock. Stored as `read_at`
    /// (Unix seconds) and `read_us` (microseconds beyond them).
    #[serde(flatten, with = "crate::instant::read_at")]
    pub read_at: Timestamp,
}

/// What an event about a group asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fold {
    /// Nothing: the list of members that is known is already the one after the event.
    Known,
    /// The group is this now.
    Changed(Box<Group>),
    /// The event says too little, or an event before it is missing: the group has to be read.
    Read,
}

impl Group {
    /// A group of which nothing is known but that it was dissolved by `at`.
    #[must_use]
    pub fn dissolved(chat_id: &ChatId, at: Timestamp) -> Self {
        Self {
            chat: GroupChat {
                chat_id: chat_id.clone(),
                ..GroupChat::default()
            },
            status: GroupStatusKind::default(),
            dissolved_at: Some(UnixSeconds::of(at)),
            read_at: at,
        }
    }

    /// Folds a change of the group in. What is read from `at` on has the change in it, and what was read
    /// before may lack it.
    ///
    /// WeCom numbers the versions of the list of members (doc 92130): a change that applies to the version that is
    /// known can be applied, and any other means that an event was lost or overtaken. Who went is a list of ids and can
    /// be applied; who came is too, but without name, kind and time, and a new name, owner or notice is not in the
    /// event at all, so these have to be read.
    #[must_use]
    pub fn fold(&self, event: &UpdatedExternalChat, at: Timestamp) -> Fold {
        let is_about_members = event.cur_mem_ver.is_some();
        if is_about_members && event.cur_mem_ver.as_ref() == Some(&self.chat.member_version) {
            return Fold::Known;
        }
        let applies = event.last_mem_ver.as_ref() == Some(&self.chat.member_version);
        let (true, "del_member", Some(version)) =
            (applies, event.update_detail.as_str(), &event.cur_mem_ver)
        else {
            return Fold::Read;
        };
        let mut after = self.clone();
        let went = |userid: &str| event.mem_change_list.iter().any(|id| id == userid);
        after
            .chat
            .member_list
            .retain(|member| !went(&member.userid));
        after.chat.admin_list.retain(|admin| !went(admin.as_str()));
        after.chat.member_version.clone_from(version);
        after.read_at = after.read_at.max(at);
        Fold::Changed(Box::new(after))
    }
}
