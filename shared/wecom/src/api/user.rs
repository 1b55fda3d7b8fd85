//! Members of the company (WeCom docs 90196, 90200, 96067).

use super::wire::open_number;
use crate::id::UserId;
use crate::private::Private;
use serde::{Deserialize, Serialize};

/// The most rows of one page of `user/list_id`.
pub const USER_ID_ROWS_MAX: u32 = 10_000;

open_number! {
    /// Whether a member works with WeCom.
    UserStatus {
        /// Yes.
        Active = 1,
        /// Disabled by the company.
        Disabled = 2,
        /// Never logged in.
        NotActivated = 4,
        /// Left the company.
        Left = 5,
    }
}

/// A member. Apps made after 2022-06-20 get no phone, mail, gender, picture or address, so these are not here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The name.
    pub name: Private,
    /// Another name.
    pub alias: Private,
    /// The job.
    pub position: String,
    /// Whether the member works with WeCom.
    pub status: UserStatus,
    /// Departments.
    pub department: Vec<u64>,
    /// The department that counts.
    pub main_department: u64,
    /// For each department, 1 if the member leads it.
    pub is_leader_in_dept: Vec<u8>,
    /// Who leads the member.
    pub direct_leader: Vec<UserId>,
}

/// A member as the list of a department has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserEntry {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The name; third-party apps get the id instead.
    pub name: Private,
    /// All departments of the member, not only the one that was asked for.
    pub department: Vec<u64>,
}

/// One department of a member; who is in several has a row for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserDepartment {
    /// The member.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// The department.
    pub department: u64,
}
