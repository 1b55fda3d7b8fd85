//! Customer acquisition links 「获客助手」 (WeCom docs 97297, 97298, 97375, 100130).
//!
//! An app of one's own in the list of callable apps sees the links that it made, and no others.

use super::limit::{ensure, filled, max_bytes, max_chars, max_items, no_blank};
use super::wire::{blank, open_number, seconds};
use crate::error::FieldError;
use crate::id::{ExternalUserId, LinkId, State, UserId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The longest name of a link in characters.
pub const LINK_NAME_MAX_CHARS: usize = 30;
/// The most members of a link.
pub const MEMBERS_MAX: usize = 500;
/// The most members of a priority list.
pub const PRIORITY_MEMBERS_MAX: usize = 1000;
/// The longest `customer_channel` in bytes; WeCom cuts longer ones without a word.
pub const CUSTOMER_CHANNEL_MAX_BYTES: usize = 64;
/// The longest span of a statistic in seconds: 30 days.
pub const STATISTIC_MAX_SECONDS: i64 = 30 * 24 * 60 * 60;

/// A link to make, or with a `link_id` the changes of one: range and priority replace the old ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRequest {
    /// At most 30 characters; required when a link is made.
    #[serde(default, skip_serializing_if = "blank")]
    pub link_name: Option<String>,
    /// Who receives the customers; required when a link is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<LinkRange>,
    /// Whether customers come in without the member's consent; WeCom's default is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_verify: Option<bool>,
    /// Whether members who know the customer come first; some business categories only (`CATEGORY_NOT_ALLOWED`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_option: Option<PriorityOption>,
    /// Whether the source is marked; marketing acquisition apps only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_source: Option<bool>,
}

/// Members and departments of a link; not both empty, at most 500 members in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkRange {
    /// The members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_list: Vec<UserId>,
    /// The departments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub department_list: Vec<u64>,
}

open_number! {
    /// Whether customers go back to a member they know.
    PriorityType {
        /// Anybody's in the company.
        WholeCompany = 1,
        /// Those of the listed members.
        Listed = 2,
    }
}

/// Who comes first with a customer who is known already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriorityOption {
    /// The whole company, or a list.
    pub priority_type: PriorityType,
    /// At most 1000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority_userid_list: Vec<UserId>,
}

/// A link as WeCom has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcquisitionLink {
    /// The key to the link; the answer to a read leaves it out.
    pub link_id: LinkId,
    /// Its name.
    pub link_name: String,
    /// Its address; see [`AcquisitionLink::with_channel`].
    pub url: String,
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub create_time: i64,
    /// Whether customers come in without the member's consent.
    pub skip_verify: bool,
    /// Whether the source is marked.
    pub mark_source: bool,
}

/// A link with who receives its customers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcquisitionLinkDetail {
    /// The link.
    pub link: AcquisitionLink,
    /// Members and departments.
    pub range: LinkRange,
    /// Who comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_option: Option<PriorityOption>,
}

open_number! {
    /// Whether a customer of a link has written.
    ChatStatus {
        /// Not yet.
        Silent = 0,
        /// Yes.
        Talking = 1,
        /// Not known.
        Unknown = 2,
    }
}

/// One customer who came by a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkCustomer {
    /// The customer.
    #[serde(rename = "external_userid")]
    pub external_user_id: ExternalUserId,
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// Whether the customer has written.
    pub chat_status: ChatStatus,
    /// The `customer_channel` of the link's address.
    pub state: State,
}

/// Uses of the feature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcquisitionQuota {
    /// Used ever.
    pub total: i64,
    /// Left.
    pub balance: i64,
    /// What is left, by the day on which it expires.
    pub quota_list: Vec<ExpiringQuota>,
}

/// Uses that expire together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExpiringQuota {
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub expire_date: i64,
    /// Left.
    pub balance: i64,
}

/// How a link did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkStatistic {
    /// People who opened it.
    pub click_link_customer_cnt: u64,
    /// People who became customers.
    pub new_customer_cnt: u64,
}

/// What a chat key stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatInfo {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The customer.
    #[serde(rename = "external_userid")]
    pub external_user_id: ExternalUserId,
    /// About the chat.
    pub chat_info: ChatCount,
}

/// How much a customer wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatCount {
    /// Messages of the customer.
    pub recv_msg_cnt: u64,
    /// The link by which the customer came.
    pub link_id: LinkId,
    /// The `customer_channel` of the link's address.
    pub state: State,
}

impl AcquisitionLink {
    /// The link's address for one channel: its `customer_channel` comes back as the state of the add event.
    ///
    /// # Errors
    /// Over 64 bytes, which WeCom would cut without a word (WeCom doc 97297).
    pub fn with_channel(&self, channel: &State) -> Result<String, FieldError> {
        max_bytes(
            "customer_channel",
            channel.as_str(),
            CUSTOMER_CHANNEL_MAX_BYTES,
        )?;
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let channel = utf8_percent_encode(channel.as_str(), NON_ALPHANUMERIC);
        Ok(format!("{}{separator}customer_channel={channel}", self.url))
    }
}

impl LinkRequest {
    /// Whether WeCom would make a link of it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 97297.
    pub fn check(&self) -> Result<(), FieldError> {
        filled("link_name", self.link_name.as_deref().unwrap_or_default())?;
        ensure(self.range.is_some(), "range", || "is missing".to_owned())?;
        self.check_changes()
    }

    /// Whether WeCom would change a link so.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 97297.
    pub fn check_changes(&self) -> Result<(), FieldError> {
        max_chars(
            "link_name",
            self.link_name.as_deref().unwrap_or_default(),
            LINK_NAME_MAX_CHARS,
        )?;
        if let Some(range) = &self.range {
            let someone = !range.user_list.is_empty() || !range.department_list.is_empty();
            ensure(someone, "range", || {
                "user_list and department_list are both empty".to_owned()
            })?;
            no_blank("range.user_list", &range.user_list)?;
            max_items("range.user_list", &range.user_list, MEMBERS_MAX)?;
        }
        let first = self
            .priority_option
            .as_ref()
            .map(|option| option.priority_userid_list.as_slice());
        let field = "priority_option.priority_userid_list";
        max_items(field, first.unwrap_or_default(), PRIORITY_MEMBERS_MAX)
    }
}
