//! What is asked of WeCom.

use std::future::Future;
use std::time::Duration;

use wecom::api::acquisition::AcquisitionQuota;
use wecom::api::agent::Agent;
use wecom::api::contact::{BatchPage, ExternalContact, ExternalContactDetail};
use wecom::api::department::Department;
use wecom::api::group::{GroupChat, GroupStatus};
use wecom::api::media::MediaKind;
use wecom::api::tag::TagGroup;
use wecom::api::user::{User, UserEntry};
use wecom::{
    AppName, ChatId, CorpId, ExternalUserId, LinkId, MediaId, Page, TagId, UserId, WelcomeCode,
    WelcomeMessage,
};

use crate::app::AppState;
use crate::channel::{Channel, Remote};
use crate::error::{StoreError, UploadError, VendorError};
use crate::quota::Admission;
use crate::relation::RelationKey;
use crate::welcome::Source;

/// Sends welcomes.
pub trait SendWelcome {
    /// Sends one message with the code of one app (WeCom doc 92137); [`VendorError::Paused`] if WeCom takes none before
    /// the code ends.
    fn send_welcome(
        &self,
        corp: &CorpId,
        app: &AppName,
        admission: Admission<'_>,
        code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
}

/// Reads the state of each app's access token.
pub trait ReadApps {
    /// The token of one app.
    fn app_state(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<AppState, StoreError>> + Send;
}

/// Fetches tokens ahead of time.
pub trait RefreshTokens {
    /// Fetches the token of an app if it is not good for `margin` any more; `true` if WeCom was asked.
    fn refresh_token(
        &self,
        corp: &CorpId,
        app: &AppName,
        margin: Duration,
    ) -> impl Future<Output = Result<bool, VendorError>> + Send;
}

/// Reads what is left of the uses of acquisition links.
pub trait ReadAcquisition {
    /// The balance (WeCom doc 97375).
    fn acquisition_quota(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<AcquisitionQuota, VendorError>> + Send;
}

/// Reads customers, and changes their tags and remarks.
pub trait CustomerApi {
    /// Nickname of a customer (WeCom doc 92114).
    fn customer_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
    ) -> impl Future<Output = Result<String, VendorError>> + Send;
    /// A customer as WeCom returns it (WeCom doc 92114).
    fn profile(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
    ) -> impl Future<Output = Result<ExternalContact, VendorError>> + Send;
    /// A page of a customer's followers: 500, so that hardly anybody has a second one (WeCom doc 92114).
    fn followers(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<ExternalContactDetail, VendorError>> + Send;
    /// A page of the customers of up to 100 members (WeCom doc 92994).
    fn customers(
        &self,
        corp: &CorpId,
        app: &AppName,
        members: &[UserId],
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<BatchPage, VendorError>> + Send;
    /// Adds `tags` for one pair (WeCom doc 92118). Tags that are on already stay.
    fn mark_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        key: &RelationKey,
        tags: &[TagId],
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
    /// Sets remark and description of one pair, those that are given (WeCom doc 92115).
    fn write_remark(
        &self,
        corp: &CorpId,
        app: &AppName,
        key: &RelationKey,
        remark: Option<&str>,
        description: Option<&str>,
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
}

/// Reads the address book as far as an app may see it.
pub trait AddressBookApi {
    /// The app's visible range (WeCom doc 90227).
    fn visible_range(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<Agent, VendorError>> + Send;
    /// All departments of the range with their names (WeCom doc 90208).
    fn departments(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<Vec<Department>, VendorError>> + Send;
    /// Members of one department, without those below it (WeCom doc 90200).
    fn department_members(
        &self,
        corp: &CorpId,
        app: &AppName,
        department: u64,
    ) -> impl Future<Output = Result<Vec<UserEntry>, VendorError>> + Send;
    /// One member (WeCom doc 90196).
    fn member(
        &self,
        corp: &CorpId,
        app: &AppName,
        member: &UserId,
    ) -> impl Future<Output = Result<User, VendorError>> + Send;
    /// The members who may have customers (WeCom doc 92571).
    fn follow_users(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<Vec<UserId>, VendorError>> + Send;
    /// Name of a member (WeCom doc 90196).
    fn member_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        member: &UserId,
    ) -> impl Future<Output = Result<String, VendorError>> + Send;
}

/// Reads the corp tag list.
pub trait TagApi {
    /// All groups with their tags; it is not paged (WeCom doc 92117).
    fn tag_library(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<Vec<TagGroup>, VendorError>> + Send;
    /// Those of `tags` of which WeCom says that they do not exist (WeCom doc 92117). A look-up that fails
    /// for another reason accuses none.
    fn missing_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        tags: &[TagId],
    ) -> impl Future<Output = Result<Vec<TagId>, VendorError>> + Send;
}

/// Reads customer groups.
pub trait GroupApi {
    /// A page of the groups of these owners, or of everybody if none is named (WeCom doc 92120).
    fn groups(
        &self,
        corp: &CorpId,
        app: &AppName,
        owners: &[UserId],
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<Page<GroupStatus>, VendorError>> + Send;
    /// One group with its members (WeCom doc 92122).
    fn group_chat(
        &self,
        corp: &CorpId,
        app: &AppName,
        chat_id: &ChatId,
    ) -> impl Future<Output = Result<GroupChat, VendorError>> + Send;
}

/// Creates and changes the contact way or link of a channel at WeCom.
pub trait ProvisionChannel {
    /// Makes the contact way or link of `channel` (WeCom docs 92228 and 97297).
    fn make(
        &self,
        corp: &CorpId,
        channel: &Channel,
    ) -> impl Future<Output = Result<Remote, VendorError>> + Send;
    /// Looks for what an earlier [`make`](Self::make) made whose answer was lost. A link does not say which
    /// channel it is of, so those of other channels, `taken`, are passed over.
    fn find(
        &self,
        corp: &CorpId,
        channel: &Channel,
        taken: &[LinkId],
    ) -> impl Future<Output = Result<Option<Remote>, VendorError>> + Send;
    /// Sends what differs between the two, and nothing if nothing does. Where it is unclear what WeCom has
    /// before ([`Channel::update_lease_until`]), it sends everything.
    fn update(
        &self,
        corp: &CorpId,
        before: &Channel,
        after: &Channel,
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
    /// Deletes it. One that is gone already is deleted.
    fn delete(
        &self,
        corp: &CorpId,
        channel: &Channel,
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
}

/// Uploads files.
pub trait MediaApi {
    /// Fetches `source` and uploads it as temporary media (WeCom doc 90253).
    fn upload(
        &self,
        corp: &CorpId,
        app: &AppName,
        source: &Source,
        kind: MediaKind,
    ) -> impl Future<Output = Result<MediaId, UploadError>> + Send;
    /// Fetches `source` and uploads it as a picture whose address does not expire (WeCom doc 90256). A corp has 1,000
    /// of them a day, and a picture has 2 MB at most.
    fn upload_picture(
        &self,
        corp: &CorpId,
        app: &AppName,
        source: &Source,
    ) -> impl Future<Output = Result<String, UploadError>> + Send;
}
