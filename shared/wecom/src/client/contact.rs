//! Calls about customers and the members who follow them.

use super::Client;
use super::transport::Call;
use crate::api::Page;
use crate::api::contact::{
    BatchGetByUser, BatchPage, ExternalContactDetail, Relation, Remark, ServedContact,
};
use crate::api::path;
use crate::error::{Error, ErrorCode};
use crate::id::{ExternalUserId, UserId};
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize)]
#[serde(default)]
struct FollowUsers {
    follow_user: Vec<UserId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    external_userid: Vec<ExternalUserId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Batch {
    external_contact_list: Vec<Relation>,
    next_cursor: String,
    fail_info: FailInfo,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FailInfo {
    unlicensed_userid_list: Vec<UserId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Served {
    info_list: Vec<ServedContact>,
    next_cursor: String,
}

/// Which page; what is `None` is not sent.
#[derive(Serialize)]
pub(super) struct At<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<u32>,
}

impl Client {
    /// The members who have the customer contact function and are in the app's range (WeCom doc 92571).
    ///
    /// # Errors
    /// `API_FORBIDDEN` if the app is not in the list of callable apps.
    pub async fn get_follow_user_list(&self) -> Result<Vec<UserId>, Error> {
        let call = Call::get(path::GET_FOLLOW_USER_LIST);
        self.call::<FollowUsers>(call)
            .await
            .map(|list| list.follow_user)
    }

    /// All customers of one member, not paged (WeCom doc 92113). A member without customers answers
    /// `NOT_EXTERNAL_CONTACT`, which is an empty list here.
    ///
    /// # Errors
    /// `USERID_NOT_FOUND` or `NO_PRIVILEGE` for a member who does not exist or is out of range.
    pub async fn list_external_contacts(
        &self,
        user_id: &UserId,
    ) -> Result<Vec<ExternalUserId>, Error> {
        let call = Call::get(path::LIST_EXTERNAL_CONTACTS).with("userid", user_id.as_str());
        match self.call::<Listed>(call).await {
            Err(error) if error.is(ErrorCode::NOT_EXTERNAL_CONTACT) => Ok(Vec::new()),
            listed => listed.map(|list| list.external_userid),
        }
    }

    /// A customer with the members who follow (WeCom doc 92114). A cursor is needed only beyond 500 of them.
    ///
    /// # Errors
    /// `NOT_EXTERNAL_CONTACT` if nobody in the app's range follows the customer, `INVALID_EXTERNAL_USERID` for an id of
    /// another company or provider.
    pub async fn get_external_contact(
        &self,
        external_user_id: &ExternalUserId,
        cursor: Option<&str>,
    ) -> Result<ExternalContactDetail, Error> {
        let call = Call::get(path::GET_EXTERNAL_CONTACT)
            .with("external_userid", external_user_id.as_str());
        let call = match cursor {
            Some(cursor) => call.with("cursor", cursor),
            None => call,
        };
        self.call(call).await
    }

    /// Customers of up to 100 members, one row per customer and member (WeCom doc 92994).
    ///
    /// # Errors
    /// `NO_INTEROP_LICENCE` if no member has an interop licence; service providers only.
    pub async fn batch_get_by_user(&self, request: &BatchGetByUser) -> Result<BatchPage, Error> {
        let api = path::BATCH_GET_BY_USER;
        request.check().map_err(|invalid| invalid.for_api(api))?;
        let batch: Batch = self.call(Call::post(api, request)?).await?;
        Ok(BatchPage {
            page: Page::new(batch.external_contact_list, batch.next_cursor),
            unlicensed: batch.fail_info.unlicensed_userid_list,
        })
    }

    /// Writes what a member notes about a customer (WeCom doc 92115). It can be repeated.
    ///
    /// # Errors
    /// `NOT_EXTERNAL_CONTACT` if the two have no relation.
    pub async fn remark(&self, remark: &Remark) -> Result<(), Error> {
        let api = path::REMARK;
        remark.check().map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(api, remark)?).await
    }

    /// All people outside of the company that it serves, 1000 to a page (WeCom doc 99434). The cursor lives for 4
    /// hours.
    ///
    /// # Errors
    /// `INVALID_CURSOR` or `INVALID_PAGE_CURSOR` for a bad cursor.
    pub async fn contact_list(
        &self,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<ServedContact>, Error> {
        let call = Call::post(path::CONTACT_LIST, &At { cursor, limit })?;
        let served: Served = self.call(call).await?;
        Ok(Page::new(served.info_list, served.next_cursor))
    }
}
