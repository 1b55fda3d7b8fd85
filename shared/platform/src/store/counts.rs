//! Statistics of channels: counted facts, the numbers of days, and the adds of one day for daily limits. Limits read
//! the main table consistently, so that a count contains everything that was written before.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use domain::ports::CountStore;
use domain::relation::RelationKey;
use domain::tally::{DayAdds, DayCounts, Days, Fact};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, UserId};

use super::{Store, attr_s, condition_held, unavailable};
use crate::layout::{self, DAY_KEPT, Key};

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    key: Key,
    day: String,
    day_sort: String,
}

/// An add that counts for a daily limit: one row per add, so that a redelivery counts once.
#[derive(Serialize, Deserialize)]
struct DayAddRow {
    #[serde(flatten)]
    key: Key,
    expires_at: UnixSeconds,
}

impl CountStore for Store {
    async fn count(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        relation: &RelationKey,
        fact: Fact,
        day: Date,
    ) -> Result<(), StoreError> {
        let row = Row {
            key: Key::fact(corp, channel, fact, relation),
            day: layout::day(corp, channel, day),
            day_sort: layout::day_sort(fact, relation),
        };
        let put = self.put_row(&row)?;
        condition_held(
            put.condition_expression("attribute_not_exists(pk)")
                .send()
                .await,
        )
        .map(|_| ())
    }

    async fn count_add_on(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        relation: &RelationKey,
        day: Date,
    ) -> Result<u64, StoreError> {
        let row = DayAddRow {
            key: Key::day_add(corp, channel, day, relation),
            expires_at: expires_at(day),
        };
        let put = self.put_row(&row)?;
        put.send().await.map_err(unavailable)?;
        self.days_adds_of(corp, channel, &relation.member, day)
            .await
    }

    async fn adds_on(
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
            .expression_attribute_values(":member", attr_s(layout::day_member(member)))
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

/// When a row of `day` is not kept any longer.
fn expires_at(day: Date) -> UnixSeconds {
    let begins = day.to_zoned(TimeZone::UTC);
    let begins = begins.map_or(UnixSeconds(i64::MAX), |begins| {
        UnixSeconds::of(begins.timestamp())
    });
    begins.plus_seconds(DAY_KEPT * 24 * 3600)
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
        let query =
            query.expression_attribute_values(":day", attr_s(layout::day(corp, channel, date)));
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
