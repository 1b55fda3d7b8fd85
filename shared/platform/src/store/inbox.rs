//! The inbox: each event once, never changed.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::error::StoreError;
use domain::event::{EventId, InboxEvent, RELATION_EVENTS, Stored, WELCOME_EVENTS};
use domain::instant::{UnixMillis, UnixSeconds};
use domain::ports::{EventStore, StoreEvent};
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use wecom::{AppName, CorpId, ExternalUserId, Fields, Message, WelcomeCode};

use super::{Store, attr_s, condition_held, to_row, unavailable};
use crate::layout;

/// Events that are marked at the same time. A transaction of many would cost twice as much.
const MAX_CONCURRENT_MARKS: usize = 16;

/// An event as an item of the inbox table, and as an image of its stream.
#[derive(Serialize, Deserialize)]
struct Row {
    id: EventId,
    corp: CorpId,
    app: AppName,
    /// The event's name: the streams filter by it.
    name: String,
    created_at: UnixSeconds,
    #[serde(rename = "received_at_ms")]
    received_at: UnixMillis,
    /// [`MARKED`] if the welcome function handles the event, for the filter of its stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    for_welcome: Option<String>,
    /// [`MARKED`] if the tagging function handles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    for_tagging: Option<String>,
    /// All fields but the welcome code, as JSON: an item of one string is small and read in one go.
    fields: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    welcome_code: Option<WelcomeCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_sort: Option<String>,
    /// Of the index of events that the sync has still to fold in. An add has them only if tagging leaves it to the
    /// sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<CorpId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work_sort: Option<String>,
    expires_at: UnixSeconds,
}

/// The value of a mark. The filters of the template compare with it.
const MARKED: &str = "yes";
const DAY_SECONDS: i64 = 86_400;

impl Row {
    /// The row of an event that is kept for so many days.
    fn of(event: &InboxEvent, days: u16) -> Result<Self, StoreError> {
        let contact = event
            .event
            .contact()
            .map(|(_, customer)| layout::contact_events(&event.corp, customer));
        let is_work = event.is_left_to_sync();
        let name = event.event.name();
        let marked = |names: &[&str]| names.contains(&name).then(|| MARKED.to_owned());
        Ok(Self {
            id: event.id.clone(),
            corp: event.corp.clone(),
            app: event.app.clone(),
            name: name.to_owned(),
            for_welcome: marked(&WELCOME_EVENTS),
            for_tagging: marked(&RELATION_EVENTS),
            created_at: event.created_at,
            received_at: event.received_at,
            fields: serde_json::to_string(&event.fields)
                .map_err(|error| StoreError::unwritable("an event", error))?,
            welcome_code: event.welcome_code.clone(),
            contact_sort: contact
                .is_some()
                .then(|| layout::contact_sort(event.created_at, event.received_at, &event.id)),
            contact,
            work: is_work.then(|| event.corp.clone()),
            work_sort: is_work.then(|| layout::work_sort(event.received_at, &event.id)),
            expires_at: event
                .received_at
                .seconds()
                .plus_seconds(i64::from(days) * DAY_SECONDS),
        })
    }

    fn event(self) -> Result<InboxEvent, StoreError> {
        let fields: Fields = serde_json::from_str(&self.fields)
            .map_err(|error| StoreError::unreadable("the fields of an event", error))?;
        let message = Message::from_fields(fields);
        Ok(InboxEvent {
            id: self.id,
            corp: self.corp,
            app: self.app,
            created_at: self.created_at,
            received_at: self.received_at,
            fields: message.fields,
            welcome_code: self.welcome_code,
            event: message.event,
        })
    }
}

