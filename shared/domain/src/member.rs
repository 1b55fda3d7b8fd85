//! Members of the company, as far as the app may see them.

use serde::{Deserialize, Serialize};
use wecom::api::user::UserStatus;
use wecom::{Private, UserId};

use crate::instant::UnixSeconds;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member, as WeCom writes the id.
    pub userid: UserId,
    /// The name; empty if the app may not see it.
    pub name: Private,
    /// Ids of the departments that the member belongs to.
    #[serde(default)]
    pub departments: Vec<u64>,
    /// The alias that the member is also known by.
    #[serde(default, skip_serializing_if = "Private::is_empty")]
    pub alias: Private,
    /// The job title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
    /// Whether the member works with WeCom.
    #[serde(default)]
    pub status: UserStatus,
    /// Whether the member may have customers (WeCom doc 92571).
    #[serde(default)]
    pub follows: bool,
    /// When the member was found to be out of the app's sight: gone from the company, or from the
    /// app's range. Nothing is concluded about the customers of such a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<UnixSeconds>,
}

/// A department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// The id at WeCom.
    pub id: u64,
    /// The name at WeCom; empty if the app may not see it.
    pub name: String,
    /// The id of the department above; 0 for the root.
    pub parent_id: u64,
}
