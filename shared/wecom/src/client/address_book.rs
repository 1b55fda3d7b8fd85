//! Calls about members, departments, and which of them the app sees (WeCom docs 90196, 90200, 90208, 90227, 95350,
//! 96067).

use super::Client;
use super::contact::At;
use super::transport::Call;
use crate::api::Page;
use crate::api::agent::Agent;
use crate::api::department::{Department, DepartmentId};
use crate::api::path;
use crate::api::user::{USER_ID_ROWS_MAX, User, UserDepartment, UserEntry};
use crate::error::{Error, FieldError};
use crate::id::UserId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ids {
    department_id: Vec<DepartmentId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Departments {
    department: Vec<Department>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Users {
    userlist: Vec<UserEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UserIds {
    dept_user: Vec<UserDepartment>,
    next_cursor: String,
}

impl Client {
    /// The app with its visible range (WeCom doc 90227). The app that asks is the only one that it may ask about.
    ///
    /// # Errors
    /// `AGENTID_MISMATCH` for the number of another app.
    pub async fn get_agent(&self, agent_id: u64) -> Result<Agent, Error> {
        let id = agent_id.to_string();
        self.call(Call::get(path::GET_AGENT).with("agentid", &id))
            .await
    }

    /// A department and all below it, without names; all in the app's range if there is no `id` (WeCom doc 95350).
    ///
    /// # Errors
    /// `DEPARTMENT_NOT_FOUND` if there is no such department, `NO_PRIVILEGE` if it is out of the app's range.
    pub async fn list_department_ids(&self, id: Option<u64>) -> Result<Vec<DepartmentId>, Error> {
        self.departments::<Ids>(path::LIST_DEPARTMENT_IDS, id)
            .await
            .map(|ids| ids.department_id)
    }

    /// A department and all below it, with names; all in the app's range if there is no `id` (WeCom doc 90208). WeCom
    /// calls it slow: [`Client::list_department_ids`] is enough for a walk.
    ///
    /// # Errors
    /// As [`Client::list_department_ids`], and `NEW_ADDRESS_FORBIDDEN` for the address book sync from a new address.
    pub async fn list_departments(&self, id: Option<u64>) -> Result<Vec<Department>, Error> {
        self.departments::<Departments>(path::LIST_DEPARTMENTS, id)
            .await
            .map(|departments| departments.department)
    }

    /// A member (WeCom doc 90196).
    ///
    /// # Errors
    /// `USERID_NOT_FOUND` if there is none, `NO_PRIVILEGE` if the member is out of the app's range.
    pub async fn get_user(&self, user_id: &UserId) -> Result<User, Error> {
        self.call(Call::get(path::GET_USER).with("userid", user_id.as_str()))
            .await
    }

    /// The members of a department, not paged (WeCom doc 90200). The page does not name `fetch_child`, which is what
    /// `with_children` sends, any more: who must be sure to have everybody below asks department by department.
    ///
    /// # Errors
    /// As [`Client::list_departments`].
    pub async fn list_users(
        &self,
        department_id: u64,
        with_children: bool,
    ) -> Result<Vec<UserEntry>, Error> {
        let id = department_id.to_string();
        let call = Call::get(path::LIST_USERS)
            .with("department_id", &id)
            .with("fetch_child", if with_children { "1" } else { "0" });
        self.call::<Users>(call).await.map(|users| users.userlist)
    }

    /// All members of the company, one row for each of their departments (WeCom doc 96067). It needs the secret of the
    /// address book sync. A page has 1 to 10 000 rows.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another `limit`, `API_FORBIDDEN` for the secret of an app (inferred), `INVALID_CURSOR` or
    /// `INVALID_PAGE_CURSOR` for a bad cursor.
    pub async fn list_user_ids(
        &self,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<UserDepartment>, Error> {
        let api = path::LIST_USER_IDS;
        if limit.is_some_and(|limit| !(1..=USER_ID_ROWS_MAX).contains(&limit)) {
            let reason = format!("must be 1 to {USER_ID_ROWS_MAX}");
            return Err(FieldError::new("limit", reason).for_api(api));
        }
        let ids: UserIds = self.call(Call::post(api, &At { cursor, limit })?).await?;
        Ok(Page::new(ids.dept_user, ids.next_cursor))
    }

    async fn departments<T: DeserializeOwned>(
        &self,
        api: &'static str,
        id: Option<u64>,
    ) -> Result<T, Error> {
        let id = id.map(|id| id.to_string());
        let call = Call::get(api);
        let call = match &id {
            Some(id) => call.with("id", id),
            None => call,
        };
        self.call(call).await
    }
}
