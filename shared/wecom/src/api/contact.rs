//! Customers and the members who follow them (WeCom docs 92113, 92114, 92115, 92994, 99434).

use super::limit::{each, ensure, filled, max_chars, max_items, no_blank};
use super::wire::{blank, open_number, seconds};
use crate::error::FieldError;
use crate::id::{ChatId, ExternalUserId, MediaId, State, TagId, UnionId, UserId};
use crate::private::{Private, debug_only};
use serde::{Deserialize, Serialize};

/// The most members of one `batch/get_by_user` call.
pub const BATCH_MEMBERS_MAX: usize = 100;
/// The most rows of one page of `batch/get_by_user`.
pub const BATCH_ROWS_MAX: u32 = 100;
/// The longest `remark` and `remark_company` in characters.
pub const REMARK_MAX_CHARS: usize = 20;
/// The longest `description` in characters.
pub const DESCRIPTION_MAX_CHARS: usize = 150;

open_number! {
    /// Where a customer's account is.
    ContactType {
        /// WeChat.
        WeChat = 1,
        /// WeCom, in another company.
        WeCom = 2,
    }
}

open_number! {
    /// A customer's gender as WeChat says it.
    Gender {
        /// Not said, or withheld from the app.
        Unknown = 0,
        /// Male.
        Male = 1,
        /// Female.
        Female = 2,
    }
}

open_number! {
    /// What a tag of a relation is.
    FollowTagType {
        /// The company's.
        Corp = 1,
        /// The member's own; it has no id.
        Private = 2,
        /// A strategy's.
        Strategy = 3,
    }
}

/// A customer with one page of followers: 500 at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalContactDetail {
    /// The customer.
    pub external_contact: ExternalContact,
    /// The members who follow, as far as the app may see them.
    pub follow_user: Vec<FollowUser>,
    /// Where the next page of followers starts; empty at the end.
    pub next_cursor: String,
}

/// A customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalContact {
    /// The customer.
    #[serde(rename = "external_userid")]
    pub external_user_id: ExternalUserId,
    /// The name that the customer goes by.
    pub name: Private,
    /// Address of the picture; own apps only.
    pub avatar: Private,
    /// WeChat or WeCom.
    #[serde(rename = "type")]
    pub kind: ContactType,
    /// Own apps only.
    pub gender: Gender,
    /// WeChat users only, and only if the company bound a developer id.
    pub unionid: UnionId,
    /// WeCom users only.
    pub position: String,
    /// Short name of the company; WeCom users only.
    pub corp_name: String,
    /// Full name of the company; WeCom users only, own apps only.
    pub corp_full_name: String,
}

/// What one member has on a customer. `get` fills `tags`, `batch/get_by_user` fills `tag_id`:
/// [`FollowUser::tag_ids`] reads both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowUser {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The member's name for the customer.
    pub remark: Private,
    /// The member's notes.
    pub description: Private,
    /// Since when, in Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub createtime: i64,
    /// Tags with names, of all three types.
    pub tags: Vec<FollowTag>,
    /// Ids of corp and strategy tags.
    pub tag_id: Vec<TagId>,
    /// Written as `remark_company`.
    pub remark_corp_name: Private,
    /// Phone numbers that the member noted; own apps only.
    pub remark_mobiles: Vec<Private>,
    /// Who made the relation: the member, the customer, or who assigned it.
    pub oper_userid: String,
    /// How the customer came; an open list (WeCom doc 92114), 1 a code, 3 a card, 16 an acquisition link.
    pub add_way: i64,
    /// The last way by which this pair came.
    pub state: State,
    /// If the customer came by Channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_channels: Option<WeChatChannels>,
}

/// A tag of a relation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowTag {
    /// Name of its group.
    pub group_name: String,
    /// Its name.
    pub tag_name: String,
    /// Empty for a member's own tags.
    pub tag_id: TagId,
    /// Whose it is.
    #[serde(rename = "type")]
    pub kind: FollowTagType,
}

/// A Channels account by which a customer came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeChatChannels {
    /// The account's name.
    pub nickname: Private,
    /// 0 unknown, 1 home page, 2 live room, 3 lead service.
    pub source: i64,
}

