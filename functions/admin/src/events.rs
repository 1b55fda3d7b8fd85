//! One event: all its fields, and what was done about it.

use domain::event::{EventId, InboxEvent};
use domain::outcome::{TagsOutcome, TagsResult, WelcomeOutcome, WelcomeResult};
use serde_json::{Map, Value, json};

use crate::refusal::Refusal;
use crate::{Admin, Answer, Scope, Store, Wecom};

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_event(&self, scope: &Scope, id: &str) -> Answer {
        let id = EventId::parse(id).ok_or(Refusal::NotFound("event"))?;
        let event = self
            .store
            .event(&id)
            .await?
            .filter(|event| event.corp == scope.corp);
        let event = event.ok_or(Refusal::NotFound("event"))?;
        let mut shown = view(&event);
        shown["fields"] = fields(&event);
        if let Some((_, customer)) = event.event.contact() {
            let record = self.store.contact(&scope.corp, customer).await?;
            let welcome = record
                .welcomes
                .iter()
                .find(|(of, _)| *of == id)
                .map(|(_, outcome)| outcome);
            let tags = record
                .tags
                .iter()
                .find(|(of, _)| *of == id)
                .map(|(_, outcome)| outcome);
            outcomes(&mut shown, &event, welcome, tags);
        }
        Ok((200, shown))
    }
}

/// The head of an event, as in timelines.
pub(crate) fn view(event: &InboxEvent) -> Value {
    let mut view = json!({
        "event_id": event.id,
        "event": event.event.name(),
        "app": event.app,
        "created_at": event.created_at,
        "received_at_ms": event.received_at_ms,
    });
    if let Some((userid, external_userid)) = event.event.contact() {
        view["userid"] = json!(userid);
        view["external_userid"] = json!(external_userid);
    }
    if let Some(state) = event.event.state() {
        view["state"] = json!(state);
    }
    view
}

/// Adds the outcomes that are due for `event`: what is not written down yet is pending.
pub(crate) fn outcomes(
    view: &mut Value,
    event: &InboxEvent,
    welcome: Option<&WelcomeOutcome>,
    tags: Option<&TagsOutcome>,
) {
    if event.asks_for_welcome() {
        view["welcome"] = welcome.map_or_else(
            || json!(WelcomeOutcome::new(WelcomeResult::Pending)),
            |known| json!(known),
        );
    }
    if event.asks_for_tags() {
        view["tags"] = tags.map_or_else(
            || json!(TagsOutcome::new(TagsResult::Pending)),
            |known| json!(known),
        );
    }
}

/// The fields by their paths; one that repeats is a list.
fn fields(event: &InboxEvent) -> Value {
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
    Value::Object(fields)
}
