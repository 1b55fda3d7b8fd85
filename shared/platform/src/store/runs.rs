//! Runs of the reconcile: one item with run and lease, and the parts of a run in a partition of its own.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::error::StoreError;
use domain::instant::{self, UnixSeconds};
use domain::ports::RunStore;
use domain::sync::{Chunk, PageRead, Run, RunId, RunLease};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, UserId};

use super::{Item, Store, attr_n, attr_s, condition_held, from_row, to_row, unavailable};
use crate::layout::{self, Key};

/// Seconds after which the parts of a run may go: a run that takes days has failed.
const PARTS_SECONDS: i64 = 7 * 86_400;

#[derive(Serialize, Deserialize)]
struct RunRow {
    #[serde(flatten)]
    key: Key,
    version: u64,
    /// The run as JSON.
    run: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default)]
    leased_until: UnixSeconds,
}

#[derive(Serialize, Deserialize)]
struct ChunkRow {
    #[serde(flatten)]
    key: Key,
    number: u32,
    members: Vec<UserId>,
    reading: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_us: Option<u32>,
    done: bool,
    expires_at: UnixSeconds,
}

impl RunRow {
    fn run(&self) -> Result<Run, StoreError> {
        serde_json::from_str(&self.run).map_err(|error| StoreError::unreadable("a run", error))
    }
}

impl RunStore for Store {
    async fn runs(&self, corp: &CorpId) -> Result<(Option<Run>, Option<Run>), StoreError> {
        let (present, last) = (Key::run(corp), Key::last_run(corp));
        let mut found = self.batch_get(&[&present, &last]).await?;
        let mut run = |key: &Key| match found.remove(key) {
            Some(item) => from_row::<RunRow>(item)?.run().map(Some),
            None => Ok(None),
        };
        let (present, last) = (run(&present)?, run(&last)?);
        let running = present.clone().filter(|run| run.finished_at.is_none());
        let ended = present.filter(|run| run.finished_at.is_some());
        Ok((running, ended.or(last)))
    }

    async fn take_run(
        &self,
        corp: &CorpId,
        owner: &str,
        new: Option<Run>,
        now: UnixSeconds,
        until: UnixSeconds,
    ) -> Result<RunLease, StoreError> {
        let stored = self.read_item::<RunRow>(&Key::run(corp)).await?;
        let version = stored.as_ref().map_or(0, |row| row.version);
        let known = stored.as_ref().map(RunRow::run).transpose()?;
        let leased = stored.is_some_and(|row| row.leased_until > now);
        let (run, over) = match (known, new) {
            (Some(run), _) if run.finished_at.is_none() && leased => {
                return Ok(RunLease::HeldByOther(run));
            }
            (Some(run), _) if run.finished_at.is_none() => (run, None),
            (Some(over), Some(new)) => (new.following(&over), Some(over)),
            (None, Some(new)) => (new, None),
            (_, None) => return Ok(RunLease::NoRun),
        };
        // The last one is written down before its place is taken.
        if let Some(over) = over {
            self.put_last(corp, &over).await?;
        }
        let row = run_row(Key::run(corp), version + 1, &run, Some(owner), until)?;
        if self.put_version(&to_row(&row)?, version).await? {
            return Ok(RunLease::Acquired(run));
        }
        // Somebody else was faster, and his is the run that there is.
        let taken = self.read_item::<RunRow>(&Key::run(corp)).await?;
        let taken = taken.as_ref().map(RunRow::run).transpose()?;
        Ok(taken.map_or(RunLease::NoRun, RunLease::HeldByOther))
    }

