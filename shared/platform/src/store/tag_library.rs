//! The corp tag list: one item per group, with its tags.

use domain::error::StoreError;
use domain::ports::TagStore;
use jiff::Timestamp;
use wecom::CorpId;
use wecom::TagGroupId;
use wecom::api::tag::TagGroup;

use super::Store;
use crate::layout::{self, Key};

impl TagStore for Store {
    async fn tag_groups(&self, corp: &CorpId) -> Result<Vec<TagGroup>, StoreError> {
        self.read_values(layout::tags(corp)).await
    }

    async fn put_tag_groups(
        &self,
        corp: &CorpId,
        put: &[TagGroup],
        remove: &[TagGroupId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        // A group that is gone has no time of its own; the whole has one.
        if !self.put_read(Key::tags_read(corp), &(), at).await? {
            return Ok(());
        }
        for group in put {
            self.put_read(Key::tag_group(corp, &group.group_id), group, at)
                .await?;
        }
        for group in remove {
            self.remove_read(&Key::tag_group(corp, group), at).await?;
        }
        Ok(())
    }
}
