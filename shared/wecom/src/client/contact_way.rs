//! Calls about contact ways (WeCom doc 92228).

use super::Client;
use super::transport::Call;
use crate::api::Page;
use crate::api::contact_way::{
    AddContactWay, AddedContactWay, ContactWay, ListContactWay, UpdateContactWay,
};
use crate::api::path;
use crate::error::Error;
use crate::id::{ConfigId, ExternalUserId, UserId};
use serde::Deserialize;
use serde_json::json;

#[derive(Default, Deserialize)]
#[serde(default)]
struct One {
    contact_way: ContactWay,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    contact_way: Vec<Id>,
    next_cursor: String,
}

#[derive(Deserialize)]
struct Id {
    config_id: ConfigId,
}

impl Client {
    /// Makes a contact way. It is not idempotent: after an unclear result look for its `state` first.
    ///
    /// # Errors
    /// `TOO_MANY_CONTACT_WAYS` if there are 500 000 already, `MEMBER_NOT_ACTIVATED` for a member who is not activated,
    /// `USERID_OUT_OF_RANGE` for one out of range.
    pub async fn add_contact_way(&self, way: &AddContactWay) -> Result<AddedContactWay, Error> {
        let api = path::ADD_CONTACT_WAY;
        way.check().map_err(|invalid| invalid.for_api(api))?;
        self.call(Call::post(api, way)?).await
    }

    /// Reads a contact way.
    ///
    /// # Errors
    /// `INVALID_CONFIG_ID` if there is none.
    pub async fn get_contact_way(&self, config_id: &ConfigId) -> Result<ContactWay, Error> {
        let call = Call::post(path::GET_CONTACT_WAY, &json!({"config_id": config_id}))?;
        self.call::<One>(call).await.map(|one| one.contact_way)
    }

    /// Lists ids of contact ways, newest 90 days by default.
    ///
    /// # Errors
    /// `INVALID_CURSOR` or `INVALID_PAGE_CURSOR` for a bad cursor.
    pub async fn list_contact_way(&self, page: &ListContactWay) -> Result<Page<ConfigId>, Error> {
        let call = Call::post(path::LIST_CONTACT_WAY, page)?;
        let listed: Listed = self.call(call).await?;
        let ids = listed
            .contact_way
            .into_iter()
            .map(|id| id.config_id)
            .collect();
        Ok(Page::new(ids, listed.next_cursor))
    }

    /// Changes a contact way; lists of members and departments replace the old ones.
    ///
    /// # Errors
    /// As [`Client::add_contact_way`], and `INVALID_CONFIG_ID`.
    pub async fn update_contact_way(&self, way: &UpdateContactWay) -> Result<(), Error> {
        let api = path::UPDATE_CONTACT_WAY;
        way.check().map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(api, way)?).await
    }

    /// Deletes a contact way; its code stops working.
    ///
    /// # Errors
    /// `INVALID_CONFIG_ID` if there is none, also when it was deleted before (inferred).
    pub async fn del_contact_way(&self, config_id: &ConfigId) -> Result<(), Error> {
        self.call_unit(Call::post(
            path::DEL_CONTACT_WAY,
            &json!({"config_id": config_id}),
        )?)
        .await
    }

    /// Ends the session of a temporary contact way.
    ///
    /// # Errors
    /// `NOT_EXTERNAL_CONTACT` if the two have none.
    pub async fn close_temp_chat(
        &self,
        user_id: &UserId,
        external_user_id: &ExternalUserId,
    ) -> Result<(), Error> {
        let request = json!({"userid": user_id, "external_userid": external_user_id});
        self.call_unit(Call::post(path::CLOSE_TEMP_CHAT, &request)?)
            .await
    }
}
