//! Relations as WeCom lists them, page by page: compared with what is stored, and written where they
//! differ.
//!
//! A page is written in transactions of up to a hundred rows, each under the version that it was compared with, so that
//! what an event or another reading has written meanwhile is never overwritten. A transaction that meets such a write
//! is refused as a whole; its rows are then done one by one, each compared anew.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::error::StoreError;
use domain::ports::ObserveRelations;
use domain::relation::{Change, Observation, Observed, Reading, Relation, Status};
use jiff::Timestamp;
use wecom::{CorpId, ExternalUserId, UserId};

use super::relations::Row;
use super::{Item, Store, item, n, read, s, unavailable};
use crate::layout::{self, Key};

/// Rows of one transaction, and keys of one batch of reads, at most (`TransactWriteItems` and `BatchGetItem` quotas).
const TOGETHER: usize = 100;
/// Rows that are written one by one: a transaction of them costs twice the units and saves no time.
const ALONE: usize = 2;
/// Rows of a page of the index by member: about 250 bytes each.
const ROSTER_PAGE: i32 = 1_000;

impl ObserveRelations for Store {
    async fn compare(
        &self,
        corp: &CorpId,
        rows: &[Observation],
        reading: Reading,
    ) -> Result<Observed, StoreError> {
        let stored = self.stored(corp, rows).await?;
        let mut observed = Observed::default();
        for (place, row) in rows.iter().enumerate() {
            let key = Key::relation(corp, &row.contact.external_user_id, &row.follow.user_id);
            let (before, version) = stored
                .get(&key)
                .map_or((None, 0), |(version, relation)| (Some(relation), *version));
            let after = Relation::read(before, row, reading);
            if after.came_unnoticed(before) {
                observed.came.push((place, Relation::is_uncounted(before)));
            }
            if before != Some(&after) {
                observed.differ.push((place, version));
            }
            observed.relations.push(after);
        }
        Ok(observed)
    }

    async fn keep(
        &self,
        corp: &CorpId,
        rows: &[Observation],
        observed: &Observed,
        reading: Reading,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::with_capacity(observed.differ.len());
        for (place, version) in &observed.differ {
            if let (Some(row), Some(after)) = (rows.get(*place), observed.relations.get(*place)) {
                writes.push((row, Row::after(corp, *version, after)?));
            }
        }
        if writes.len() <= ALONE {
            return self.write_each(corp, &writes, reading).await;
        }
        for together in writes.chunks(TOGETHER) {
            if !self.write_together(together).await? {
                self.write_each(corp, together, reading).await?;
            }
        }
        Ok(())
    }

    async fn confirm_end(
        &self,
        corp: &CorpId,
        change: &Change,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::relation(corp, &change.external_userid, &change.userid);
        let confirmed = |before: Option<&Relation>| Relation {
            observed_at: before.and_then(|before| before.observed_at).max(Some(at)),
            ..change.apply(before)
        };
        self.rewrite(corp, &key, confirmed).await.map(|_| ())
    }

    async fn active_customers(
        &self,
        corp: &CorpId,
        member: &UserId,
        after: Option<&ExternalUserId>,
    ) -> Result<(Vec<ExternalUserId>, bool), StoreError> {
        let (names, values) = ("#member = :member", layout::member_customers(corp, member));
        let mut query = self
            .client
            .query()
            .table_name(&self.data)
            .index_name("by_member")
            .expression_attribute_names("#member", "member")
            .expression_attribute_values(":member", s(values))
            .limit(ROSTER_PAGE);
        query = match after {
            None => query.key_condition_expression(names),
            Some(after) => query
                .key_condition_expression(format!("{names} AND customer > :after"))
                .expression_attribute_values(":after", s(after.as_str())),
        };
        let page = query.send().await.map_err(unavailable)?;
        let customer = |item: &Item| {
            item.get("customer")
                .and_then(|sort| sort.as_s().ok())
                .cloned()
        };
        let found = page.items.unwrap_or_default();
        let customers = found.iter().filter_map(customer).map(ExternalUserId::from);
        Ok((customers.collect(), page.last_evaluated_key.is_some()))
    }

    async fn conclude_lost(
        &self,
        corp: &CorpId,
        (member, customer): (&UserId, &ExternalUserId),
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = Key::relation(corp, customer, member);
        // The index may be behind; the row itself decides.
        if self.read_item::<Row>(&key).await?.is_none() {
            return Ok(false);
        }
        let missed = |before: Option<&Relation>| {
            before.map_or_else(
                || Relation::unknown(member, customer),
                |before| before.missed(at),
            )
        };
        let (before, after) = self.rewrite(corp, &key, missed).await?;
        Ok(before.is_some_and(|before| before.status == Status::Active)
            && after.status == Status::Lost)
    }
}

impl Store {
    /// The stored relations of these rows with their versions.
    async fn stored(
        &self,
        corp: &CorpId,
        rows: &[Observation],
    ) -> Result<HashMap<Key, (u64, Relation)>, StoreError> {
        let key = |row: &Observation| {
            Key::relation(corp, &row.contact.external_user_id, &row.follow.user_id)
        };
        let keys: HashSet<Key> = rows.iter().map(key).collect();
        let found = self.read_all(keys.into_iter().collect()).await?;
        let stored = found.into_iter().map(|(key, item)| {
            let row = read::<Row>(item)?;
            Ok((key, (row.version, row.relation()?)))
        });
        stored.collect()
    }

    /// Writes all or nothing; `false` if somebody has written one of the rows meanwhile.
    async fn write_together(&self, writes: &[(&Observation, Row)]) -> Result<bool, StoreError> {
        let puts = writes.iter().map(|(_, row)| self.conditional(row));
        let puts = puts.collect::<Result<Vec<_>, _>>()?;
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(puts))
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(is_refused) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn conditional(&self, row: &Row) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.data)
            .set_item(Some(item(row)?));
        let read = i64::try_from(row.version - 1).unwrap_or(i64::MAX);
        let put = match read {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            read => put
                .condition_expression("version = :read")
                .expression_attribute_values(":read", n(read)),
        };
        let put = put
            .build()
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    async fn write_each(
        &self,
        corp: &CorpId,
        writes: &[(&Observation, Row)],
        reading: Reading,
    ) -> Result<(), StoreError> {
        for (row, written) in writes {
            let counted = written.relation()?.counted;
            let read = |before: Option<&Relation>| {
                let mut after = Relation::read(before, row, reading);
                if Relation::is_uncounted(before) {
                    after.counted.clone_from(&counted);
                }
                after
            };
            self.rewrite(corp, &written.key, read).await?;
        }
        Ok(())
    }
}

/// Whether a row was not as it was read, or was being written at that moment. The code of a transaction that was
/// cancelled is one for all reasons; the reasons say which.
fn is_refused(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return false;
    };
    let codes = cancelled.cancellation_reasons().iter();
    let mut codes = codes.filter_map(|reason| reason.code());
    codes.any(|code| code == "ConditionalCheckFailed" || code == "TransactionConflict")
}
