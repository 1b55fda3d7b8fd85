//! What the sync has to do: events that are not folded in, and things that are due.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use domain::channel::ChannelId;
use domain::event::{EventId, InboxEvent};
use domain::ports::{Due, FindWork, StoreError, WelcomeOwner};
use futures::{StreamExt, TryStreamExt};
use wecom::{CorpId, ExternalUserId, UserId};

use super::inbox::event_of_image;
use super::{Store, read, s, unavailable};
use crate::layout::{self, Key};

/// Updates of one transaction at most.
const TOGETHER: usize = 100;
/// Events that are marked one by one at the same time, after a transaction was refused.
const AT_ONCE: usize = 8;

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
        for together in events.chunks(TOGETHER) {
            let marks = together.iter().map(|event| self.mark(event));
            let marks = marks.collect::<Result<Vec<_>, _>>()?;
            let marked = self
                .client
                .transact_write_items()
                .set_transact_items(Some(marks))
                .send()
                .await;
            // One event that has expired, or that another process marks just now, refuses all.
            if marked.is_err() {
                let each = together.iter().cloned();
                let each = each.map(|event| async move { self.mark_alone(&event).await });
                let each = futures::stream::iter(each);
                each.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            }
        }
        Ok(())
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

/// Takes the marks of work away from an event that is still there.
const MARK: &str = "REMOVE #work, work_sort";

impl Store {
    fn mark(&self, event: &EventId) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.inbox)
            .key("id", s(event.as_str()))
            .update_expression(MARK)
            .expression_attribute_names("#work", "work")
            .condition_expression("attribute_exists(id)")
            .build();
        let update = update.map_err(|error| StoreError::Unreadable(error.to_string()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    async fn mark_alone(&self, event: &EventId) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.inbox)
            .key("id", s(event.as_str()))
            .update_expression(MARK)
            .expression_attribute_names("#work", "work");
        let marked = update
            .condition_expression("attribute_exists(id)")
            .send()
            .await;
        super::condition_held(marked).map(|_| ())
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
