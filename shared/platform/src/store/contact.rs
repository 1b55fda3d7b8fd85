//! All that is known of one customer: one partition, one query.

use domain::event::EventId;
use domain::outcome::{Outcome, TagsResult, WelcomeResult};
use domain::ports::{ContactRecord, ReadContact, StoreError};
use serde::de::DeserializeOwned;
use wecom::{CorpId, ExternalUserId};

use super::{Item, Store, outcomes, read, relations, s, unavailable};
use crate::layout::{self, Key};

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
    if key.sk.starts_with(layout::RELATION) {
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
