//! An event, and what was done about it.

use domain::event::{EventId, InboxEvent};
use domain::instant::{UnixMillis, UnixSeconds};
use domain::outcome::{TagsOutcome, TagsResult, WelcomeOutcome, WelcomeResult};
use serde::Serialize;
use serde_json::{Map, Value, json};
use wecom::{AppName, ExternalUserId, State, UserId};

use crate::view::outcome::OutcomeView;

/// An event, as in timelines. The welcome code, which is a secret for 20 seconds, is never shown.
#[derive(Serialize)]
pub(crate) struct EventView<'a> {
    event_id: &'a EventId,
    event: &'a str,
    app: &'a AppName,
    created_at: UnixSeconds,
    received_at_ms: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    userid: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_userid: Option<&'a ExternalUserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome: Option<OutcomeView<WelcomeResult>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<OutcomeView<TagsResult>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Map<String, Value>>,
}

impl<'a> From<&'a InboxEvent> for EventView<'a> {
    fn from(event: &'a InboxEvent) -> Self {
        let (userid, external_userid) = event.event.contact().unzip();
        Self {
            event_id: &event.id,
            event: event.event.name(),
            app: &event.app,
            created_at: event.created_at,
            received_at_ms: event.received_at,
            userid,
            external_userid,
            state: event.event.state(),
            welcome: None,
            tags: None,
            fields: None,
        }
    }
}

impl EventView<'_> {
    /// Adds the outcomes that are due for `event`: what is not written down yet is pending.
    pub(crate) fn with_outcomes(
        mut self,
        event: &InboxEvent,
        welcome: Option<&WelcomeOutcome>,
        tags: Option<&TagsOutcome>,
    ) -> Self {
        if event.asks_for_welcome() {
            let pending = || OutcomeView::from(&WelcomeOutcome::new(WelcomeResult::Pending));
            self.welcome = Some(welcome.map_or_else(pending, OutcomeView::from));
        }
        if event.asks_for_tags() {
            let pending = || OutcomeView::from(&TagsOutcome::new(TagsResult::Pending));
            self.tags = Some(tags.map_or_else(pending, OutcomeView::from));
        }
        self
    }

    /// Adds all fields of the message.
    pub(crate) fn with_fields(self, event: &InboxEvent) -> Self {
        Self {
            fields: Some(fields(event)),
            ..self
        }
    }
}

/// The fields by their paths; one that repeats is a list.
fn fields(event: &InboxEvent) -> Map<String, Value> {
    let mut fields = Map::new();
    for (path, value) in event.fields.iter() {
        match fields.get_mut(path) {
            None => {
                fields.insert(path.to_owned(), value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    fields
}
