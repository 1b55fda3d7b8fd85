//! All that is known of one customer: one partition, one query.

use domain::contact::Profile;
use domain::event::EventId;
use domain::outcome::{Outcome, TagsResult, WelcomeResult};
use domain::ports::{ContactRecord, KeepProfile, ReadContact, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId};

use super::{Item, Store, item, outcomes, read, relations, s, unavailable};
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
struct ProfileRow {
    #[serde(flatten)]
    key: Key,
    /// The profile as JSON.
    profile: String,
}

impl KeepProfile for Store {
    async fn put_profile(&self, corp: &CorpId, profile: &Profile) -> Result<(), StoreError> {
        let key = Key::profile(corp, &profile.contact.external_user_id);
        let json =
            serde_json::to_string(profile).map_err(|e| StoreError::Unreadable(e.to_string()))?;
        let row = item(&ProfileRow { key, profile: json })?;
        let put = self
            .client
            .put_item()
            .table_name(&self.data)
            .set_item(Some(row));
        put.send().await.map(|_| ()).map_err(unavailable)
    }
}

impl ReadContact for Store {
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
        let query = query.expression_attribute_values(":pk", s(layout::contact(corp, customer)));
        let mut items = query.consistent_read(true).into_paginator().items().send();
        let mut record = ContactRecord::default();
        while let Some(item) = items.next().await {
            add(&mut record, item.map_err(unavailable)?)?;
        }
        Ok(record)
    }
}

fn add(record: &mut ContactRecord, item: Item) -> Result<(), StoreError> {
    let key: Key = read(item.clone())?;
    if key.sk == layout::PROFILE {
        // One that an older version wrote in another form is read again from WeCom.
        record.profile = serde_json::from_str(&read::<ProfileRow>(item)?.profile).ok();
    } else if key.sk.starts_with(layout::RELATION) {
        record
            .relations
            .push(read::<relations::Row>(item)?.relation);
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

fn outcome<R: DeserializeOwned>(item: Item) -> Result<Outcome<R>, StoreError> {
    Ok(read::<outcomes::Row<R>>(item)?.outcome)
}
