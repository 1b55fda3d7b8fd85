//! Applies tags that are missing because an event was lost, or WeCom took no calls when it came.

use std::collections::HashMap;

use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::event::InboxEvent;
use domain::instant::{UnixMillis, UnixSeconds};
use domain::outcome::{Subject, TagsOutcome, TagsResult};
use domain::relation::{Relation, RelationKey};
use wecom::api::path;
use wecom::{Class, ErrorCode, TagId};

use crate::concurrent;
use crate::error::SyncError;
use crate::pass::Pass;
use crate::{Store, Wecom};

/// Repairs at the same time: fewer than calls for new customers, which have priority.
const MAX_CONCURRENT_REPAIRS: usize = 2;
/// Events of a customer among which the add is looked for.
const EVENTS: i32 = 50;

/// The tags that each channel applies.
pub(crate) struct ChannelTags(pub(crate) HashMap<ChannelId, Vec<TagId>>);

impl ChannelTags {
    /// The tags of its channel that a relation should have and does not.
    pub(crate) fn lacking(&self, relation: &Relation) -> Option<Vec<TagId>> {
        let tags = self.0.get(relation.present_channel()?)?;
        Some(relation.lacks(tags)).filter(|lacking| !lacking.is_empty())
    }
}

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Applies missing tags. A refusal about one customer does not stop the others; an error of the whole tenant is
    /// left to the next run.
    pub(crate) async fn repair_all(
        &self,
        lacking: Vec<(&Relation, Vec<TagId>)>,
    ) -> Result<(), SyncError> {
        let repairs = lacking.into_iter().map(|(relation, tags)| async move {
            match self.repair(relation, &tags).await {
                Err(SyncError::Wecom(error)) => {
                    tracing::warn!(
                        event = "repair.failed",
                        wecom.error = %error,
                        wecom.errcode = error.code().map(ErrorCode::get),
                        "missing tags could not be applied"
                    );
                    Ok(())
                }
                repaired => repaired,
            }
        });
        concurrent::try_join_bounded(repairs.collect(), MAX_CONCURRENT_REPAIRS)
            .await
            .map(drop)
    }

    async fn repair(&self, relation: &Relation, tags: &[TagId]) -> Result<(), SyncError> {
        self.call(path::MARK_TAG, || {
            self.wecom
                .mark_tags(self.corp, self.app, &relation.key, tags)
        })
        .await?;
        let now = self.clock.now();
        let noted = self.store.add_tags(self.corp, relation, tags, now);
        noted.await?;
        self.progress.change(|run| {
            run.repaired += 1;
            run.writes += 1;
        });
        Ok(self.record_in_timeline(relation).await?)
    }

    /// Records as tagged the adds of the pair whose tags are recorded as missing.
    async fn record_in_timeline(&self, relation: &Relation) -> Result<(), StoreError> {
        let customer = &relation.key.customer;
        let events = self.store.events_of(self.corp, customer, EVENTS).await?;
        let adds: Vec<&InboxEvent> = events
            .iter()
            .filter(|event| event.asks_for_tags())
            .filter(|event| {
                let contact = event.event.contact();
                contact.is_some_and(|(member, _)| *member == relation.key.member)
            })
            .collect();
        let done = self.store.tags_done(&adds).await?;
        for event in adds {
            let known = done.iter().find(|(id, _)| *id == event.id);
            if known.is_none_or(|(_, outcome)| outcome.outcome == TagsResult::Tagged) {
                continue;
            }
            let outcome = TagsOutcome::new(TagsResult::Tagged)
                .because("applied by the sync, after it had failed at first");
            let attempts = known.map_or(0, |(_, outcome)| outcome.attempts);
            self.record(event, relation, outcome, attempts + 1).await?;
        }
        Ok(())
    }

    /// Tries again to apply the tags of an add.
    pub(crate) async fn retry_tags(
        &self,
        event: &InboxEvent,
        before: &TagsOutcome,
    ) -> Result<(), SyncError> {
        let Some(key) = RelationKey::of(&event.event) else {
            return Ok(());
        };
        let Some(relation) = self.store.relation(self.corp, &key).await? else {
            return Ok(());
        };
        let channel = match relation.present_channel() {
            Some(id) => self.store.channel(self.corp, id).await?,
            None => None,
        };
        let wanted = channel.map(|channel| channel.spec.tag_ids);
        let tags = wanted.as_ref().map(|wanted| relation.lacks(wanted));
        let tags = tags.unwrap_or_default();
        let outcome = if tags.is_empty() {
            // The channel may have gone, or lost its tags, since it failed.
            TagsOutcome::new(match wanted {
                None => TagsResult::NoChannel,
                Some(wanted) if wanted.is_empty() => TagsResult::NoTags,
                Some(_) => TagsResult::Tagged,
            })
        } else {
            let marked = self.call(path::MARK_TAG, || {
                self.wecom.mark_tags(self.corp, &event.app, &key, &tags)
            });
            match marked.await {
                Ok(()) => {
                    self.store
                        .add_tags(self.corp, &relation, &tags, self.clock.now())
                        .await?;
                    TagsOutcome::new(TagsResult::Tagged)
                }
                Err(SyncError::Wecom(error)) => {
                    let mut outcome = TagsOutcome::new(TagsResult::Failed).with_error(&error);
                    outcome.retryable = error.class() == Class::Retry
                        && is_young(event, UnixMillis::of(self.clock.now()));
                    outcome
                }
                Err(error) => return Err(error),
            }
        };
        self.record(event, &relation, outcome, before.attempts + 1)
            .await?;
        Ok(())
    }

    async fn record(
        &self,
        event: &InboxEvent,
        relation: &Relation,
        mut outcome: TagsOutcome,
        attempts: u32,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        outcome.at = UnixSeconds::of(now);
        outcome.latency_ms = Some(UnixMillis::of(now).millis_since(event.received_at));
        outcome.attempts = attempts;
        let subject = Subject {
            event,
            relation: &relation.key,
            channel: relation.channel(),
            day: now.to_zoned(self.timezone.clone()).date(),
        };
        self.store.record_tags(&subject, &outcome).await
    }
}

/// Whether an event is young enough for another try at `now`. After that, the daily reconcile is the one who repairs.
fn is_young(event: &InboxEvent, now: UnixMillis) -> bool {
    const THREE_DAYS_MS: i64 = 3 * 86_400_000;
    now < event.received_at.plus_millis(THREE_DAYS_MS)
}