    async fn save_run(
        &self,
        corp: &CorpId,
        owner: &str,
        run: &Run,
        until: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let json = json(run)?;
        // A run that is over has no owner: a heartbeat that was sent before and arrives after must not revive it.
        let changes = match run.finished_at {
            Some(_) => "SET run = :run, leased_until = :until REMOVE #owner ADD version :one",
            None => "SET run = :run, leased_until = :until ADD version :one",
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.data)
            .set_key(Some(to_row(&Key::run(corp))?))
            .update_expression(changes)
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":run", attr_s(json))
            .expression_attribute_values(":until", attr_n(until.get()))
            .expression_attribute_values(":one", attr_n(1))
            .expression_attribute_values(":owner", attr_s(owner));
        condition_held(update.send().await)
    }

    async fn release_run(&self, corp: &CorpId, owner: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.data)
            .set_key(Some(to_row(&Key::run(corp))?))
            .update_expression("SET leased_until = :zero REMOVE #owner ADD version :one")
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":zero", attr_n(0))
            .expression_attribute_values(":one", attr_n(1))
            .expression_attribute_values(":owner", attr_s(owner));
        condition_held(update.send().await).map(|_| ())
    }

    async fn put_chunks(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunks: &[Chunk],
    ) -> Result<(), StoreError> {
        for chunk in chunks {
            self.put_chunk(corp, run, chunk).await?;
        }
        Ok(())
    }

    async fn chunks(&self, corp: &CorpId, run: &RunId) -> Result<Vec<Chunk>, StoreError> {
        let rows: Vec<ChunkRow> = self.parts(corp, run, layout::CHUNK).await?;
        let chunk = |row: ChunkRow| Chunk {
            number: row.number,
            members: row.members,
            reading: row.reading,
            // One without microseconds began at the beginning of its second: nothing newer is taken for older.
            since: row
                .since
                .map(|second| instant::join(second, Some(row.since_us.unwrap_or(0)))),
            done: row.done,
        };
        Ok(rows.into_iter().map(chunk).collect())
    }

    async fn put_chunk(&self, corp: &CorpId, run: &RunId, chunk: &Chunk) -> Result<(), StoreError> {
        let (since, since_us) = chunk.since.map(instant::split).unzip();
        let row = ChunkRow {
            key: Key::chunk(corp, run, chunk.number),
            number: chunk.number,
            members: chunk.members.clone(),
            reading: chunk.reading,
            since,
            since_us,
            done: chunk.done,
            expires_at: expires_at(run),
        };
        self.put(to_row(&row)?).await
    }

    async fn put_page(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunk: &Chunk,
        page: &PageRead,
    ) -> Result<(), StoreError> {
        let mut row = to_row(&Key::page(corp, run, chunk, page.number))?;
        row.insert("number".into(), attr_n(i64::from(page.number)));
        row.insert(
            "seen".into(),
            AttributeValue::B(Blob::new(page.seen.clone())),
        );
        for (name, cursor) in [("from", &page.from), ("cursor", &page.cursor)] {
            if let Some(cursor) = cursor {
                row.insert(name.into(), attr_s(cursor));
            }
        }
        if !page.unlicensed.is_empty() {
            let members = page.unlicensed.iter().map(|member| attr_s(member.as_str()));
            row.insert("unlicensed".into(), AttributeValue::L(members.collect()));
        }
        row.insert("expires_at".into(), attr_n(expires_at(run).get()));
        self.put(row).await
    }

    async fn pages(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunk: &Chunk,
    ) -> Result<Vec<PageRead>, StoreError> {
        let items: Vec<Item> = self.part_items(corp, run, &layout::pages(chunk)).await?;
        let unreadable = || {
            StoreError::unreadable(
                "a page of a run",
                "an attribute is missing or has another type",
            )
        };
        let page = |item: &Item| {
            let number = item
                .get("number")
                .and_then(|number| number.as_n().ok()?.parse().ok());
            let seen = item.get("seen").and_then(|seen| seen.as_b().ok());
            let cursor = |name| {
                item.get(name)
                    .and_then(|cursor| cursor.as_s().ok())
                    .cloned()
            };
            let unlicensed = item.get("unlicensed").and_then(|list| list.as_l().ok());
            let members = unlicensed.into_iter().flatten();
            let members = members.filter_map(|member| member.as_s().ok());
            Ok(PageRead {
                number: number.ok_or_else(unreadable)?,
                from: cursor("from"),
                cursor: cursor("cursor"),
                unlicensed: members
                    .map(|member| UserId::from(member.as_str()))
                    .collect(),
                seen: seen.ok_or_else(unreadable)?.as_ref().to_vec(),
            })
        };
        items.iter().map(page).collect()
    }
}

impl Store {
    async fn put_last(&self, corp: &CorpId, run: &Run) -> Result<(), StoreError> {
        let row = run_row(Key::last_run(corp), 1, run, None, UnixSeconds::EPOCH)?;
        self.put(to_row(&row)?).await
    }

    async fn put(&self, row: Item) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.data);
        let put = put.set_item(Some(row)).send().await;
        put.map(|_| ()).map_err(unavailable)
    }

    async fn parts<T: DeserializeOwned>(
        &self,
        corp: &CorpId,
        run: &RunId,
        prefix: &str,
    ) -> Result<Vec<T>, StoreError> {
        let items = self.part_items(corp, run, prefix).await?;
        items.into_iter().map(from_row).collect()
    }

    async fn part_items(
        &self,
        corp: &CorpId,
        run: &RunId,
        prefix: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", attr_s(layout::run_parts(corp, run)))
            .expression_attribute_values(":prefix", attr_s(prefix));
        let mut items = query.consistent_read(true).into_paginator().items().send();
        let mut parts = Vec::new();
        while let Some(item) = items.next().await {
            parts.push(item.map_err(unavailable)?);
        }
        Ok(parts)
    }
}

fn run_row(
    key: Key,
    version: u64,
    run: &Run,
    owner: Option<&str>,
    leased_until: UnixSeconds,
) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        key,
        version,
        run: json(run)?,
        owner: owner.map(str::to_owned),
        leased_until,
    })
}

fn json(run: &Run) -> Result<String, StoreError> {
    serde_json::to_string(run).map_err(|error| StoreError::unwritable("a run", error))
}

fn expires_at(run: &RunId) -> UnixSeconds {
    run.started_at().seconds().plus_seconds(PARTS_SECONDS)
}
