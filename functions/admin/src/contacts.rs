//! What is known of one customer, and the timeline that explains it.

use std::collections::{BTreeSet, HashMap};

use domain::event::InboxEvent;
use serde_json::json;
use wecom::ExternalUserId;

use crate::events::{outcomes, view};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::{Admin, Answer, Scope, Store, Wecom};

/// Events of a timeline.
const PAGE: i32 = 100;
/// The longest timeline.
const LARGEST_PAGE: i32 = 500;

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_contact(&self, scope: &Scope, id: &str, input: &Input) -> Answer {
        let customer = ExternalUserId::from(id);
        let limit = input.limit(PAGE, LARGEST_PAGE)?;
        let (record, events) = tokio::try_join!(
            self.store.contact(&scope.corp, &customer),
            self.store.events_of(&scope.corp, &customer, limit)
        )?;
        if record.relations.is_empty() && events.is_empty() {
            return Err(Refusal::NotFound("contact"));
        }
        let welcomes: HashMap<_, _> = record.welcomes.into_iter().collect();
        let tags: HashMap<_, _> = record.tags.into_iter().collect();
        let entry = |event: &InboxEvent| {
            let mut entry = view(event);
            outcomes(
                &mut entry,
                event,
                welcomes.get(&event.id),
                tags.get(&event.id),
            );
            entry
        };
        let tag_ids: BTreeSet<_> = record
            .relations
            .iter()
            .flat_map(|relation| &relation.tag_ids)
            .collect();
        Ok((
            200,
            json!({
                "external_userid": customer,
                "relations": record.relations,
                "tags": tag_ids,
                "timeline": events.iter().map(entry).collect::<Vec<_>>(),
            }),
        ))
    }
}
