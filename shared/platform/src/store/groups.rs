//! Customer groups: one item each with its members, and one in the list of those that live.

use domain::error::StoreError;
use domain::group::Group;
use domain::ports::GroupStore;
use wecom::{ChatId, CorpId};

use super::{Item, Store, attr_s, to_row, unavailable};
use crate::layout::{self, Key};

/// Groups of a page of the list: about 60 bytes each.
const PAGE: i32 = 1_000;

impl GroupStore for Store {
    async fn group(&self, corp: &CorpId, chat_id: &ChatId) -> Result<Option<Group>, StoreError> {
        self.read_value(&Key::group(corp, chat_id)).await
    }

    async fn living_groups(
        &self,
        corp: &CorpId,
        after: Option<&ChatId>,
    ) -> Result<(Vec<ChatId>, bool), StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.data)
            .expression_attribute_values(":pk", attr_s(layout::groups(corp)))
            .consistent_read(true)
            .limit(PAGE);
        query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", attr_s(after.as_str())),
        };
        let page = query.send().await.map_err(unavailable)?;
        let chat_id = |item: &Item| item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
        let found = page.items.unwrap_or_default();
        let groups = found.iter().filter_map(chat_id).map(ChatId::from);
        Ok((groups.collect(), page.last_evaluated_key.is_some()))
    }

    /// The list is written before a group that lives and after one that is dissolved: a group that is stored as living
    /// is always in it.
    async fn put_group(&self, corp: &CorpId, group: &Group) -> Result<bool, StoreError> {
        let chat_id = &group.chat.chat_id;
        let in_list = Key::living_group(corp, chat_id);
        if group.dissolved_at.is_none() {
            let put = self.put_row(&in_list)?;
            put.send().await.map_err(unavailable)?;
        }
        let written = self
            .put_read(Key::group(corp, chat_id), group, group.read_at)
            .await?;
        let lives = if written {
            group.dissolved_at.is_none()
        } else {
            let newer = self.group(corp, chat_id).await?;
            newer.is_none_or(|newer| newer.dissolved_at.is_none())
        };
        if !lives {
            let delete = self
                .client
                .delete_item()
                .table_name(&self.data)
                .set_key(Some(to_row(&in_list)?));
            delete.send().await.map_err(unavailable)?;
        }
        Ok(written)
    }
}
