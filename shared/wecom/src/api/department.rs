//! Departments of the company (WeCom docs 90208, 95350).

use crate::id::UserId;
use serde::{Deserialize, Serialize};

/// A department without its name: all that the address book sync of today is given, and enough for a walk of the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DepartmentId {
    /// The department; the root is 1.
    pub id: u64,
    /// The department above; it may be out of the app's range.
    pub parentid: u64,
    /// Place among its siblings, 0 to 2^32-1; larger comes first.
    pub order: u64,
}

/// A department.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Department {
    /// The department; the root is 1.
    pub id: u64,
    /// Its name; third-party apps get the number instead.
    pub name: String,
    /// Its English name, if it has one.
    pub name_en: String,
    /// Who leads it.
    pub department_leader: Vec<UserId>,
    /// The department above; it may be out of the app's range.
    pub parentid: u64,
    /// Place among its siblings, 0 to 2^32-1; larger comes first.
    pub order: u64,
}
