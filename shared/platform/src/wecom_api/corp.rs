//! What the scheduled sync reads of a corp: address book, customers, tags, groups, balance; and tokens ahead of time.

use std::time::Duration;

use domain::error::VendorError;
use domain::ports::{
    ReadAcquisition, ReadAddressBook, ReadCustomers, ReadFollowers, ReadGroups, ReadTagLibrary,
    RefreshTokens,
};
use wecom::api::acquisition::AcquisitionQuota;
use wecom::api::agent::Agent;
use wecom::api::contact::{BATCH_ROWS_MAX, BatchGetByUser, BatchPage, ExternalContactDetail};
use wecom::api::department::Department;
use wecom::api::group::{GroupChat, GroupStatus, ListGroups, OwnerFilter};
use wecom::api::path;
use wecom::api::tag::{TagFilter, TagGroup};
use wecom::api::user::{User, UserEntry};
use wecom::{AppName, ChatId, Client, CorpId, ExternalUserId, Page, UserId};

use super::{WecomApi, configured};

impl RefreshTokens for WecomApi {
    async fn refresh_token(
        &self,
        corp: &CorpId,
        app: &AppName,
        margin: Duration,
    ) -> Result<bool, VendorError> {
        let refresh = |client: Client| async move { client.refresh_token_if_due(margin).await };
        self.call(corp, app, path::GET_TOKEN, refresh).await
    }
}

impl ReadAddressBook for WecomApi {
    async fn visible_range(&self, corp: &CorpId, app: &AppName) -> Result<Agent, VendorError> {
        let config = self.config().await?;
        let agent_id = configured(&config, corp, app)?.agent_id;
        let read = |client: Client| async move { client.get_agent(agent_id).await };
        self.call(corp, app, path::GET_AGENT, read).await
    }

    async fn departments(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> Result<Vec<Department>, VendorError> {
        let read = |client: Client| async move { client.list_departments(None).await };
        self.call(corp, app, path::LIST_DEPARTMENTS, read).await
    }

    async fn department_members(
        &self,
        corp: &CorpId,
        app: &AppName,
        department: u64,
    ) -> Result<Vec<UserEntry>, VendorError> {
        let read = |client: Client| async move { client.list_users(department, false).await };
        self.call(corp, app, path::LIST_USERS, read).await
    }

    async fn member(
        &self,
        corp: &CorpId,
        app: &AppName,
        member: &UserId,
    ) -> Result<User, VendorError> {
        let read = |client: Client| async move { client.get_user(member).await };
        self.call(corp, app, path::GET_USER, read).await
    }

    async fn follow_users(&self, corp: &CorpId, app: &AppName) -> Result<Vec<UserId>, VendorError> {
        let read = |client: Client| async move { client.get_follow_user_list().await };
        self.call(corp, app, path::GET_FOLLOW_USER_LIST, read).await
    }
}

impl ReadCustomers for WecomApi {
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
}

impl ReadFollowers for WecomApi {
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
}

impl ReadTagLibrary for WecomApi {
    async fn tag_library(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> Result<Vec<TagGroup>, VendorError> {
        let read =
            |client: Client| async move { client.get_corp_tag_list(&TagFilter::default()).await };
        self.call(corp, app, path::GET_CORP_TAG_LIST, read).await
    }
}

impl ReadGroups for WecomApi {
    async fn groups(
        &self,
        corp: &CorpId,
        app: &AppName,
        owners: &[UserId],
        cursor: Option<&str>,
    ) -> Result<Page<GroupStatus>, VendorError> {
        let request = &ListGroups {
            owner_filter: OwnerFilter {
                userid_list: owners.to_vec(),
            },
            cursor: cursor.map(str::to_owned),
            ..ListGroups::default()
        };
        let read = |client: Client| async move { client.list_groups(request).await };
        self.call(corp, app, path::LIST_GROUPS, read).await
    }

    async fn group_chat(
        &self,
        corp: &CorpId,
        app: &AppName,
        chat_id: &ChatId,
    ) -> Result<GroupChat, VendorError> {
        let read = |client: Client| async move { client.get_group(chat_id, true).await };
        self.call(corp, app, path::GET_GROUP, read).await
    }
}

impl ReadAcquisition for WecomApi {
    async fn acquisition_quota(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> Result<AcquisitionQuota, VendorError> {
        let read = |client: Client| async move { client.acquisition_quota().await };
        self.call(corp, app, path::ACQUISITION_QUOTA, read).await
    }
}
