//! The corp tag list.

use std::collections::HashSet;

use domain::error::VendorError;
use domain::ports::TagApi;
use wecom::api::path;
use wecom::api::tag::{TagFilter, TagGroup};
use wecom::{AppName, Client, CorpId, Error, ErrorCode, TagId};

use super::WecomApi;

impl TagApi for WecomApi {
    async fn tag_library(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> Result<Vec<TagGroup>, VendorError> {
        let read =
            |client: Client| async move { client.get_corp_tag_list(&TagFilter::default()).await };
        self.call(corp, app, path::GET_CORP_TAG_LIST, read).await
    }

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
                tracing::warn!(
                    event = "tags.unchecked",
                    corp.id = %corp,
                    wecom.error = %error,
                    wecom.errcode = error.code().map(ErrorCode::get),
                    "tags could not be looked up and are taken as they are"
                );
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