impl EventStore for Store {
    async fn event(&self, id: &EventId) -> Result<Option<InboxEvent>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.inbox)
            .key("id", attr_s(id.as_str()));
        let got = get
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        got.item.map(event_of_image).transpose()
    }

    async fn events_of(
        &self,
        corp: &CorpId,
        customer: &ExternalUserId,
        limit: i32,
    ) -> Result<Vec<InboxEvent>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.inbox)
            .index_name("by_contact");
        let query = query.key_condition_expression("contact = :contact");
        let query = query.expression_attribute_values(
            ":contact",
            attr_s(layout::contact_events(corp, customer)),
        );
        let page = query
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(unavailable)?;
        page.items
            .unwrap_or_default()
            .into_iter()
            .map(event_of_image)
            .collect()
    }

    async fn pending_events(
        &self,
        corp: &CorpId,
        until: UnixMillis,
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
            .expression_attribute_values(":corp", attr_s(corp.as_str()))
            .expression_attribute_values(":until", attr_s(format!("{:013}", until.get().max(0))));
        let page = query.limit(limit).send().await.map_err(unavailable)?;
        let events = page.items.unwrap_or_default().into_iter();
        // An item that cannot be read must not hold up the others for ever.
        Ok(events
            .filter_map(|item| match event_of_image(item) {
                Ok(event) => Some(event),
                Err(error) => {
                    tracing::error!(
                        event = "inbox.event_unreadable",
                        corp.id = %corp,
                        record.error = %error,
                        "an event in the index of work cannot be read"
                    );
                    None
                }
            })
            .collect())
    }

    async fn mark_refreshed(&self, events: &[EventId]) -> Result<(), StoreError> {
        let marks: Vec<_> = events
            .iter()
            .map(|event| self.clear_pending(event))
            .collect();
        let marks = futures::stream::iter(marks).buffer_unordered(MAX_CONCURRENT_MARKS);
        marks.try_collect().await
    }

    async fn mark_pending(&self, event: &InboxEvent) -> Result<(), StoreError> {
        let sort = layout::work_sort(event.received_at, &event.id);
        let update = self
            .update_marks(&event.id, "SET #work = :corp, work_sort = :sort")
            .expression_attribute_values(":corp", attr_s(event.corp.as_str()))
            .expression_attribute_values(":sort", attr_s(sort));
        condition_held(update.send().await).map(|_| ())
    }
}

/// Reads the event in an image of the inbox's stream.
///
/// # Errors
/// [`StoreError::Unreadable`] for an image that is not an event.
pub fn event_of_image(image: impl Into<serde_dynamo::Item>) -> Result<InboxEvent, StoreError> {
    let row: Row = serde_dynamo::from_item(image.into())
        .map_err(|error| StoreError::unreadable("an event", error))?;
    row.event()
}

impl StoreEvent for Store {
    async fn store_event(&self, event: &InboxEvent) -> Result<Stored, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.inbox)
            .set_item(Some(to_row(&Row::of(event, self.inbox_days)?)?));
        let result = put
            .condition_expression("attribute_not_exists(id)")
            .send()
            .await;
        Ok(if condition_held(result)? {
            Stored::New
        } else {
            Stored::Duplicate
        })
    }
}

impl Store {
    /// An update of the attributes by which an event is pending, if the event is still there.
    fn update_marks(&self, id: &EventId, expression: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.inbox)
            .key("id", attr_s(id.as_str()))
            .update_expression(expression)
            .expression_attribute_names("#work", "work")
            .condition_expression("attribute_exists(id)")
    }

    async fn clear_pending(&self, event: &EventId) -> Result<(), StoreError> {
        let update = self.update_marks(event, "REMOVE #work, work_sort");
        condition_held(update.send().await).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_marked_for_the_functions_that_handle_it() {
        let cases = [
            ("add_external_contact", true, true),
            ("del_follow_user", false, true),
            ("edit_external_contact", false, false),
        ];
        for (change, welcome, tagging) in cases {
            let message = Message::parse(&format!(
                "<xml><MsgType>event</MsgType><Event>change_external_contact</Event>\
                <ChangeType>{change}</ChangeType><CreateTime>1795579200</CreateTime>\
                <UserID>zhangsan</UserID><ExternalUserID>wm1</ExternalUserID></xml>"
            ));
            let (corp, app) = (CorpId::from("ww1"), AppName::from("contact"));
            let event =
                InboxEvent::receive(corp, app, message.unwrap(), jiff::Timestamp::UNIX_EPOCH);
            let row = Row::of(&event, layout::INBOX_DAYS).unwrap();
            let marks = [row.for_welcome.as_deref(), row.for_tagging.as_deref()];
            assert_eq!(
                marks,
                [welcome, tagging].map(|is| is.then_some("yes")),
                "{change}"
            );
            assert_eq!(row.expires_at, UnixSeconds(180 * 86_400));
            let row = Row::of(&event, 30).unwrap();
            assert_eq!(row.expires_at, UnixSeconds(30 * 86_400));
        }
    }
}
