//! The inbox: each event once, never changed.

use domain::error::StoreError;
use domain::event::{EventId, InboxEvent, Stored};
use domain::ports::{ReadEvents, StoreEvent};
use serde::{Deserialize, Serialize};
use wecom::{AppName, CorpId, ExternalUserId, Fields, Message, WelcomeCode};

use super::{Store, condition_held, item, s, unavailable};
use crate::layout;

/// An event as an item of the inbox table, and as an image of its stream.
#[derive(Serialize, Deserialize)]
struct Row {
    id: EventId,
    corp: CorpId,
    app: AppName,
    /// The event's name: the streams filter by it.
    name: String,
    created_at: i64,
    received_at_ms: i64,
    /// All fields but the welcome code, as JSON: an item of one string is small and read in one go.
    fields: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    welcome_code: Option<WelcomeCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_sort: Option<String>,
    /// Of the index of events that the sync has still to fold in. An add has them only if tagging leaves it to the sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<CorpId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work_sort: Option<String>,
    expires_at: i64,
}

const DAY_SECONDS: i64 = 86_400;

impl Row {
    fn of(event: &InboxEvent) -> Result<Self, StoreError> {
        let contact = event
            .event
            .contact()
            .map(|(_, customer)| layout::contact_events(&event.corp, customer));
        let is_work = event.is_left_to_sync();
        Ok(Self {
            id: event.id.clone(),
            corp: event.corp.clone(),
            app: event.app.clone(),
            name: event.event.name().to_owned(),
            created_at: event.created_at,
            received_at_ms: event.received_at_ms,
            fields: serde_json::to_string(&event.fields)
                .map_err(|e| StoreError::Unreadable(e.to_string()))?,
            welcome_code: event.welcome_code.clone(),
            contact_sort: contact
                .is_some()
                .then(|| layout::contact_sort(event.created_at, event.received_at_ms, &event.id)),
            contact,
            work: is_work.then(|| event.corp.clone()),
            work_sort: is_work.then(|| layout::work_sort(event.received_at_ms, &event.id)),
            expires_at: event.received_at_ms / 1000 + layout::INBOX_DAYS * DAY_SECONDS,
        })
    }

    fn event(self) -> Result<InboxEvent, StoreError> {
        let fields: Fields = serde_json::from_str(&self.fields).map_err(|_| {
            StoreError::Unreadable("the fields of an event are not a list of pairs".into())
        })?;
        let message = Message::from_fields(fields);
        Ok(InboxEvent {
            id: self.id,
            corp: self.corp,
            app: self.app,
            created_at: self.created_at,
            received_at_ms: self.received_at_ms,
            fields: message.fields,
            welcome_code: self.welcome_code,
            event: message.event,
        })
    }
}

/// Reads the event in an image of the inbox's stream.
///
/// # Errors
/// [`StoreError::Unreadable`] for an image that is not an event.
pub fn event_of_image(image: impl Into<serde_dynamo::Item>) -> Result<InboxEvent, StoreError> {
    let row: Row = serde_dynamo::from_item(image.into())
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    row.event()
}

impl StoreEvent for Store {
    async fn store_event(&self, event: &InboxEvent) -> Result<Stored, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.inbox)
            .set_item(Some(item(&Row::of(event)?)?));
        let result = put
            .condition_expression("attribute_not_exists(id)")
            .send()
            .await;
        Ok(if condition_held(result)? {
            Stored::New
        } else {
            Stored::Before
        })
    }
}

impl ReadEvents for Store {
    async fn event(&self, id: &EventId) -> Result<Option<InboxEvent>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.inbox)
            .key("id", s(id.as_str()));
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
        let query = query
            .expression_attribute_values(":contact", s(layout::contact_events(corp, customer)));
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
}
