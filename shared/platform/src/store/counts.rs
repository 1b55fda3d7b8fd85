//! Counted facts, and the numbers of days.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::ports::{CountFacts, ReadCounts};
use domain::tally::{DayCounts, Days, Fact};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId, UserId};

use super::{Store, condition_held, item, s, unavailable};
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    key: Key,
    day: String,
    day_sort: String,
}

impl CountFacts for Store {
    async fn count(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        pair: (&UserId, &ExternalUserId),
        fact: Fact,
        day: Date,
    ) -> Result<(), StoreError> {
        let row = Row {
            key: Key::fact(corp, channel, fact, pair),
            day: layout::day(corp, channel, day),
            day_sort: layout::day_sort(fact, pair),
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.data)
            .set_item(Some(item(&row)?));
        condition_held(
            put.condition_expression("attribute_not_exists(pk)")
                .send()
                .await,
        )
        .map(|_| ())
    }
}

impl ReadCounts for Store {
    async fn days(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        from: Date,
        to: Date,
    ) -> Result<Days, StoreError> {
        let mut days = Days::new();
        for date in from
            .series(jiff::Span::new().days(1))
            .take_while(|date| *date <= to)
        {
            days.insert(date, self.day(corp, channel, date).await?);
        }
        Ok(days)
    }
}

impl Store {
    async fn day(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        date: Date,
    ) -> Result<DayCounts, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .index_name("by_day");
        let query = query
            .key_condition_expression("#day = :day")
            .expression_attribute_names("#day", "day");
        let query = query.expression_attribute_values(":day", s(layout::day(corp, channel, date)));
        let mut items = query.into_paginator().items().send();
        let mut counts = DayCounts::default();
        while let Some(item) = items.next().await {
            if let Some(AttributeValue::S(sort)) = item.map_err(unavailable)?.get("day_sort") {
                layout::fact_of(sort)
                    .into_iter()
                    .for_each(|fact| counts.count(fact));
            }
        }
        Ok(counts)
    }
}
