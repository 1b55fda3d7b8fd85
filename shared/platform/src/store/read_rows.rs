//! Rows that hold something that was read from WeCom as JSON, with the time of the reading: an older reading never
//! replaces a newer one.

use std::collections::HashMap;

use domain::error::StoreError;
use domain::instant::{self, UnixSeconds};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Item, Store, attr_n, attr_s, condition_held, from_row, to_row, unavailable};
use crate::layout::Key;

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    key: Key,
    /// What was read, as JSON.
    value: String,
    /// When.
    read_at: UnixSeconds,
    /// The microseconds beyond them. A row of a release that had none counts as of the end of its second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_us: Option<u32>,
}

/// Holds if what is stored was read no later than at the instant of [`read_at`].
pub(super) const NOT_NEWER: &str = "(read_at < :s OR (read_at = :s AND read_us <= :us))";

/// The values of [`NOT_NEWER`].
pub(super) fn read_at(at: Timestamp) -> Option<Item> {
    let (seconds, microseconds) = instant::split(at);
    let values = [(":s", seconds.get()), (":us", microseconds.into())];
    Some(
        values
            .map(|(name, value)| (name.to_owned(), attr_n(value)))
            .into(),
    )
}

impl Store {
    /// Stores `value`, which was read at `at`, unless something newer is stored. Returns whether it was written.
    pub(super) async fn put_read<T: Serialize>(
        &self,
        key: Key,
        value: &T,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (seconds, microseconds) = instant::split(at);
        let row = Row {
            key,
            value: serde_json::to_string(value)
                .map_err(|error| StoreError::unwritable("what was read", error))?,
            read_at: seconds,
            read_us: Some(microseconds),
        };
        let put = self.put_row(&row)?;
        let put = put
            .condition_expression(format!("attribute_not_exists(pk) OR {NOT_NEWER}"))
            .set_expression_attribute_values(read_at(at));
        condition_held(put.send().await)
    }

    /// Removes what a reading at `at` no longer found, unless something newer is stored.
    pub(super) async fn remove_read(&self, key: &Key, at: Timestamp) -> Result<bool, StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.data)
            .set_key(Some(to_row(key)?));
        let delete = delete
            .condition_expression(NOT_NEWER)
            .set_expression_attribute_values(read_at(at));
        condition_held(delete.send().await)
    }

    /// One such value.
    pub(super) async fn read_value<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let row = self.read_item::<Row>(key).await?;
        row.map(|row| value(&row)).transpose()
    }

    /// All such values of a partition.
    pub(super) async fn read_values<T: DeserializeOwned>(
        &self,
        partition: String,
    ) -> Result<Vec<T>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", attr_s(partition));
        let mut items = query.consistent_read(true).into_paginator().items().send();
        let mut values = Vec::new();
        while let Some(item) = items.next().await {
            values.push(value(&from_row::<Row>(item.map_err(unavailable)?)?)?);
        }
        Ok(values)
    }

    /// Reads any number of items of the data table.
    pub(super) async fn batch_get_all(
        &self,
        keys: Vec<Key>,
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let mut found = HashMap::new();
        // BatchGetItem takes a hundred keys.
        for some in keys.chunks(100) {
            found.extend(self.batch_get(&some.iter().collect::<Vec<_>>()).await?);
        }
        Ok(found)
    }
}

fn value<T: DeserializeOwned>(row: &Row) -> Result<T, StoreError> {
    serde_json::from_str(&row.value).map_err(|error| {
        StoreError::unreadable(format!("the item {} of {}", row.key.sk, row.key.pk), error)
    })
}
