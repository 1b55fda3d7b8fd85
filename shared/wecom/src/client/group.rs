//! Calls about customer groups (WeCom docs 92120, 92122).

use super::Client;
use super::transport::Call;
use crate::api::Page;
use crate::api::group::{GroupChat, GroupStatus, ListGroups};
use crate::api::path;
use crate::error::Error;
use crate::id::ChatId;
use serde::Deserialize;
use serde_json::json;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    group_chat_list: Vec<GroupStatus>,
    next_cursor: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct One {
    group_chat: GroupChat,
}

impl Client {
    /// Lists groups by their ids.
    ///
    /// # Errors
    /// `TOO_MANY_ITEMS` without owners if more than 1000 members are in the app's range, `INVALID_CURSOR` or
    /// `INVALID_PAGE_CURSOR` for a bad cursor.
    pub async fn list_groups(&self, groups: &ListGroups) -> Result<Page<GroupStatus>, Error> {
        let api = path::LIST_GROUPS;
        groups.check().map_err(|invalid| invalid.for_api(api))?;
        let listed: Listed = self.call(Call::post(api, groups)?).await?;
        Ok(Page::new(listed.group_chat_list, listed.next_cursor))
    }

    /// A group with everybody in it, and with their names if they are asked for. It may lag an event by 2 seconds
    /// (WeCom doc 92130).
    ///
    /// # Errors
    /// `GROUP_DISSOLVED` if the group was dissolved, `NOT_CUSTOMER_GROUP` if it is no customer group, `INVALID_CHATID`
    /// or `CHAT_NOT_FOUND` if there is none.
    pub async fn get_group(&self, chat_id: &ChatId, with_names: bool) -> Result<GroupChat, Error> {
        let request = json!({"chat_id": chat_id, "need_name": u8::from(with_names)});
        let call = Call::post(path::GET_GROUP, &request)?;
        self.call::<One>(call).await.map(|one| one.group_chat)
    }
}
