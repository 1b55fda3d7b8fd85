//! Follow relations, changed under optimistic locking.

use domain::error::StoreError;
use domain::ports::RelationStore;
use domain::relation::{AddRecord, Change, Relation, RelationKey};
use jiff::Timestamp;
use wecom::{CorpId, TagId};

pub(super) use self::row::Row;
use super::{Item, Store, from_row, to_row};
use crate::layout::Key;

mod json;
mod row;

/// Writers that may meet on one pair: two functions and a sync. Each loses at most once to each other.
const MAX_TRIES: usize = 8;
/// What is named in errors.
const RELATION: &str = "a follow relation";

impl RelationStore for Store {
    async fn relation(
        &self,
        corp: &CorpId,
        key: &RelationKey,
    ) -> Result<Option<Relation>, StoreError> {
        let row = self.read_item::<Row>(&Key::relation(corp, key)).await?;
        row.map(|row| row.relation()).transpose()
    }

    async fn change(&self, corp: &CorpId, change: &Change) -> Result<Relation, StoreError> {
        let change_to = |before: Option<&Relation>| change.apply(before);
        let rewritten = self.rewrite(corp, &change.key, change_to).await?;
        Ok(rewritten.after)
    }

    async fn record_add(&self, corp: &CorpId, add: &AddRecord) -> Result<Relation, StoreError> {
        // Most customers who are added were never there: the write finds that out as well as a read before it.
        let first = add.apply(None);
        let row = Row::after(corp, 0, &first)?;
        if self.put_version(&to_row(&row)?, 0).await? {
            return Ok(first);
        }
        let with_add = |before: Option<&Relation>| add.apply(before);
        let rewritten = self.rewrite(corp, &add.change.key, with_add).await?;
        Ok(rewritten.after)
    }

    async fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let with_tags = |before: Option<&Relation>| before.unwrap_or(relation).tagged(tags, at);
        self.rewrite(corp, &relation.key, with_tags)
            .await
            .map(|_| ())
    }
}

/// The relation that an item of the data table holds, for who reads whole tables.
///
/// # Errors
/// [`StoreError::Unreadable`] if the item is none that the store has written.
pub fn relation_of_item(item: Item) -> Result<Relation, StoreError> {
    from_row::<Row>(item)?.relation()
}

/// A relation before and after it was written.
pub(super) struct Rewritten {
    /// `None` if there was none.
    pub(super) before: Option<Relation>,
    pub(super) after: Relation,
}

impl Store {
    /// Writes what `next` makes of the stored relation, and nothing if it is the same.
    pub(super) async fn rewrite(
        &self,
        corp: &CorpId,
        key: &RelationKey,
        next: impl Fn(Option<&Relation>) -> Relation,
    ) -> Result<Rewritten, StoreError> {
        let next = |before: Option<&Relation>| Some(next(before));
        let rewritten = self.rewrite_if(corp, key, next).await?;
        // `next` has made one, so it is there.
        rewritten.ok_or(StoreError::Contended(RELATION))
    }

    /// The same for a relation that exists. `None`: it does not, and nothing is written.
    pub(super) async fn rewrite_existing(
        &self,
        corp: &CorpId,
        key: &RelationKey,
        next: impl Fn(&Relation) -> Relation,
    ) -> Result<Option<Rewritten>, StoreError> {
        let next = |before: Option<&Relation>| before.map(&next);
        self.rewrite_if(corp, key, next).await
    }

    /// Writes what `next` makes of the stored relation, if it makes any, again from the beginning if another process
    /// has changed it meanwhile.
    async fn rewrite_if(
        &self,
        corp: &CorpId,
        key: &RelationKey,
        next: impl Fn(Option<&Relation>) -> Option<Relation>,
    ) -> Result<Option<Rewritten>, StoreError> {
        for _ in 0..MAX_TRIES {
            let stored = self.versioned(corp, key).await?;
            let (before, version) =
                stored.map_or((None, 0), |(relation, version)| (Some(relation), version));
            let Some(after) = next(before.as_ref()) else {
                return Ok(None);
            };
            if self.replace(corp, before.as_ref(), version, &after).await? {
                return Ok(Some(Rewritten { before, after }));
            }
        }
        Err(StoreError::Contended(RELATION))
    }

    /// The stored relation with the version of its row.
    async fn versioned(
        &self,
        corp: &CorpId,
        key: &RelationKey,
    ) -> Result<Option<(Relation, u64)>, StoreError> {
        let row = self.read_item::<Row>(&Key::relation(corp, key)).await?;
        row.map(|row| Ok((row.relation()?, row.version)))
            .transpose()
    }

    /// Writes `after` unless it equals `before`, which was read with `version`. Returns whether it is stored now.
    async fn replace(
        &self,
        corp: &CorpId,
        before: Option<&Relation>,
        version: u64,
        after: &Relation,
    ) -> Result<bool, StoreError> {
        if before == Some(after) {
            return Ok(true);
        }
        let row = Row::after(corp, version, after)?;
        self.put_version(&to_row(&row)?, version).await
    }
}
