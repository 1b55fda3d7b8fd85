//! What is done for one customer: welcome, names, tags, remark; and how the apps stand.

use std::collections::HashSet;

use domain::app::AppState;
use domain::error::{StoreError, VendorError};
use domain::ports::{
    MarkTags, ReadApps, ReadNames, ReadProfile, ReadTags, SendWelcome, WriteRemark,
};
use wecom::api::contact::{ExternalContact, Remark};
use wecom::api::path;
use wecom::api::tag::{MarkTag, TagFilter};
use wecom::{
    AppName, Client, CorpId, Error, ErrorCode, ExternalUserId, TagId, UserId, WelcomeCode,
    WelcomeMessage,
};

use super::WecomApi;

impl SendWelcome for WecomApi {
    async fn send_welcome(
        &self,
        corp: &CorpId,
        app: &AppName,
        code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> Result<(), VendorError> {
        let send = |client: Client| async move { client.send_welcome_msg(code, message).await };
        self.call(corp, app, path::SEND_WELCOME_MSG, send).await
    }
}

impl ReadNames for WecomApi {
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

impl ReadProfile for WecomApi {
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
}

impl MarkTags for WecomApi {
    async fn mark_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        (member, customer): (&UserId, &ExternalUserId),
        tags: &[TagId],
    ) -> Result<(), VendorError> {
        let request = &MarkTag {
            user_id: member.clone(),
            external_user_id: customer.clone(),
            add_tag: tags.to_vec(),
            remove_tag: Vec::new(),
        };
        let mark = |client: Client| async move { client.mark_tag(request).await };
        self.call(corp, app, path::MARK_TAG, mark).await
    }
}

impl WriteRemark for WecomApi {
    async fn write_remark(
        &self,
        corp: &CorpId,
        app: &AppName,
        (member, customer): (&UserId, &ExternalUserId),
        remark: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), VendorError> {
        let request = &Remark {
            user_id: member.clone(),
            external_user_id: customer.clone(),
            remark: remark.map(str::to_owned),
            description: description.map(str::to_owned),
            ..Remark::default()
        };
        let write = |client: Client| async move { client.remark(request).await };
        self.call(corp, app, path::REMARK, write).await
    }
}

impl ReadTags for WecomApi {
    /// Whether WeCom leaves an unknown id out of its answer or refuses the whole list with `INVALID_TAGID`, without
    /// saying which one it is, is not documented. Both are understood: after a refusal each id is asked for by
    /// itself.
    async fn missing_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        tags: &[TagId],
    ) -> Result<Vec<TagId>, VendorError> {
        let look_up = async |tags: &[TagId]| {
            let find = |client: Client| async move { missing(&client, tags).await };
            self.call(corp, app, path::GET_CORP_TAG_LIST, find).await
        };
        match look_up(tags).await {
            Err(error) if error.is(ErrorCode::INVALID_TAGID) => {}
            Err(error) => {
                tracing::warn!(corp.id = %corp, wecom.error = %error, "tags could not be looked up and are taken as they are");
                return Ok(Vec::new());
            }
            missing => return missing,
        }
        for tag in tags.chunks(1) {
            match look_up(tag).await {
                Err(error) if error.is(ErrorCode::INVALID_TAGID) => return Ok(tag.to_vec()),
                Ok(missing) if missing.is_empty() => {}
                other => return other,
            }
        }
        Ok(Vec::new())
    }
}

/// Those of `tags` that WeCom leaves out of an answer about them, or marks as deleted. An answer without any
/// group accuses none: it is what a WeCom that does not look would say.
async fn missing(client: &Client, tags: &[TagId]) -> Result<Vec<TagId>, Error> {
    let filter = TagFilter {
        tag_id: tags.to_vec(),
        group_id: Vec::new(),
    };
    let groups = client.get_corp_tag_list(&filter).await?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups.iter().filter(|group| !group.deleted);
    let alive: HashSet<&TagId> = groups
        .flat_map(|group| &group.tag)
        .filter(|tag| !tag.deleted)
        .map(|tag| &tag.id)
        .collect();
    let missing = tags.iter().filter(|tag| !alive.contains(tag));
    Ok(missing.cloned().collect())
}

impl ReadApps for WecomApi {
    async fn app_state(&self, corp: &CorpId, app: &AppName) -> Result<AppState, StoreError> {
        let unavailable = |error: VendorError| StoreError::Unavailable(error.to_string());
        let config = self.config().await.map_err(unavailable)?;
        let client = self.client(&config, corp, app).map_err(unavailable)?;
        let state = client.token_state().await;
        let state = state.map_err(|error| unavailable(error.into()))?;
        Ok(match (state.broken, state.expires_at) {
            (Some(broken), _) => AppState::Broken {
                errcode: broken.code,
                since: broken.since,
            },
            (None, Some(expires_at)) => AppState::Valid { expires_at },
            (None, None) => AppState::None,
        })
    }
}
