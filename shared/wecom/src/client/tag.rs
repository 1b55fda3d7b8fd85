//! Calls about corp tags (WeCom docs 92117, 92118).

use super::Client;
use super::transport::Call;
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
    /// 40068 for an unknown id.
    pub async fn get_corp_tag_list(&self, filter: &TagFilter) -> Result<Vec<TagGroup>, Error> {
        let call = Call::post("externalcontact/get_corp_tag_list", filter)?;
        self.call::<Listed>(call)
            .await
            .map(|listed| listed.tag_group)
    }

    /// Makes tags, and their group if there is none of that name. Repeating it makes nothing twice.
    ///
    /// # Errors
    /// 40126 if the company has 10 000 tags.
    pub async fn add_corp_tag(&self, tags: &AddCorpTag) -> Result<TagGroup, Error> {
        let api = "externalcontact/add_corp_tag";
        tags.check().map_err(|invalid| invalid.for_api(api))?;
        self.call::<Added>(Call::post(api, tags)?)
            .await
            .map(|added| added.tag_group)
    }

    /// Changes a tag or group that the app made.
    ///
    /// # Errors
    /// 81011 if another app made it, 40071 if the name is taken, 40068 if there is none.
    pub async fn edit_corp_tag(&self, tag: &EditCorpTag) -> Result<(), Error> {
        let api = "externalcontact/edit_corp_tag";
        tag.check().map_err(|invalid| invalid.for_api(api))?;
        self.order(Call::post(api, tag)?).await
    }

    /// Deletes tags and groups that the app made.
    ///
    /// # Errors
    /// 81011 if another app made one, 40068 if there is none, also when it was deleted before (inferred).
    pub async fn del_corp_tag(&self, tags: &DelCorpTag) -> Result<(), Error> {
        let api = "externalcontact/del_corp_tag";
        tags.check().map_err(|invalid| invalid.for_api(api))?;
        self.order(Call::post(api, tags)?).await
    }

    /// Puts tags on a customer of one member and takes others off. It can be repeated.
    ///
    /// # Errors
    /// 84061 if the two have no relation, 40068 for an unknown tag, 45035 if another call changes the same pair.
    pub async fn mark_tag(&self, tags: &MarkTag) -> Result<(), Error> {
        let api = "externalcontact/mark_tag";
        tags.check().map_err(|invalid| invalid.for_api(api))?;
        self.order(Call::post(api, tags)?).await
    }
}
