//! Rows of the data table that are due: the index `by_due`.

use domain::channel::ChannelId;
use domain::due::Due;
use domain::error::StoreError;
use domain::event::EventId;
use domain::instant::UnixSeconds;
use domain::ports::DueStore;
use domain::welcome::WelcomeOwner;
use wecom::{CorpId, ExternalUserId, UserId};

use super::{Store, attr_s, from_row, unavailable};
use crate::layout::{self, Key};

impl DueStore for Store {
    async fn due(
        &self,
        corp: &CorpId,
        now: UnixSeconds,
        limit: i32,
    ) -> Result<Vec<Due>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .index_name("by_due");
        let query = query
            .key_condition_expression("due = :corp AND due_at <= :now")
            .expression_attribute_values(":corp", attr_s(corp.as_str()))
            .expression_attribute_values(":now", attr_s(layout::due_at(now)));
        let page = query.limit(limit).send().await.map_err(unavailable)?;
        let keys = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(from_row::<Key>);
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ok(keys.iter().filter_map(|key| due_of(corp, key)).collect())
    }
}

fn due_of(corp: &CorpId, key: &Key) -> Option<Due> {
    if key.pk == layout::channels(corp) {
        return ChannelId::parse(&key.sk).map(Due::Channel);
    }
    if key.pk == layout::welcomes(corp) {
        return Some(Due::Welcome(match key.sk.strip_prefix(layout::MEMBER) {
            Some(member) => WelcomeOwner::Member(UserId::from(member)),
            None => WelcomeOwner::Corp,
        }));
    }
    let customer = key
        .pk
        .strip_prefix(&layout::contact(corp, &ExternalUserId::from("")))?;
    Some(Due::Tags {
        external_userid: ExternalUserId::from(customer),
        event: key.sk.strip_prefix(layout::TAGS).and_then(EventId::parse)?,
    })
}
