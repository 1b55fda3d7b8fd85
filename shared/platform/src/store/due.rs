//! Rows of the data table that are due: the index `by_due`.

use domain::channel::ChannelId;
use domain::due::{Due, DueCursor};
use domain::error::StoreError;
use domain::event::EventId;
use domain::instant::UnixSeconds;
use domain::ports::DueStore;
use domain::welcome::WelcomeOwner;
use wecom::{CorpId, ExternalUserId, UserId};

use super::{Store, attr_s, from_row, unavailable};
use crate::layout::{self, Key};

/// The attributes of a cursor: the keys of the index and of the table.
const CURSOR: [&str; 4] = ["due", "due_at", "pk", "sk"];

impl DueStore for Store {
    async fn due(
        &self,
        corp: &CorpId,
        now: UnixSeconds,
        cursor: Option<&DueCursor>,
        limit: i32,
    ) -> Result<(Vec<Due>, Option<DueCursor>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .index_name("by_due");
        let query = query
            .key_condition_expression("due = :corp AND due_at <= :now")
            .expression_attribute_values(":corp", attr_s(corp.as_str()))
            .expression_attribute_values(":now", attr_s(layout::due_at(now)));
        let start = cursor.map(|cursor| {
            let values = cursor.0.iter().map(attr_s);
            CURSOR.map(str::to_owned).into_iter().zip(values).collect()
        });
        let query = query.set_exclusive_start_key(start).limit(limit);
        let page = query.send().await.map_err(unavailable)?;
        let next = page.last_evaluated_key.as_ref().and_then(|key| {
            let value = |name: &str| key.get(name)?.as_s().ok().cloned();
            let values = CURSOR.map(value).into_iter().collect::<Option<_>>();
            values.map(DueCursor)
        });
        let keys = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(from_row::<Key>);
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let due = keys.iter().filter_map(|key| due_of(corp, key)).collect();
        Ok((due, next))
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
