//! What all functions share about WeCom's limits: the guard of a corp, and what was taken of each API.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use domain::ports::ReadQuota;
use domain::quota::{Guard, Limits, QuotaGrant, Usage};
use serde::{Deserialize, Serialize};
use wecom::CorpId;

use super::{Item, Store, attr_s, condition_held, from_row, to_row, unavailable};
use crate::layout::{self, Key};

/// Processes that may meet on one row; each loses at most once to each other.
const TRIES: usize = 16;

#[derive(Serialize, Deserialize)]
struct GuardRow {
    #[serde(flatten)]
    key: Key,
    version: u64,
    /// The guard as JSON: it is read and written as a whole.
    guard: String,
}

#[derive(Serialize, Deserialize)]
struct UsageRow {
    #[serde(flatten)]
    key: Key,
    version: u64,
    #[serde(flatten)]
    usage: Usage,
    /// Nobody asks about an hour that is long over.
    expires_at: UnixSeconds,
}

/// Seconds after which a row of usage may go.
const USAGE_SECONDS: i64 = 2 * 86_400;

impl ReadQuota for Store {
    async fn quota(&self, corp: &CorpId) -> Result<(Guard, Vec<Usage>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", attr_s(layout::quota(corp)));
        let mut items = query.into_paginator().items().send();
        let (mut guard, mut usage) = (Guard::default(), Vec::new());
        while let Some(item) = items.next().await {
            let item = item.map_err(unavailable)?;
            let key: Key = from_row(item.clone())?;
            if key.sk == layout::GUARD {
                guard = guard_of_item(item)?;
            } else if key.sk.starts_with(layout::USAGE) {
                usage.push(from_row::<UsageRow>(item)?.usage);
            }
        }
        Ok((guard, usage))
    }
}

impl Store {
    /// The guard of a corp, as it was a moment ago: who asks keeps it for a second anyway.
    pub(crate) async fn guard(&self, corp: &CorpId) -> Result<Guard, StoreError> {
        let row = self
            .get_eventually_consistent::<GuardRow>(&Key::guard(corp))
            .await?;
        row.map_or(Ok(Guard::default()), |row| guard_of(&row.guard))
    }

    /// Changes the guard of a corp and returns it as it is then.
    pub(crate) async fn change_guard(
        &self,
        corp: &CorpId,
        change: impl Fn(&mut Guard),
    ) -> Result<Guard, StoreError> {
        let key = Key::guard(corp);
        for _ in 0..TRIES {
            let stored = self.read_item::<GuardRow>(&key).await?;
            let version = stored.as_ref().map_or(0, |row| row.version);
            let before = stored.map_or(Ok(Guard::default()), |row| guard_of(&row.guard))?;
            let mut guard = before.clone();
            change(&mut guard);
            let row = GuardRow {
                key: key.clone(),
                version: version + 1,
                guard: json(&guard)?,
            };
            if guard == before || self.put_version(&to_row(&row)?, version).await? {
                return Ok(guard);
            }
        }
        Err(StoreError::Contended("the guard of the quota"))
    }

    /// Takes up to `wanted` calls of `api` at `now`.
    pub(crate) async fn take_quota(
        &self,
        corp: &CorpId,
        api: &str,
        wanted: u32,
        limits: &Limits,
        now: UnixSeconds,
    ) -> Result<QuotaGrant, StoreError> {
        let key = Key::usage(corp, api);
        for _ in 0..TRIES {
            let stored = self.read_item::<UsageRow>(&key).await?;
            let (version, mut usage) =
                stored.map_or_else(Default::default, |row| (row.version, row.usage));
            let taken = usage.take(now, wanted, limits);
            if let QuotaGrant::SpentUntil(_) = taken {
                return Ok(taken);
            }
            let row = UsageRow {
                key: key.clone(),
                version: version + 1,
                usage,
                expires_at: now.plus_seconds(USAGE_SECONDS),
            };
            if self.put_version(&to_row(&row)?, version).await? {
                return Ok(taken);
            }
        }
        Err(StoreError::Contended("the usage of an API"))
    }

    /// Writes an item if the stored one is still of the version that was read; 0 is none.
    pub(super) async fn put_version(
        &self,
        row: &Item,
        read_version: u64,
    ) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.data)
            .set_item(Some(row.clone()));
        let put = if read_version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(read_version.to_string()))
        };
        condition_held(put.send().await)
    }
}

/// Reads the guard out of its item.
pub(super) fn guard_of_item(item: Item) -> Result<Guard, StoreError> {
    guard_of(&from_row::<GuardRow>(item)?.guard)
}

fn guard_of(json: &str) -> Result<Guard, StoreError> {
    serde_json::from_str(json)
        .map_err(|error| StoreError::unreadable("the guard of the quota", error))
}

fn json(guard: &Guard) -> Result<String, StoreError> {
    serde_json::to_string(guard)
        .map_err(|error| StoreError::unwritable("the guard of the quota", error))
}
