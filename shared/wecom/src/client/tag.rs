//! Calls about corp tags (WeCom docs 92117, 92118).

use super::Client;
use super::transport::Call;
use crate::api::path;
use crate::api::tag::{AddCorpTag, DelCorpTag, EditCorpTag, MarkTag, TagFilter, TagGroup};
use crate::error::Error;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    tag_group: Vec<TagGroup>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Added {
    tag_group: TagGroup,
}

impl Client {
    /// Reads tags, all of them by default; not paged.
    ///
    /// # Errors
    /// `INVALID_TAGID` for an unknown id.
    pub async fn get_corp_tag_list(&self, filter: &TagFilter) -> Result<Vec<TagGroup>, Error> {
        let call = Call::post(path::GET_CORP_TAG_LIST, filter)?;
        self.call::<Listed>(call)
            .await
            .map(|listed| listed.tag_group)
    }

    /// Makes tags, and their group if there is none of that name. Repeating it makes nothing twice.
    ///
    /// # Errors
    /// `TOO_MANY_CORP_TAGS` if the company has 10 000 tags.
    pub async fn add_corp_tag(&self, tags: &AddCorpTag) -> Result<TagGroup, Error> {
        let api = path::ADD_CORP_TAG;
        tags.check().map_err(|invalid| invalid.for_api(api))?;
        self.call::<Added>(Call::post(api, tags)?)
            .await
            .map(|added| added.tag_group)
    }

    /// Changes a tag or group that the app made.
    ///
    /// # Errors
    /// `NO_PRIVILEGE_ON_TAG` if another app made it, `TAG_NAME_EXISTS` if the name is taken, `INVALID_TAGID` if there
    /// is none.
    pub async fn edit_corp_tag(&self, tag: &EditCorpTag) -> Result<(), Error> {
        let api = path::EDIT_CORP_TAG;
        tag.check().map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(api, tag)?).await
    }

    /// Deletes tags and groups that the app made.
    ///
    /// # Errors
    /// `NO_PRIVILEGE_ON_TAG` if another app made one, `INVALID_TAGID` if there is none, also when it was deleted before
    /// (inferred).
    pub async fn del_corp_tag(&self, tags: &DelCorpTag) -> Result<(), Error> {
        let api = path::DEL_CORP_TAG;
        tags.check().map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(api, tags)?).await
    }

    /// Adds tags to a customer of one member, and removes others. It can be repeated.
    ///
    /// # Errors
    /// `NOT_EXTERNAL_CONTACT` if the two have no relation, `INVALID_TAGID` for an unknown tag, `CONCURRENT_CHANGE` if
    /// another call changes the same pair.
    pub async fn mark_tag(&self, tags: &MarkTag) -> Result<(), Error> {
        let api = path::MARK_TAG;
        tags.check().map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(api, tags)?).await
    }
}
