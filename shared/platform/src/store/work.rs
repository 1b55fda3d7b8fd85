//! What the sync has to do: pending events, and things that are due.

use domain::channel::ChannelId;
use domain::due::Due;
use domain::error::StoreError;
use domain::event::{EventId, InboxEvent};
use domain::ports::{FindWork, LeaveWork};
use domain::welcome::WelcomeOwner;
use futures::{StreamExt, TryStreamExt};
use wecom::{CorpId, ExternalUserId, UserId};

use super::inbox::event_of_image;
use super::{Store, condition_held, read, s, unavailable};
use crate::layout::{self, Key};

/// Events that are marked at the same time. A transaction of many would cost twice as much.
const AT_ONCE: usize = 16;

impl FindWork for Store {
    async fn work(
        &self,
        corp: &CorpId,
        until_ms: i64,
        limit: i32,
    ) -> Result<Vec<InboxEvent>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.inbox)
            .index_name("by_work");
        // Of one more digit than the sort keys begin with, so that it ends the events of its millisecond.
        let query = query
            .key_condition_expression("#work = :corp AND work_sort < :until")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":corp", s(corp.as_str()))
            .expression_attribute_values(":until", s(format!("{:013}", until_ms.max(0))));
        let page = query.limit(limit).send().await.map_err(unavailable)?;
        let events = page.items.unwrap_or_default().into_iter();
        // An item that cannot be read must not hold up the others for ever.
        Ok(events
            .filter_map(|item| match event_of_image(item) {
                Ok(event) => Some(event),
                Err(error) => {
                    tracing::error!(corp.id = %corp, record.error = %error, "an event in the index of work cannot be read");
                    None
                }
            })
            .collect())
    }

    async fn folded(&self, events: &[EventId]) -> Result<(), StoreError> {
        let marks: Vec<_> = events.iter().map(|event| self.mark(event)).collect();
        let marks = futures::stream::iter(marks).buffer_unordered(AT_ONCE);
        marks.try_collect().await
    }

    async fn due(&self, corp: &CorpId, now: i64, limit: i32) -> Result<Vec<Due>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .index_name("by_due");
        let query = query
            .key_condition_expression("due = :corp AND due_at <= :now")
            .expression_attribute_values(":corp", s(corp.as_str()))
            .expression_attribute_values(":now", s(layout::due_at(now)));
        let page = query.limit(limit).send().await.map_err(unavailable)?;
        let keys = page.items.unwrap_or_default().into_iter().map(read::<Key>);
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ok(keys.iter().filter_map(|key| due_of(corp, key)).collect())
    }
}

impl LeaveWork for Store {
    async fn leave_to_sync(&self, event: &InboxEvent) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.inbox)
            .key("id", s(event.id.as_str()))
            .update_expression("SET #work = :corp, work_sort = :sort")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":corp", s(event.corp.as_str()))
            .expression_attribute_values(
                ":sort",
                s(layout::work_sort(event.received_at_ms, &event.id)),
            );
        let left = update
            .condition_expression("attribute_exists(id)")
            .send()
            .await;
        condition_held(left).map(|_| ())
    }
}

impl Store {
    /// Takes the marks of work away from an event that is still there.
    async fn mark(&self, event: &EventId) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.inbox)
            .key("id", s(event.as_str()))
            .update_expression("REMOVE #work, work_sort")
            .expression_attribute_names("#work", "work");
        let marked = update
            .condition_expression("attribute_exists(id)")
            .send()
            .await;
        condition_held(marked).map(|_| ())
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
