//! Relations as WeCom lists them, page by page: compared with what is stored, and written where they
//! differ.
//!
//! A page is written in transactions of up to a hundred rows, each under the version that it was compared with, so that
//! what an event or another reading has written since is never overwritten. A transaction that meets such a write
//! is refused as a whole; its rows are then done one by one, each compared anew.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::error::StoreError;
use domain::ports::ObserveRelations;
use domain::relation::{
    Attributed, Change, Comparison, Observation, Reading, Relation, RelationKey, Status,
};
use jiff::Timestamp;
use wecom::{CorpId, ExternalUserId, UserId};

use super::relations::Row;
use super::{Item, Store, attr_n, attr_s, from_row, to_row, unavailable};
use crate::layout::{self, Key};

/// The most rows of one transaction (quota of `TransactWriteItems`).
const TRANSACTION_ROWS_MAX: usize = 100;
/// Fewer rows are written one by one: a transaction of them costs twice the units and saves no time.
const TRANSACTION_ROWS_MIN: usize = 3;
/// Rows of a page of the index by member: about 250 bytes each.
const ROSTER_PAGE: i32 = 1_000;

impl ObserveRelations for Store {
    async fn compare(
        &self,
        corp: &CorpId,
        rows: &[Observation],
        reading: Reading,
    ) -> Result<Vec<Comparison>, StoreError> {
        let stored = self.stored(corp, rows).await?;
        let compare = |row: &Observation| {
            let known = stored.get(&Key::relation(corp, &row.key()));
            let before = known.map(|(_, relation)| relation);
            let relation = Relation::read(before, row, reading);
            let newly_attributed = relation.is_newly_attributed(before).then(|| {
                match Relation::is_uncounted(before) {
                    true => Attributed::First,
                    false => Attributed::Later,
                }
            });
            let differs = before != Some(&relation);
            Comparison {
                newly_attributed,
                replaces_version: differs.then(|| known.map_or(0, |(version, _)| *version)),
                relation,
            }
        };
        Ok(rows.iter().map(compare).collect())
    }

    async fn keep(
        &self,
        corp: &CorpId,
        rows: &[Observation],
        compared: &[Comparison],
        reading: Reading,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::with_capacity(rows.len());
        for (row, after) in rows.iter().zip(compared) {
            if let Some(version) = after.replaces_version {
                writes.push((row, Row::after(corp, version, &after.relation)?));
            }
        }
        if writes.len() < TRANSACTION_ROWS_MIN {
            return self.write_each(corp, &writes, reading).await;
        }
        for batch in writes.chunks(TRANSACTION_ROWS_MAX) {
            if !self.write_transaction(batch).await? {
                self.write_each(corp, batch, reading).await?;
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
        let confirmed = |before: Option<&Relation>| {
            let mut after = change.apply(before);
            after.snapshot.observed_at = after.snapshot.observed_at.max(Some(at));
            after
        };
        self.rewrite(corp, &change.key, confirmed).await.map(|_| ())
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
            .expression_attribute_values(":member", attr_s(values))
            .limit(ROSTER_PAGE);
        query = match after {
            None => query.key_condition_expression(names),
            Some(after) => query
                .key_condition_expression(format!("{names} AND customer > :after"))
                .expression_attribute_values(":after", attr_s(after.as_str())),
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
        key: &RelationKey,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        // The index may be behind; the row itself decides.
        let missing = |before: &Relation| before.missing(at);
        let rewritten = self.rewrite_existing(corp, key, missing).await?;
        Ok(rewritten.is_some_and(|rewritten| {
            let before = rewritten.before.as_ref();
            before.is_some_and(|before| before.lifecycle.is_active())
                && rewritten.after.status() == Status::Lost
        }))
    }
}

impl Store {
    /// The stored relations of these rows with their versions.
    async fn stored(
        &self,
        corp: &CorpId,
        rows: &[Observation],
    ) -> Result<HashMap<Key, (u64, Relation)>, StoreError> {
        let keys = rows.iter().map(|row| Key::relation(corp, &row.key()));
        let keys: HashSet<Key> = keys.collect();
        let found = self.batch_get_all(keys.into_iter().collect()).await?;
        let stored = found.into_iter().map(|(key, item)| {
            let row = from_row::<Row>(item)?;
            Ok((key, (row.version, row.relation()?)))
        });
        stored.collect()
    }

    /// Writes all or nothing; `false` if another process has written one of the rows since.
    async fn write_transaction(&self, writes: &[(&Observation, Row)]) -> Result<bool, StoreError> {
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
            .set_item(Some(to_row(row)?));
        let read = i64::try_from(row.version - 1).unwrap_or(i64::MAX);
        let put = match read {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            read => put
                .condition_expression("version = :read")
                .expression_attribute_values(":read", attr_n(read)),
        };
        let put = put
            .build()
            .map_err(|error| StoreError::unwritable("a follow relation", error))?;
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
            self.rewrite(corp, &row.key(), read).await?;
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
