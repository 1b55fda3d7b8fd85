//! Outcomes: one item per event and kind, in the partition of its customer.

use domain::error::StoreError;
use domain::event::{EventId, InboxEvent};
use domain::outcome::{Outcome, Subject, TagsOutcome, TagsResult, WelcomeOutcome, WelcomeResult};
use domain::ports::OutcomeStore;
use domain::tally::Fact;
use serde::{Deserialize, Serialize};

use super::{Due, Store, attr_s, condition_held, from_row};
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
pub(super) struct Row<R> {
    #[serde(flatten)]
    key: Key,
    #[serde(flatten)]
    pub(super) outcome: Outcome<R>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day_sort: Option<String>,
    /// Tags that are tried again.
    #[serde(flatten)]
    due: Due,
}

impl OutcomeStore for Store {
    async fn record_welcome(
        &self,
        subject: &Subject<'_>,
        outcome: &WelcomeOutcome,
    ) -> Result<(), StoreError> {
        let fact = match outcome.outcome {
            WelcomeResult::Sent => Some(Fact::Welcomed),
            WelcomeResult::TooLate | WelcomeResult::Failed => Some(Fact::WelcomeFailed),
            _ => None,
        };
        let counted = fact.zip(subject.channel);
        let corp = &subject.event.corp;
        let row = Row {
            key: Key::welcome_outcome(corp, &subject.relation.customer, &subject.event.id),
            outcome: outcome.clone(),
            day: counted.map(|(_, channel)| layout::day(corp, channel, subject.day)),
            day_sort: counted.map(|(fact, _)| layout::day_sort(fact, subject.relation)),
            due: Due::default(),
        };
        let put = self.put_row(&row)?;
        let put = match outcome.outcome {
            WelcomeResult::Sent => put,
            _ => put.condition_expression("attribute_not_exists(pk)"),
        };
        condition_held(put.send().await).map(|_| ())
    }

    async fn tags_done(
        &self,
        events: &[&InboxEvent],
    ) -> Result<Vec<(EventId, TagsOutcome)>, StoreError> {
        let keys: Vec<Key> = events.iter().filter_map(|event| tags_key(event)).collect();
        let mut done = Vec::new();
        for (key, item) in self.batch_get_all(keys).await? {
            let event = key.sk.strip_prefix(layout::TAGS).and_then(EventId::parse);
            let row: Row<TagsResult> = from_row(item)?;
            done.extend(event.map(|event| (event, row.outcome)));
        }
        Ok(done)
    }

    async fn record_tags(
        &self,
        subject: &Subject<'_>,
        outcome: &TagsOutcome,
    ) -> Result<(), StoreError> {
        let key = Key::tags_outcome(
            &subject.event.corp,
            &subject.relation.customer,
            &subject.event.id,
        );
        let row = Row {
            key,
            outcome: outcome.clone(),
            day: None,
            day_sort: None,
            due: Due::at(&subject.event.corp, outcome.retry_at()),
        };
        let put = self.put_row(&row)?;
        let put = match outcome.outcome {
            // Tags that are on are on; a repetition that fails does not take them off.
            TagsResult::Tagged => put,
            _ => put
                .condition_expression("attribute_not_exists(pk) OR outcome <> :tagged")
                .expression_attribute_values(":tagged", attr_s("tagged")),
        };
        condition_held(put.send().await).map(|_| ())
    }
}

fn tags_key(event: &InboxEvent) -> Option<Key> {
    let (_, customer) = event.event.contact()?;
    Some(Key::tags_outcome(&event.corp, customer, &event.id))
}
