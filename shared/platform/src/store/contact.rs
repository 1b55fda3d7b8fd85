//! All that is known of one customer: one partition, one query.

use domain::contact::{ContactRecord, Profile};
use domain::error::StoreError;
use domain::event::EventId;
use domain::instant::{self, UnixSeconds};
use domain::outcome::{Outcome, TagsResult, WelcomeResult};
use domain::ports::ContactStore;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId, UnionId};

use super::read_rows::{NOT_NEWER, read_at};
use super::{Item, Store, attr_s, condition_held, from_row, outcomes, relations, unavailable};
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
struct ProfileRow {
    #[serde(flatten)]
    key: Key,
    /// The profile as JSON.
    profile: String,
    /// When it was read, and the microseconds beyond them: what was read before does not replace it.
    #[serde(default)]
    read_at: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_us: Option<u32>,
}

impl ContactStore for Store {
    async fn contact(
        &self,
        corp: &CorpId,
        customer: &ExternalUserId,
    ) -> Result<ContactRecord, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .key_condition_expression("pk = :pk");
        let query =
            query.expression_attribute_values(":pk", attr_s(layout::contact(corp, customer)));
        let mut items = query.consistent_read(true).into_paginator().items().send();
        let mut record = ContactRecord::default();
        while let Some(item) = items.next().await {
            add(&mut record, item.map_err(unavailable)?)?;
        }
        Ok(record)
    }

    async fn put_profile(&self, corp: &CorpId, profile: &Profile) -> Result<(), StoreError> {
        let (seconds, microseconds) = instant::split(profile.read_at);
        let row = ProfileRow {
            key: Key::profile(corp, &profile.contact.external_user_id),
            profile: serde_json::to_string(profile)
                .map_err(|error| StoreError::unwritable("a profile", error))?,
            read_at: seconds,
            read_us: Some(microseconds),
        };
        let put = self.put_row(&row)?;
        let put = put
            .condition_expression(format!("attribute_not_exists(pk) OR {NOT_NEWER}"))
            .set_expression_attribute_values(read_at(profile.read_at));
        condition_held(put.send().await).map(|_| ())
    }

    async fn customers_of_unionid(
        &self,
        corp: &CorpId,
        unionid: &UnionId,
    ) -> Result<Vec<ExternalUserId>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .index_name("by_unionid");
        let query = query.key_condition_expression("unionid = :unionid");
        let query =
            query.expression_attribute_values(":unionid", attr_s(layout::unionid(corp, unionid)));
        let page = query.send().await.map_err(unavailable)?;
        let sort = |item: &Item| {
            item.get("customer")
                .and_then(|sort| sort.as_s().ok())
                .cloned()
        };
        let found = page.items.unwrap_or_default();
        let mut customers: Vec<ExternalUserId> = found
            .iter()
            .filter_map(sort)
            .map(ExternalUserId::from)
            .collect();
        // One per member.
        customers.dedup();
        Ok(customers)
    }
}

fn add(record: &mut ContactRecord, item: Item) -> Result<(), StoreError> {
    let key: Key = from_row(item.clone())?;
    if key.sk == layout::PROFILE {
        // One that an older version wrote in another form is read again from WeCom.
        let profile = serde_json::from_str(&from_row::<ProfileRow>(item)?.profile).ok();
        record.profile = later(record.profile.take(), profile);
    } else if key.sk.starts_with(layout::RELATION) {
        let relation = from_row::<relations::Row>(item)?.relation()?;
        let snapshot = &relation.snapshot;
        let read = snapshot.contact.clone().zip(snapshot.observed_at);
        let profile = read.map(|(contact, read_at)| Profile { contact, read_at });
        record.profile = later(record.profile.take(), profile);
        record.relations.push(relation);
    } else if let Some(event) = key
        .sk
        .strip_prefix(layout::WELCOME)
        .and_then(EventId::parse)
    {
        record
            .welcomes
            .push((event, outcome::<WelcomeResult>(item)?));
    } else if let Some(event) = key.sk.strip_prefix(layout::TAGS).and_then(EventId::parse) {
        record.tags.push((event, outcome::<TagsResult>(item)?));
    }
    Ok(())
}

/// A customer of several members is listed several times.
fn later(one: Option<Profile>, other: Option<Profile>) -> Option<Profile> {
    one.into_iter()
        .chain(other)
        .max_by_key(|profile| profile.read_at)
}

fn outcome<R: DeserializeOwned>(item: Item) -> Result<Outcome<R>, StoreError> {
    Ok(from_row::<outcomes::Row<R>>(item)?.outcome)
}
