//! Putting tags on that are missing: because an event was lost, or WeCom took no calls when it came.

use std::collections::HashMap;

use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::event::InboxEvent;
use domain::outcome::{Subject, TagsOutcome, TagsResult};
use domain::relation::Relation;
use wecom::api::path;
use wecom::{Class, TagId};

use crate::calls::call;
use crate::meter::Meter;
use crate::together;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

/// Repairs at the same time: fewer than the tags of new customers, who come first.
const AT_ONCE: usize = 2;
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

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Puts tags on. What is refused about one customer does not stop the others; what is refused about WeCom as a
    /// whole is left to the next run.
    pub(crate) async fn repair_all(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        lacking: Vec<(&Relation, Vec<TagId>)>,
    ) -> Result<(), Trouble> {
        let repairs = lacking.into_iter().map(|(relation, tags)| async move {
            match self.repair(scope, meter, relation, &tags).await {
                Err(Trouble::Wecom(error)) => {
                    tracing::warn!(corp.id = %scope.corp, wecom.error = %error, "missing tags could not be put on");
                    Ok(())
                }
                repaired => repaired,
            }
        });
        together::all(repairs.collect(), AT_ONCE).await.map(drop)
    }

    async fn repair(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        relation: &Relation,
        tags: &[TagId],
    ) -> Result<(), Trouble> {
        let pair = (&relation.userid, &relation.external_userid);
        call(scope, meter, path::MARK_TAG, || {
            self.wecom.mark_tags(scope.corp, scope.app, pair, tags)
        })
        .await?;
        let now = self.clock.now();
        let noted = self.store.add_tags(scope.corp, relation, tags, now);
        noted.await?;
        meter.change(|run| {
            run.repaired += 1;
            run.writes += 1;
        });
        Ok(self.tell_in_timeline(scope, relation).await?)
    }

    /// Records as tagged the adds of the pair whose tags are recorded as missing.
    async fn tell_in_timeline(
        &self,
        scope: &Scope<'_>,
        relation: &Relation,
    ) -> Result<(), StoreError> {
        let customer = &relation.external_userid;
        let events = self.store.events_of(scope.corp, customer, EVENTS).await?;
        let adds: Vec<&InboxEvent> = events
            .iter()
            .filter(|event| event.asks_for_tags())
            .filter(|event| {
                event
                    .event
                    .contact()
                    .is_some_and(|(member, _)| *member == relation.userid)
            })
            .collect();
        let done = self.store.tags_done(&adds).await?;
        for event in adds {
            let known = done.iter().find(|(id, _)| *id == event.id);
            if known.is_none_or(|(_, outcome)| outcome.outcome == TagsResult::Tagged) {
                continue;
            }
            let outcome = TagsOutcome::new(TagsResult::Tagged)
                .because("put on by the sync, after it had failed at first");
            let attempts = known.map_or(0, |(_, outcome)| outcome.attempts);
            self.record(scope, event, relation, outcome, attempts + 1)
                .await?;
        }
        Ok(())
    }

    /// Tries again to put the tags of an add on.
    pub(crate) async fn retry_tags(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        event: &InboxEvent,
        before: &TagsOutcome,
    ) -> Result<(), Trouble> {
        let Some(pair) = event.event.contact() else {
            return Ok(());
        };
        let Some(relation) = self.store.relation(scope.corp, pair).await? else {
            return Ok(());
        };
        let channel = match relation.present_channel() {
            Some(id) => self.store.channel(scope.corp, id).await?,
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
            let marked = call(scope, meter, path::MARK_TAG, || {
                self.wecom.mark_tags(scope.corp, &event.app, pair, &tags)
            });
            match marked.await {
                Ok(()) => {
                    self.store
                        .add_tags(scope.corp, &relation, &tags, self.clock.now())
                        .await?;
                    TagsOutcome::new(TagsResult::Tagged)
                }
                Err(Trouble::Wecom(error)) => {
                    let mut outcome = TagsOutcome::new(TagsResult::Failed).after(&error);
                    outcome.retryable =
                        error.class() == Class::Retry && is_young(event, self.clock.unix_millis());
                    outcome
                }
                Err(trouble) => return Err(trouble),
            }
        };
        self.record(scope, event, &relation, outcome, before.attempts + 1)
            .await?;
        Ok(())
    }

    async fn record(
        &self,
        scope: &Scope<'_>,
        event: &InboxEvent,
        relation: &Relation,
        mut outcome: TagsOutcome,
        attempts: u32,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        outcome.at = now.as_second();
        outcome.latency_ms = Some(now.as_millisecond() - event.received_at_ms);
        outcome.attempts = attempts;
        let subject = Subject {
            event,
            userid: &relation.userid,
            external_userid: &relation.external_userid,
            channel: relation.channel_id.as_ref(),
            day: now.to_zoned(scope.timezone.clone()).date(),
        };
        self.store.record_tags(&subject, &outcome).await
    }
}

/// Whether an event is young enough for another try at `now_ms` (Unix milliseconds). After that, the daily reconcile is the one who repairs.
fn is_young(event: &InboxEvent, now_ms: i64) -> bool {
    const THREE_DAYS_MS: i64 = 3 * 86_400_000;
    now_ms < event.received_at_ms + THREE_DAYS_MS
}
