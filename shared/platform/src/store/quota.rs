//! What all functions share about WeCom's limits: the guard of a corp, what was taken of each API, and the time slots
//! that were given for calls.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use domain::pace::{Pace, PaceGrant, PaceLimits};
use domain::ports::ReadQuota;
use domain::quota::{Guard, Limits, QuotaGrant, Usage};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wecom::CorpId;

use super::{Item, Store, attr_s, condition_held, from_row, to_row, unavailable};
use crate::layout::{self, Key, REPORT};

/// Processes that may meet on one row; each loses at most once to each other.
const TRIES: usize = 16;

#[derive(Serialize, Deserialize)]
struct GuardRow {
    #[serde(flatten)]
    key: Key,
    version: u64,
    /// The guard as JSON: it is read and written as a whole.
    guard: String,
    /// When processes reported calls last, by [`REPORT`], API and process, in Unix seconds; and what other releases
    /// store.
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct PaceRow {
    #[serde(flatten)]
    key: Key,
    version: u64,
    /// The time slots as JSON.
    pace: String,
    /// Slots of hours that are over are free again.
    expires_at: UnixSeconds,
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

const THE_GUARD: &str = "the guard of the quota";
const THE_SLOTS: &str = "the time slots of an API";
/// Seconds after which a row of usage or of time slots may go.
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
        row.map_or(Ok(Guard::default()), |row| guard_of(&row))
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
            let (version, before) = match stored {
                Some(row) => (row.version, guard_of(&row)?),
                None => (0, Guard::default()),
            };
            let mut guard = before.clone();
            change(&mut guard);
            let reports = guard.reports.iter();
            let row = GuardRow {
                key: key.clone(),
                version: version + 1,
                guard: json(&guard, THE_GUARD)?,
                others: reports
                    .map(|((api, process), at)| (report_name(api, process), at.get().into()))
                    .collect(),
            };
            if guard == before || self.put_version(&to_row(&row)?, version).await? {
                return Ok(guard);
            }
        }
        Err(StoreError::Contended(THE_GUARD))
    }

    /// Notes that a process makes calls of `api` at `now`. Nothing is written for a corp that has no guard
    /// yet: nobody would divide anything by the number of processes.
    pub(crate) async fn report_process(
        &self,
        corp: &CorpId,
        api: &str,
        process: &str,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let key = Key::guard(corp);
        let update = self
            .client
            .update_item()
            .table_name(&self.data)
            .key("pk", attr_s(key.pk))
            .key("sk", attr_s(key.sk))
            .update_expression("SET #report = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#report", report_name(api, process))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()));
        condition_held(update.send().await).map(drop)
    }

    /// Takes up to `wanted` time slots for calls of `api`, of which the first is not after `latest`.
    pub(crate) async fn take_slots(
        &self,
        corp: &CorpId,
        api: &str,
        wanted: u32,
        limits: &PaceLimits,
        (now, latest): (Timestamp, Timestamp),
    ) -> Result<PaceGrant, StoreError> {
        let key = Key::pace(corp, api);
        for _ in 0..TRIES {
            let stored = self.read_item::<PaceRow>(&key).await?;
            let (version, mut pace) = match stored {
                Some(row) => (row.version, parse::<Pace>(&row.pace, THE_SLOTS)?),
                None => (0, Pace::default()),
            };
            let granted = pace.take(now, wanted, latest, limits);
            if let PaceGrant::TakenUntil(_) = granted {
                return Ok(granted);
            }
            let row = PaceRow {
                key: key.clone(),
                version: version + 1,
                pace: json(&pace, THE_SLOTS)?,
                expires_at: UnixSeconds::of(now).plus_seconds(USAGE_SECONDS),
            };
            if self.put_version(&to_row(&row)?, version).await? {
                return Ok(granted);
            }
        }
        Err(StoreError::Contended(THE_SLOTS))
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
    guard_of(&from_row(item)?)
}

fn guard_of(row: &GuardRow) -> Result<Guard, StoreError> {
    Ok(Guard {
        reports: row.others.iter().filter_map(report).collect(),
        ..parse(&row.guard, THE_GUARD)?
    })
}

/// The name of the attribute that says when a process reported calls of an API last.
fn report_name(api: &str, process: &str) -> String {
    format!("{REPORT}{api}#{process}")
}

fn report((name, at): (&String, &serde_json::Value)) -> Option<((String, String), UnixSeconds)> {
    let (api, process) = name.strip_prefix(REPORT)?.rsplit_once('#')?;
    Some((
        (api.to_owned(), process.to_owned()),
        UnixSeconds(at.as_i64()?),
    ))
}

fn parse<T: DeserializeOwned>(json: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::unreadable(what, error))
}

fn json(value: &impl Serialize, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::unwritable(what, error))
}
