//! Adds of one day, for limits: one row per add, so that a redelivery counts nothing twice, read consistently
//! from the main table, so that a count holds all that was written before.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::ports::CountDay;
use domain::tally::DayAdds;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId, UserId};

use super::{Store, item, s, unavailable};
use crate::layout::{self, DAY_KEPT, Key};

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    key: Key,
    /// Unix seconds.
    expires_at: i64,
}

impl CountDay for Store {
    async fn count_today(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        pair: (&UserId, &ExternalUserId),
        day: Date,
    ) -> Result<u64, StoreError> {
        let row = Row {
            key: Key::day_add(corp, channel, day, pair),
            expires_at: expires_at(day),
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.data)
            .set_item(Some(item(&row)?));
        put.send().await.map_err(unavailable)?;
        self.days_adds_of(corp, channel, pair.0, day).await
    }

    async fn days_counts(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        day: Date,
    ) -> Result<DayAdds, StoreError> {
        let query = self
            .day_adds(corp, channel, day)
            .key_condition_expression("pk = :pk")
            .projection_expression("sk");
        let mut items = query.into_paginator().items().send();
        let mut adds = DayAdds::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(unavailable)?;
            let sort = item.get("sk").and_then(|sort| sort.as_s().ok());
            if let Some(member) = sort.and_then(|sort| layout::member_of(sort)) {
                *adds.entry(member).or_default() += 1;
            }
        }
        Ok(adds)
    }
}

impl Store {
    /// One member's adds of a day.
    async fn days_adds_of(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        member: &UserId,
        day: Date,
    ) -> Result<u64, StoreError> {
        let query = self
            .day_adds(corp, channel, day)
            .key_condition_expression("pk = :pk AND begins_with(sk, :member)")
            .expression_attribute_values(":member", s(layout::day_member(member)))
            .select(Select::Count);
        let mut pages = query.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += u64::from(page.map_err(unavailable)?.count.unsigned_abs());
        }
        Ok(count)
    }

    fn day_adds(&self, corp: &CorpId, channel: &ChannelId, day: Date) -> QueryFluentBuilder {
        let partition = layout::day_adds(corp, channel, day);
        self.client
            .query()
            .table_name(&self.data)
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(partition))
    }
}

/// When a row of `day` is not kept any longer, in Unix seconds.
fn expires_at(day: Date) -> i64 {
    let begins = day.to_zoned(TimeZone::UTC);
    let begins = begins.map_or(i64::MAX, |begins| begins.timestamp().as_second());
    begins.saturating_add(DAY_KEPT * 24 * 3600)
}
