//! Applies what is missing because an event was lost, or WeCom took no calls when it came: tags, remark, description.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId};
use domain::error::{StoreError, VendorError};
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

/// Repairs at the same time. Their calls are as many as WeCom takes (`platform::in_flight`); the rest of them wait
/// there.
pub(crate) const MAX_CONCURRENT_REPAIRS: usize = 32;
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

    /// Does for an add what `tagging` could not do: applies the tags that are missing, then writes remark and
    /// description.
    ///
    /// # Errors
    /// If WeCom takes no calls of the corp now; then nothing was changed, and the add is due again.
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
        let mut outcome = match &channel {
            // It may have gone since.
            None => TagsOutcome::new(TagsResult::NoChannel),
            Some(channel) => self.mark_missing(event, &relation, channel).await?,
        };
        let is_tagged = matches!(outcome.outcome, TagsResult::Tagged | TagsResult::NoTags);
        if let (Some(channel), true) = (&channel, is_tagged) {
            match self.write_texts(event, &key, channel).await {
                Ok(()) => {}
                Err(SyncError::Wecom(error)) if !is_outage(&error) => {
                    outcome.remark_errcode = error.code();
                    outcome.reason = Some(format!("the remark was not written: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        self.record(event, &relation, outcome, before.attempts + 1)
            .await?;
        Ok(())
    }

    /// Applies the channel's tags that the relation lacks.
    async fn mark_missing(
        &self,
        event: &InboxEvent,
        relation: &Relation,
        channel: &Channel,
    ) -> Result<TagsOutcome, SyncError> {
        let wanted = &channel.spec.tag_ids;
        if wanted.is_empty() {
            return Ok(TagsOutcome::new(TagsResult::NoTags));
        }
        let tags = relation.lacks(wanted);
        if tags.is_empty() {
            return Ok(TagsOutcome::new(TagsResult::Tagged));
        }
        let marked = self.call(path::MARK_TAG, || {
            self.wecom
                .mark_tags(self.corp, &event.app, &relation.key, &tags)
        });
        match marked.await {
            Ok(()) => {
                let now = self.clock.now();
                self.store.add_tags(self.corp, relation, &tags, now).await?;
                Ok(TagsOutcome::new(TagsResult::Tagged))
            }
            Err(SyncError::Wecom(error)) if !is_outage(&error) => {
                let waits = error.is(ErrorCode::NOT_EXTERNAL_CONTACT)
                    && relation.lifecycle.is_unconfirmed();
                let result = if waits {
                    TagsResult::Pending
                } else {
                    TagsResult::Failed
                };
                let mut outcome = TagsOutcome::new(result).with_error(&error);
                outcome.retryable = error.class() == Class::Retry
                    && is_young(event, UnixMillis::of(self.clock.now()));
                Ok(outcome)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the channel's remark and description on a customer, which the next reading of the customer stores.
    async fn write_texts(
        &self,
        event: &InboxEvent,
        key: &RelationKey,
        channel: &Channel,
    ) -> Result<(), SyncError> {
        let spec = &channel.spec;
        if spec.remark.is_none() && spec.description.is_none() {
            return Ok(());
        }
        let name = if spec.remark_names_customer() {
            let name = self.call(path::GET_EXTERNAL_CONTACT, || {
                self.wecom
                    .customer_name(self.corp, &event.app, &key.customer)
            });
            Some(name.await?)
        } else {
            None
        };
        let remark = spec.remark_for(name.as_deref());
        self.call(path::REMARK, || {
            let (remark, description) = (remark.as_deref(), spec.description.as_deref());
            self.wecom
                .write_remark(self.corp, &event.app, key, remark, description)
        })
        .await?;
        Ok(self.store.mark_pending(event).await?)
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

/// Whether WeCom takes no calls of the corp now, so that another add would meet the same error.
pub(crate) fn is_outage(error: &VendorError) -> bool {
    error.class() == Class::Retry && error.code().is_none_or(ErrorCode::concerns_tenant)
}

/// Whether an event is young enough for another try at `now`. After that, the daily reconcile is the one who repairs.
fn is_young(event: &InboxEvent, now: UnixMillis) -> bool {
    const THREE_DAYS_MS: i64 = 3 * 86_400_000;
    now < event.received_at.plus_millis(THREE_DAYS_MS)
}
