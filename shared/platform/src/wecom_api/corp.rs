//! What the scheduled sync reads of a corp: address book, customer groups, balance of acquisition links.

use domain::error::VendorError;
use domain::ports::{AddressBookApi, GroupApi, ReadAcquisition};
use wecom::api::acquisition::AcquisitionQuota;
use wecom::api::agent::Agent;
use wecom::api::department::Department;
use wecom::api::group::{GroupChat, GroupStatus, ListGroups, OwnerFilter};
use wecom::api::path;
use wecom::api::user::{User, UserEntry};
use wecom::{AppName, ChatId, Client, CorpId, Page, UserId};

use super::{WecomApi, configured};

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

impl AddressBookApi for WecomApi {
    async fn visible_range(&self, corp: &CorpId, app: &AppName) -> Result<Agent, VendorError> {
        let config = self.config().await?;
        let agent_id = configured(&config, corp, app)?.1.agent_id;
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

    async fn member_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        member: &UserId,
    ) -> Result<String, VendorError> {
        let get = |client: Client| async move { client.get_user(member).await };
        let user = self.call(corp, app, path::GET_USER, get).await?;
        Ok(user.name.expose().to_owned())
    }
}

impl GroupApi for WecomApi {
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
