//! One event: all its fields, and what was done about it.

use domain::event::EventId;
use serde_json::json;

use crate::refusal::Refusal;
use crate::view::EventView;
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
        let mut shown = EventView::from(&event).with_fields(&event);
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
            shown = shown.with_outcomes(&event, welcome, tags);
        }
        Ok((200, json!(shown)))
    }
}
