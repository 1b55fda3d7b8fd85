//! Corp tags for customers (WeCom docs 92117, 92118). Each member has tags of their own on a customer.

use super::limit::{each, ensure, filled, max_chars, max_items, no_blank};
use super::wire::{blank, seconds};
use crate::error::FieldError;
use crate::id::{ExternalUserId, TagGroupId, TagId, UserId};
use serde::{Deserialize, Serialize};

/// The longest name of a tag or group in characters.
pub const NAME_MAX_CHARS: usize = 30;
/// The most tags that one `mark_tag` adds or removes; more is `INVALID_TAG_COUNT`.
pub const MARK_MAX: usize = 1000;

/// Which tags to read; all if both lists are empty. Groups win over tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TagFilter {
    /// Single tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag_id: Vec<TagId>,
    /// Whole groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_id: Vec<TagGroupId>,
}

/// A group of tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TagGroup {
    /// The group.
    pub group_id: TagGroupId,
    /// Its name, unique in the company.
    pub group_name: String,
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub create_time: i64,
    /// 0 to 2^32-1; larger comes first.
    pub order: u64,
    /// Only returned when asked by id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Its tags.
    pub tag: Vec<Tag>,
}

/// A tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tag {
    /// The tag. Names change and are unique in their group only.
    pub id: TagId,
    /// Its name.
    pub name: String,
    /// Unix seconds.
    #[serde(deserialize_with = "seconds")]
    pub create_time: i64,
    /// 0 to 2^32-1; larger comes first.
    pub order: u64,
    /// Only returned when asked by id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// Tags to make, in a group that exists or a new one. A name that the group has already makes nothing new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddCorpTag {
    /// The group; without it, `group_name` finds or makes one.
    #[serde(default, skip_serializing_if = "blank")]
    pub group_id: Option<TagGroupId>,
    /// At most 30 characters; ignored next to a `group_id`.
    #[serde(default, skip_serializing_if = "blank")]
    pub group_name: Option<String>,
    /// Order of a new group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// At least one.
    pub tag: Vec<NewTag>,
    /// Old suites only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agentid: Option<u64>,
}

/// A tag to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTag {
    /// 1 to 30 characters.
    pub name: String,
    /// Larger comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
}

/// Changes of a tag or group that the same app made (`NO_PRIVILEGE_ON_TAG` otherwise).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditCorpTag {
    /// Id of the tag or of the group.
    pub id: String,
    /// At most 30 characters; must not collide (`TAG_NAME_EXISTS`).
    #[serde(default, skip_serializing_if = "blank")]
    pub name: Option<String>,
    /// Larger comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// Old suites only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agentid: Option<u64>,
}

/// Tags and groups to delete; not both empty. A group without tags goes by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelCorpTag {
    /// Single tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_id: Vec<TagId>,
    /// Groups with all their tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_id: Vec<TagGroupId>,
    /// Old suites only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agentid: Option<u64>,
}

/// Tags to add to and remove from one customer of one member; not both empty. Calls about one pair must not overlap
/// (`CONCURRENT_CHANGE`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkTag {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The customer.
    #[serde(rename = "external_userid")]
    pub external_user_id: ExternalUserId,
    /// At most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_tag: Vec<TagId>,
    /// At most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tag: Vec<TagId>,
}

impl AddCorpTag {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92117.
    pub fn check(&self) -> Result<(), FieldError> {
        let grouped = !blank(&self.group_id) || !blank(&self.group_name);
        ensure(grouped, "group_name", || {
            "group_id and group_name are both absent".to_owned()
        })?;
        each(&self.group_name, |name| {
            max_chars("group_name", name, NAME_MAX_CHARS)
        })?;
        ensure(!self.tag.is_empty(), "tag", || "is empty".to_owned())?;
        for (at, tag) in self.tag.iter().enumerate() {
            filled(&format!("tag[{at}].name"), &tag.name)?;
            max_chars(&format!("tag[{at}].name"), &tag.name, NAME_MAX_CHARS)?;
        }
        Ok(())
    }
}

impl EditCorpTag {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92117.
    pub fn check(&self) -> Result<(), FieldError> {
        filled("id", &self.id)?;
        each(&self.name, |name| max_chars("name", name, NAME_MAX_CHARS))
    }
}

impl DelCorpTag {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92117.
    pub fn check(&self) -> Result<(), FieldError> {
        let something = !self.tag_id.is_empty() || !self.group_id.is_empty();
        ensure(something, "tag_id", || {
            "tag_id and group_id are both empty".to_owned()
        })?;
        no_blank("tag_id", &self.tag_id)?;
        no_blank("group_id", &self.group_id)
    }
}

impl MarkTag {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92118.
    pub fn check(&self) -> Result<(), FieldError> {
        filled("userid", self.user_id.as_str())?;
        filled("external_userid", self.external_user_id.as_str())?;
        let something = !self.add_tag.is_empty() || !self.remove_tag.is_empty();
        ensure(something, "add_tag", || {
            "add_tag and remove_tag are both empty".to_owned()
        })?;
        for (field, tags) in [("add_tag", &self.add_tag), ("remove_tag", &self.remove_tag)] {
            no_blank(field, tags)?;
            max_items(field, tags, MARK_MAX)?;
        }
        Ok(())
    }
}
