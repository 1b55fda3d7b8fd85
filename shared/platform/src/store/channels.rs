//! Channels of a corp, in one partition.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::channel::{Channel, ChannelId};
use domain::error::StoreError;
use domain::ports::ChannelStore;
use serde::{Deserialize, Serialize};
use wecom::CorpId;

use super::{Due, Store, attr_s, condition_held, from_row, to_row, unavailable};
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    key: Key,
    /// The channel as JSON: its welcome nests deeply, and nothing in it is searched for.
    channel: String,
    version: u64,
    #[serde(flatten)]
    due: Due,
}

impl Row {
    pub(super) fn channel(&self) -> Result<Channel, StoreError> {
        serde_json::from_str(&self.channel)
            .map_err(|error| StoreError::unreadable("a channel", error))
    }
}

impl ChannelStore for Store {
    async fn channel(&self, corp: &CorpId, id: &ChannelId) -> Result<Option<Channel>, StoreError> {
        let row = self.read_item::<Row>(&Key::channel(corp, id)).await?;
        row.map(|row| row.channel()).transpose()
    }

    async fn channels(
        &self,
        corp: &CorpId,
        cursor: Option<&ChannelId>,
        limit: i32,
    ) -> Result<(Vec<Channel>, Option<ChannelId>), StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.data)
            .key_condition_expression("pk = :pk");
        query = query
            .expression_attribute_values(":pk", attr_s(layout::channels(corp)))
            .limit(limit);
        if let Some(after) = cursor {
            query = query.set_exclusive_start_key(Some(to_row(&Key::channel(corp, after))?));
        }
        let page = query.send().await.map_err(unavailable)?;
        let rows = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(from_row::<Row>);
        let channels = rows
            .map(|row| row?.channel())
            .collect::<Result<Vec<_>, _>>()?;
        let next = page.last_evaluated_key.and_then(|key| match key.get("sk") {
            Some(AttributeValue::S(id)) => ChannelId::parse(id),
            _ => None,
        });
        Ok((channels, next))
    }

    async fn put_channel(
        &self,
        corp: &CorpId,
        channel: &Channel,
        expected_version: Option<u64>,
    ) -> Result<bool, StoreError> {
        let json = serde_json::to_string(channel)
            .map_err(|error| StoreError::unwritable("a channel", error))?;
        let row = Row {
            key: Key::channel(corp, &channel.id),
            channel: json,
            version: channel.version,
            due: Due::at(corp, channel.due_at()),
        };
        let put = self.put_row(&row)?;
        let put = match expected_version {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(version.to_string())),
        };
        condition_held(put.send().await)
    }

    async fn forget_channel(&self, corp: &CorpId, id: &ChannelId) -> Result<(), StoreError> {
        let key = to_row(&Key::channel(corp, id))?;
        let delete = self
            .client
            .delete_item()
            .table_name(&self.data)
            .set_key(Some(key));
        delete.send().await.map_err(unavailable)?;
        Ok(())
    }
}