/// Which relations to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchGetByUser {
    /// 1 to 100 members.
    pub userid_list: Vec<UserId>,
    /// Where the page starts.
    #[serde(default, skip_serializing_if = "blank")]
    pub cursor: Option<String>,
    /// Rows of a page: 50 by default, at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One page of relations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPage {
    /// One row per customer and member, and where the next page starts.
    pub page: crate::Page<Relation>,
    /// Members that were left out because they have no interop licence; service providers only.
    pub unlicensed: Vec<UserId>,
}

/// One customer of one member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Relation {
    /// The customer.
    pub external_contact: ExternalContact,
    /// What the member has on the customer.
    pub follow_info: FollowUser,
}

/// What a member writes about a customer; at least one text must be there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The customer.
    #[serde(rename = "external_userid")]
    pub external_user_id: ExternalUserId,
    /// At most 20 characters.
    #[serde(default, skip_serializing_if = "blank")]
    pub remark: Option<String>,
    /// At most 150 characters.
    #[serde(default, skip_serializing_if = "blank")]
    pub description: Option<String>,
    /// At most 20 characters; WeChat users only; read back as `remark_corp_name`.
    #[serde(default, skip_serializing_if = "blank")]
    pub remark_company: Option<String>,
    /// All phone numbers from now on; a list of one empty text clears them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remark_mobiles: Vec<String>,
    /// A picture.
    #[serde(default, skip_serializing_if = "blank")]
    pub remark_pic_mediaid: Option<MediaId>,
}

debug_only!(Remark {
    user_id,
    external_user_id
});

/// A person outside of the company that it serves, as counted against its paid scale (WeCom doc 99434).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedContact {
    /// A customer, or someone who is only in a customer group.
    pub is_customer: bool,
    /// The name, masked by WeCom.
    pub name: Private,
    /// Distinguishes people within one full walk of the list only.
    pub tmp_openid: String,
    /// Customers only.
    #[serde(rename = "external_userid")]
    pub external_user_id: ExternalUserId,
    /// The member; customers only.
    #[serde(rename = "follow_userid")]
    pub follow_user_id: UserId,
    /// The group; others only.
    pub chat_id: ChatId,
    /// The group's name.
    pub chat_name: Private,
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub add_time: i64,
}

impl FollowUser {
    /// Ids of all corp and strategy tags of the relation, whichever API returned them.
    pub fn tag_ids(&self) -> impl Iterator<Item = &TagId> {
        let named = self
            .tags
            .iter()
            .map(|tag| &tag.tag_id)
            .filter(|id| !id.is_empty());
        named.chain(&self.tag_id)
    }
}

impl BatchGetByUser {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92994.
    pub fn check(&self) -> Result<(), FieldError> {
        ensure(!self.userid_list.is_empty(), "userid_list", || {
            "is empty".to_owned()
        })?;
        no_blank("userid_list", &self.userid_list)?;
        max_items("userid_list", &self.userid_list, BATCH_MEMBERS_MAX)?;
        let fits = self
            .limit
            .is_none_or(|limit| (1..=BATCH_ROWS_MAX).contains(&limit));
        ensure(fits, "limit", || format!("must be 1 to {BATCH_ROWS_MAX}"))
    }
}

impl Remark {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92115.
    pub fn check(&self) -> Result<(), FieldError> {
        filled("userid", self.user_id.as_str())?;
        filled("external_userid", self.external_user_id.as_str())?;
        let texts = [&self.remark, &self.description, &self.remark_company];
        let something = texts.into_iter().any(|text| !blank(text))
            || !self.remark_mobiles.is_empty()
            || !blank(&self.remark_pic_mediaid);
        ensure(something, "remark", || {
            "nothing is to be written".to_owned()
        })?;
        each(&self.remark, |text| {
            max_chars("remark", text, REMARK_MAX_CHARS)
        })?;
        each(&self.description, |text| {
            max_chars("description", text, DESCRIPTION_MAX_CHARS)
        })?;
        each(&self.remark_company, |text| {
            max_chars("remark_company", text, REMARK_MAX_CHARS)
        })
    }
}
