//! Calls about customers: welcomes, profiles, followers, lists of customers, tags and remarks.

use domain::error::VendorError;
use domain::ports::{CustomerApi, SendWelcome};
use domain::quota::Admission;
use domain::relation::RelationKey;
use wecom::api::contact::{
    BATCH_ROWS_MAX, BatchGetByUser, BatchPage, ExternalContact, ExternalContactDetail, Remark,
};
use wecom::api::path;
use wecom::api::tag::MarkTag;
use wecom::{AppName, Client, CorpId, ExternalUserId, TagId, UserId, WelcomeCode, WelcomeMessage};

use super::{Call, WecomApi};

impl SendWelcome for WecomApi {
    async fn send_welcome(
        &self,
        corp: &CorpId,
        app: &AppName,
        admission: Admission<'_>,
        code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> Result<(), VendorError> {
        let send = |client: Client| async move { client.send_welcome_msg(code, message).await };
        self.governor
            .learn(corp, admission.guard, admission.read_at);
        let call = Call {
            api: path::SEND_WELCOME_MSG,
            latest: Some(admission.latest),
        };
        self.make(corp, app, call, send).await
    }
}

impl CustomerApi for WecomApi {
    async fn customer_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
    ) -> Result<String, VendorError> {
        let get = |client: Client| async move { client.get_external_contact(customer, None).await };
        let detail = self
            .call(corp, app, path::GET_EXTERNAL_CONTACT, get)
            .await?;
        Ok(detail.external_contact.name.expose().to_owned())
    }

    async fn profile(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
    ) -> Result<ExternalContact, VendorError> {
        let read =
            |client: Client| async move { client.get_external_contact(customer, None).await };
        Ok(self
            .call(corp, app, path::GET_EXTERNAL_CONTACT, read)
            .await?
            .external_contact)
    }

    async fn followers(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
        cursor: Option<&str>,
    ) -> Result<ExternalContactDetail, VendorError> {
        let read =
            |client: Client| async move { client.get_external_contact(customer, cursor).await };
        self.call(corp, app, path::GET_EXTERNAL_CONTACT, read).await
    }

    async fn customers(
        &self,
        corp: &CorpId,
        app: &AppName,
        members: &[UserId],
        cursor: Option<&str>,
    ) -> Result<BatchPage, VendorError> {
        let request = &BatchGetByUser {
            userid_list: members.to_vec(),
            cursor: cursor.map(str::to_owned),
            limit: Some(BATCH_ROWS_MAX),
        };
        let read = |client: Client| async move { client.batch_get_by_user(request).await };
        self.call(corp, app, path::BATCH_GET_BY_USER, read).await
    }

    async fn mark_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        key: &RelationKey,
        tags: &[TagId],
    ) -> Result<(), VendorError> {
        let request = &MarkTag {
            user_id: key.member.clone(),
            external_user_id: key.customer.clone(),
            add_tag: tags.to_vec(),
            remove_tag: Vec::new(),
        };
        let mark = |client: Client| async move { client.mark_tag(request).await };
        self.call(corp, app, path::MARK_TAG, mark).await
    }

    async fn write_remark(
        &self,
        corp: &CorpId,
        app: &AppName,
        key: &RelationKey,
        remark: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), VendorError> {
        let request = &Remark {
            user_id: key.member.clone(),
            external_user_id: key.customer.clone(),
            remark: remark.map(str::to_owned),
            description: description.map(str::to_owned),
            ..Remark::default()
        };
        let write = |client: Client| async move { client.remark(request).await };
        self.call(corp, app, path::REMARK, write).await
    }
}
