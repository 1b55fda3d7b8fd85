//! Follow relations, changed under optimistic locking.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{ChangeRelation, ReadRelation, StoreError};
use domain::relation::{Change, Relation};
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId, TagId, UserId};

use super::{Store, condition_held, item};
use crate::layout::Key;

/// Writers that may meet on one pair: two functions and a sync. Each loses at most once to each other.
const TRIES: usize = 8;

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    key: Key,
    /// Grows with every write; a writer who read another number reads again.
    version: u64,
    #[serde(flatten)]
    pub(super) relation: Relation,
}

impl ReadRelation for Store {
    async fn relation(
        &self,
        corp: &CorpId,
        (member, customer): (&UserId, &ExternalUserId),
    ) -> Result<Option<Relation>, StoreError> {
        let row = self
            .read_item::<Row>(&Key::relation(corp, customer, member))
            .await?;
        Ok(row.map(|row| row.relation))
    }
}

impl ChangeRelation for Store {
    async fn change(
        &self,
        corp: &CorpId,
        change: &Change,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        let key = Key::relation(corp, &change.external_userid, &change.userid);
        self.rewrite(&key, |before| change.apply(before)).await
    }

    async fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
    ) -> Result<(), StoreError> {
        let key = Key::relation(corp, &relation.external_userid, &relation.userid);
        let with_tags = |before: Option<&Relation>| {
            let mut after = before.unwrap_or(relation).clone();
            after.tag_ids.extend(tags.iter().cloned());
            after.tag_ids.sort();
            after.tag_ids.dedup();
            after
        };
        self.rewrite(&key, with_tags).await.map(|_| ())
    }
}

impl Store {
    /// Writes what `next` makes of the stored relation, and nothing if it is the same.
    async fn rewrite(
        &self,
        key: &Key,
        next: impl Fn(Option<&Relation>) -> Relation,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        for _ in 0..TRIES {
            let (before, version) = match self.read_item::<Row>(key).await? {
                Some(row) => (Some(row.relation), row.version),
                None => (None, 0),
            };
            let after = next(before.as_ref());
            if before.as_ref() == Some(&after) || self.write(key, version, &after).await? {
                return Ok((before, after));
            }
        }
        Err(StoreError::Contended("a follow relation"))
    }

    async fn write(
        &self,
        key: &Key,
        read_version: u64,
        relation: &Relation,
    ) -> Result<bool, StoreError> {
        let row = Row {
            key: key.clone(),
            version: read_version + 1,
            relation: relation.clone(),
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.data)
            .set_item(Some(item(&row)?));
        let put = if read_version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(read_version.to_string()))
        };
        condition_held(put.send().await)
    }
}
