//! A follow relation as an item of the data table.

use domain::error::StoreError;
use domain::relation::{Counted, Relation};
use domain::tally::Fact;
use serde::{Deserialize, Serialize};
use wecom::{CorpId, ExternalUserId};

use super::json;
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Row {
    #[serde(flatten)]
    pub(in crate::store) key: Key,
    /// Grows with every write; a writer who read another number reads again.
    pub(in crate::store) version: u64,
    /// The relation as JSON: no attribute of it is searched for, and one string is read and written faster than thirty.
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
    /// The row of `relation` that replaces one of the version `read_version`; 0 if there is none.
    pub(in crate::store) fn after(
        corp: &CorpId,
        read_version: u64,
        relation: &Relation,
    ) -> Result<Self, StoreError> {
        let customer = &relation.key.customer;
        let is_active = relation.lifecycle.is_active();
        let contact = relation.snapshot.contact.as_ref();
        let unionid = contact.map(|contact| &contact.unionid);
        let unionid = unionid.filter(|unionid| !unionid.is_empty());
        let counted = relation.counted.as_ref();
        Ok(Self {
            key: Key::relation(corp, &relation.key),
            version: read_version + 1,
            relation: json::write(relation)?,
            customer: customer.clone(),
            member: is_active.then(|| layout::member_customers(corp, &relation.key.member)),
            unionid: unionid.map(|unionid| layout::unionid(corp, unionid)),
            day: counted.map(|add| layout::day(corp, &add.channel, add.day)),
            day_sort: counted.map(|_| layout::day_sort(Fact::Added, &relation.key)),
        })
    }

    pub(in crate::store) fn relation(&self) -> Result<Relation, StoreError> {
        let mut relation = json::read(&self.relation, &self.customer)?;
        let counted = self.day.as_deref().and_then(layout::channel_and_date);
        relation.counted = counted.map(|(channel, day)| Counted { channel, day });
        Ok(relation)
    }
}
