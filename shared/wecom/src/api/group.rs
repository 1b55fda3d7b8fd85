//! Customer groups: group chats of members with customers (WeCom docs 92120, 92122).

use super::limit::{ensure, max_items, no_blank};
use super::wire::{blank, open_number, seconds, user_object, user_objects};
use crate::error::FieldError;
use crate::id::{ChatId, State, UnionId, UserId};
use crate::private::Private;
use serde::{Deserialize, Serialize};

/// The most owners of one `groupchat/list` call.
pub const OWNERS_MAX: usize = 100;
/// The most rows of one page of `groupchat/list`.
pub const GROUP_ROWS_MAX: u32 = 1000;

open_number! {
    /// Which groups to list. The numbers are those of [`GroupStatusKind`], but for 0.
    GroupStatusFilter {
        /// Whatever their status.
        All = 0,
        /// The owner left, and the group has no owner since.
        OwnerLeft = 1,
        /// On their way to another owner.
        BeingInherited = 2,
        /// Arrived at another owner.
        Inherited = 3,
    }
}

open_number! {
    /// Where a group stands with its owner.
    GroupStatusKind {
        /// The owner is with the company.
        Normal = 0,
        /// The owner left, and the group has no owner since.
        OwnerLeft = 1,
        /// The group is on its way to another owner.
        BeingInherited = 2,
        /// Another owner has the group.
        Inherited = 3,
    }
}

open_number! {
    /// What kind of person a participant of a group is.
    GroupMemberType {
        /// A member of the company.
        Member = 1,
        /// Somebody from outside, a customer or not.
        External = 2,
    }
}

open_number! {
    /// How a participant came into a group. Events number it otherwise (WeCom doc 92130).
    GroupJoinScene {
        /// Brought in by a member.
        Invited = 1,
        /// By a member's link.
        InviteLink = 2,
        /// By the group's QR code.
        QrCode = 3,
    }
}

/// Which groups to list: by default all in the app's range, 1000 to a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListGroups {
    /// All by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_filter: Option<GroupStatusFilter>,
    /// Whose groups. It is not sent while it is empty, as WeCom refuses an empty object (`EMPTY_PARAMETER`).
    #[serde(skip_serializing_if = "OwnerFilter::is_empty")]
    pub owner_filter: OwnerFilter,
    /// Where the page starts.
    #[serde(skip_serializing_if = "blank")]
    pub cursor: Option<String>,
    /// Rows of a page: 1 to 1000.
    pub limit: u32,
}

/// Whose groups to list; everybody's in the app's range if there is no owner. Groups of members who left the company
/// are listed for their owners only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerFilter {
    /// At most 100.
    pub userid_list: Vec<UserId>,
}

/// A group in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupStatus {
    /// The group.
    pub chat_id: ChatId,
    /// Where it stands with its owner.
    pub status: GroupStatusKind,
}

/// A group with everybody in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupChat {
    /// The group.
    pub chat_id: ChatId,
    /// The name of the group; empty if it has none.
    pub name: Private,
    /// The member who owns it.
    pub owner: UserId,
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub create_time: i64,
    /// The notice that everybody in the group reads.
    pub notice: Private,
    /// Everybody in the group.
    pub member_list: Vec<GroupMember>,
    /// Members who run the group besides its owner.
    #[serde(with = "user_objects")]
    pub admin_list: Vec<UserId>,
    /// Changes with the list of members. An event whose `LastMemVer` it is follows on this answer (WeCom doc 92130).
    pub member_version: String,
}

/// Somebody in a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupMember {
    /// The id of a member or of an external contact, as `kind` says.
    pub userid: String,
    /// Whose id it is.
    #[serde(rename = "type")]
    pub kind: GroupMemberType,
    /// WeChat users only, and only if the company bound a developer id; also of people who are not customers of any
    /// member.
    pub unionid: UnionId,
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub join_time: i64,
    /// How they came.
    pub join_scene: GroupJoinScene,
    /// Who brought them in; members of the company only.
    #[serde(with = "user_object", skip_serializing_if = "Option::is_none")]
    pub invitor: Option<UserId>,
    /// Their name in this group.
    pub group_nickname: Private,
    /// Their name; only if it was asked for.
    pub name: Private,
    /// The `state` of the join way by which they came (WeCom doc 92229).
    pub state: State,
}

impl Default for ListGroups {
    fn default() -> Self {
        Self {
            status_filter: None,
            owner_filter: OwnerFilter::default(),
            cursor: None,
            limit: GROUP_ROWS_MAX,
        }
    }
}

impl ListGroups {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92120.
    pub fn check(&self) -> Result<(), FieldError> {
        let (field, owners) = ("owner_filter.userid_list", &self.owner_filter.userid_list);
        no_blank(field, owners)?;
        max_items(field, owners, OWNERS_MAX)?;
        let fits = (1..=GROUP_ROWS_MAX).contains(&self.limit);
        ensure(fits, "limit", || format!("must be 1 to {GROUP_ROWS_MAX}"))
    }
}

impl OwnerFilter {
    /// Whether there is no owner, so that everybody's groups are meant.
    pub fn is_empty(&self) -> bool {
        self.userid_list.is_empty()
    }
}
