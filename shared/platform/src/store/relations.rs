//! Follow relations, changed under optimistic locking.

use domain::error::StoreError;
use domain::ports::{ChangeRelation, ReadRelation};
use domain::relation::{Arrival, Change, Counted, Relation, Status};
use domain::tally::Fact;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId, TagId, UserId};

use super::{Item, Store, item, read};
use crate::layout::{self, Key};

mod short;

/// Writers that may meet on one pair: two functions and a sync. Each loses at most once to each other.
const TRIES: usize = 8;

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) key: Key,
    /// Grows with every write; a writer who read another number reads again.
    pub(super) version: u64,
    /// The relation as JSON: nothing in it is searched for, and one string is read and written faster than thirty.
    relation: String,
    /// The sort key of the two indexes that follow.
    customer: ExternalUserId,
    /// Of the index of active relations by member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    /// Of the index of customers by unionid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unionid: Option<String>,
    /// Of the index of numbers by day: the add that counts with the relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day_sort: Option<String>,
}

impl Row {
    /// The row of `relation` after one of the version `read_version`; 0 is none.
    pub(super) fn after(
        corp: &CorpId,
        read_version: u64,
        relation: &Relation,
    ) -> Result<Self, StoreError> {
        let customer = &relation.external_userid;
        let active = relation.status == Status::Active;
        let unionid = relation.contact.as_ref().map(|contact| &contact.unionid);
        let unionid = unionid.filter(|unionid| !unionid.is_empty());
        let counted = relation.counted.as_ref();
        let pair = (&relation.userid, customer);
        Ok(Self {
            key: Key::relation(corp, customer, &relation.userid),
            version: read_version + 1,
            relation: short::text(relation)?,
            customer: customer.clone(),
            member: active.then(|| layout::member_customers(corp, &relation.userid)),
            unionid: unionid.map(|unionid| layout::unionid(corp, unionid)),
            day: counted.map(|add| layout::day(corp, &add.channel, add.day)),
            day_sort: counted.map(|_| layout::day_sort(Fact::Added, pair)),
        })
    }

    pub(super) fn relation(&self) -> Result<Relation, StoreError> {
        let mut relation = short::relation(&self.relation, &self.customer)?;
        let counted = self.day.as_deref().and_then(layout::channel_and_date);
        relation.counted = counted.map(|(channel, day)| Counted { channel, day });
        Ok(relation)
    }
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
        row.map(|row| row.relation()).transpose()
    }
}

impl ChangeRelation for Store {
    async fn change(
        &self,
        corp: &CorpId,
        change: &Change,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        let key = Key::relation(corp, &change.external_userid, &change.userid);
        self.rewrite(corp, &key, |before| change.apply(before))
            .await
    }

    async fn arrive(
        &self,
        corp: &CorpId,
        arrival: &Arrival,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        let change = &arrival.change;
        let key = Key::relation(corp, &change.external_userid, &change.userid);
        // Most who come were never there: the write finds that out as well as a read before it.
        let first = arrival.apply(None);
        let row = Row::after(corp, 0, &first)?;
        if self.put_version(&item(&row)?, 0).await? {
            return Ok((None, first));
        }
        self.rewrite(corp, &key, |before| arrival.apply(before))
            .await
    }

    async fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::relation(corp, &relation.external_userid, &relation.userid);
        let with_tags = |before: Option<&Relation>| before.unwrap_or(relation).tagged(tags, at);
        self.rewrite(corp, &key, with_tags).await.map(|_| ())
    }
}

/// The relation that an item of the data table holds, for who reads whole tables.
///
/// # Errors
/// [`StoreError::Unreadable`] if the item is none that the store has written.
pub fn relation_of_item(item: Item) -> Result<Relation, StoreError> {
    read::<Row>(item)?.relation()
}

impl Store {
    /// Writes what `next` makes of the stored relation, and nothing if it is the same.
    pub(super) async fn rewrite(
        &self,
        corp: &CorpId,
        key: &Key,
        next: impl Fn(Option<&Relation>) -> Relation,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        for _ in 0..TRIES {
            let (before, version) = match self.read_item::<Row>(key).await? {
                Some(row) => (Some(row.relation()?), row.version),
                None => (None, 0),
            };
            let after = next(before.as_ref());
            if before.as_ref() == Some(&after) {
                return Ok((before, after));
            }
            let row = Row::after(corp, version, &after)?;
            if self.put_version(&item(&row)?, version).await? {
                return Ok((before, after));
            }
        }
        Err(StoreError::Contended("a follow relation"))
    }
}
