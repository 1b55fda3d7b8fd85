//! Calls about customer acquisition links (WeCom docs 97297, 97298, 97375, 100130).

use super::Client;
use super::transport::Call;
use crate::api::Page;
use crate::api::acquisition::{
    AcquisitionLink, AcquisitionLinkDetail, AcquisitionQuota, ChatInfo, LinkCustomer, LinkRequest,
    LinkStatistic, STATISTIC_MAX_SECONDS,
};
use crate::api::path;
use crate::error::{Error, FieldError};
use crate::id::LinkId;
use crate::private::Private;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Made {
    link: AcquisitionLink,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    link_id_list: Vec<LinkId>,
    next_cursor: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Customers {
    customer_list: Vec<LinkCustomer>,
    next_cursor: String,
}

#[derive(Serialize)]
struct Update<'a> {
    link_id: &'a LinkId,
    #[serde(flatten)]
    changes: &'a LinkRequest,
}

/// Which page; what is `None` is not sent.
#[derive(Serialize)]
struct At<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    link_id: Option<&'a LinkId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

impl Client {
    /// Makes a link. It is not idempotent: after an unclear result look for its name first.
    ///
    /// # Errors
    /// `TOO_MANY_LINKS` if there are too many, `CATEGORY_NOT_ALLOWED` for a business category without the feature.
    pub async fn create_link(&self, link: &LinkRequest) -> Result<AcquisitionLink, Error> {
        let api = path::CREATE_LINK;
        link.check().map_err(|invalid| invalid.for_api(api))?;
        self.call::<Made>(Call::post(api, link)?)
            .await
            .map(|made| made.link)
    }

    /// Changes a link; range and priority replace the old ones.
    ///
    /// # Errors
    /// As [`Client::create_link`], and `LINK_OF_ANOTHER_APP` for a link of another app.
    pub async fn update_link(&self, link_id: &LinkId, changes: &LinkRequest) -> Result<(), Error> {
        let api = path::UPDATE_LINK;
        changes
            .check_changes()
            .map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(api, &Update { link_id, changes })?)
            .await
    }

    /// Reads a link.
    ///
    /// # Errors
    /// `LINK_OF_ANOTHER_APP` for a link of another app.
    pub async fn get_link(&self, link_id: &LinkId) -> Result<AcquisitionLinkDetail, Error> {
        let api = path::GET_LINK;
        self.call(Call::post(api, &json!({"link_id": link_id}))?)
            .await
    }

    /// Deletes a link.
    ///
    /// # Errors
    /// `LINK_OF_ANOTHER_APP` for a link of another app.
    pub async fn delete_link(&self, link_id: &LinkId) -> Result<(), Error> {
        let api = path::DELETE_LINK;
        self.call_unit(Call::post(api, &json!({"link_id": link_id}))?)
            .await
    }

    /// Lists the app's links; a page has at most 100.
    ///
    /// # Errors
    /// `INVALID_CURSOR` or `INVALID_PAGE_CURSOR` for a bad cursor.
    pub async fn list_link(
        &self,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Page<LinkId>, Error> {
        let at = At {
            link_id: None,
            limit,
            cursor,
        };
        let call = Call::post(path::LIST_LINK, &at)?;
        let listed: Listed = self.call(call).await?;
        Ok(Page::new(listed.link_id_list, listed.next_cursor))
    }

    /// Lists the customers who came by a link; a page has at most 1000.
    ///
    /// # Errors
    /// `LINK_OF_ANOTHER_APP` for a link of another app; `INVALID_CURSOR` or `INVALID_PAGE_CURSOR` for a bad cursor.
    pub async fn link_customers(
        &self,
        link_id: &LinkId,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Page<LinkCustomer>, Error> {
        let at = At {
            link_id: Some(link_id),
            limit,
            cursor,
        };
        let call = Call::post(path::LINK_CUSTOMERS, &at)?;
        let customers: Customers = self.call(call).await?;
        Ok(Page::new(customers.customer_list, customers.next_cursor))
    }

    /// How many uses are left.
    ///
    /// # Errors
    /// `API_FORBIDDEN` if the app is not in the list of callable apps.
    pub async fn acquisition_quota(&self) -> Result<AcquisitionQuota, Error> {
        self.call(Call::get(path::ACQUISITION_QUOTA)).await
    }

    /// How a link did between two Unix times: at most 30 days, all within the last 180; whole days count.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a longer or negative span.
    pub async fn link_statistic(
        &self,
        link_id: &LinkId,
        start_time: i64,
        end_time: i64,
    ) -> Result<LinkStatistic, Error> {
        let api = path::ACQUISITION_STATISTIC;
        if !(0..=STATISTIC_MAX_SECONDS).contains(&end_time.saturating_sub(start_time)) {
            let reason = "must be after start_time, by at most 30 days";
            return Err(FieldError::new("end_time", reason).for_api(api));
        }
        let request = json!({"link_id": link_id, "start_time": start_time, "end_time": end_time});
        self.call(Call::post(api, &request)?).await
    }

    /// Who wrote, from the chat key of an event; good for 30 minutes.
    ///
    /// # Errors
    /// `INVALID_CHAT_KEY` for a bad key.
    pub async fn get_chat_info(&self, chat_key: &Private) -> Result<ChatInfo, Error> {
        let api = path::GET_CHAT_INFO;
        self.call(Call::post(api, &json!({"chat_key": chat_key}))?)
            .await
    }
}
