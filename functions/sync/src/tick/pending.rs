//! Pending events: for each object that they are about, one call to WeCom.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::channel::Remote;
use domain::error::VendorError;
use domain::event::{EventId, InboxEvent};
use domain::group::{Fold, Group};
use domain::instant::UnixMillis;
use domain::relation::{Change, ChangeKind, Observation, Reading, Trigger};
use domain::work::RefreshTarget;
use futures::FutureExt;
use jiff::SignedDuration;
use operations::ending;
use platform::metrics::Unit;
use serde_json::{Value, json};
use wecom::api::path;
use wecom::{ChatId, Error, ErrorCode, Event, ExternalUserId, LinkId, UserId};

use crate::concurrent;
use crate::error::SyncError;
use crate::pass::Pass;
use crate::{Store, Wecom};

/// Events of one query of the index.
const EVENTS_PER_QUERY: i32 = 500;
/// By how much the details of a group may be behind an event about it (WeCom doc 92130).
const GROUP_LAG: SignedDuration = SignedDuration::from_secs(2);
/// An event that could not be applied for so long is left to the reconcile, which has run meanwhile.
const GIVE_UP_MS: i64 = 2 * 86_400_000;

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Applies pending events as long as there are some and time is left, and returns how many.
    pub(super) async fn apply_pending(&self) -> Result<Value, SyncError> {
        let settle = i64::try_from(self.tuning.settle.as_millis()).unwrap_or(i64::MAX);
        let until = UnixMillis::of(self.clock.now()).plus_millis(-settle);
        let (mut applied, mut first_error) = (0, None);
        let outage = &AtomicBool::new(false);
        while self.has_time() {
            let events = self
                .store
                .pending_events(self.corp, until, EVENTS_PER_QUERY)
                .await?;
            let more = i32::try_from(events.len()).is_ok_and(|length| length == EVENTS_PER_QUERY);
            let objects = by_object(events).into_iter();
            let objects = objects.map(|(object, events)| async move {
                let refreshed = if outage.load(Ordering::Relaxed) {
                    Err(SyncError::Outage)
                } else {
                    self.refresh(&object, &events).await
                };
                if matches!(&refreshed, Err(error) if !is_about_object(error)) {
                    outage.store(true, Ordering::Relaxed);
                }
                (object, events, refreshed)
            });
            let objects = objects.map(|refresh| refresh.map(Ok::<_, SyncError>));
            let objects = concurrent::try_join_bounded(
                objects.collect(),
                self.config.limits.concurrent_objects(),
            )
            .await?;
            // Without the app no reconcile has run that would make up for events that are given up.
            let keeps_old = objects.iter().any(|(_, _, refreshed)| {
                matches!(refreshed, Err(SyncError::Wecom(error)) if error.is_of_configuration())
            });
            let mut done: Vec<EventId> = Vec::new();
            for (object, events, refreshed) in objects {
                match refreshed {
                    Ok(()) => done.extend(events.into_iter().map(|event| event.id)),
                    Err(error) => {
                        done.extend(self.give_up(&object, events, &error, keeps_old));
                        first_error =
                            first_error.or(Some(error).filter(|error| !is_about_object(error)));
                    }
                }
            }
            self.store.mark_refreshed(&done).await?;
            applied += done.len();
            if done.is_empty() || !more || outage.load(Ordering::Relaxed) {
                break;
            }
        }
        self.metrics.put(
            "events_folded",
            Unit::Count,
            i64::try_from(applied).unwrap_or(i64::MAX),
            &[],
        );
        first_error.map_or(Ok(json!(applied)), Err)
    }

    /// The events that are not tried again: because WeCom refuses this thing permanently, or
    /// because they are too old, unless those are to be kept.
    fn give_up(
        &self,
        object: &RefreshTarget,
        events: Vec<InboxEvent>,
        error: &SyncError,
        keeps_old: bool,
    ) -> Vec<EventId> {
        let oldest = UnixMillis::of(self.clock.now()).plus_millis(-GIVE_UP_MS);
        let is_too_old = |event: &InboxEvent| !keeps_old && event.received_at < oldest;
        let given_up = events
            .into_iter()
            .filter(|event| is_about_object(error) || is_too_old(event));
        let given_up: Vec<EventId> = given_up.map(|event| event.id).collect();
        if !given_up.is_empty() {
            let kind = object.as_str();
            tracing::warn!(
                event = "pending.given_up",
                refresh.object = kind,
                refresh.events = given_up.len(),
                refresh.error = %error,
                wecom.errcode = error.errcode(),
                "events are left to the reconcile"
            );
            self.metrics
                .count_in_total("folds_given_up", &[("object", kind)]);
        }
        given_up
    }

    async fn refresh(
        &self,
        object: &RefreshTarget,
        events: &[InboxEvent],
    ) -> Result<(), SyncError> {
        match object {
            RefreshTarget::Contact(customer) => self.refresh_contact(customer, events).await,
            RefreshTarget::Tags => self.read_tag_library(Trigger::Event).await,
            RefreshTarget::Group(chat_id) => self.refresh_group(chat_id, events).await,
            RefreshTarget::Balance => self.read_balance().await,
            RefreshTarget::Link(link_id) => self.refresh_link(link_id, events).await,
            RefreshTarget::Member(userid) => self.refresh_member(userid).await,
        }
    }

    /// Asks for a customer with all followers. Ends that events reported are applied first, whatever WeCom lists: it
    /// still lists a customer who left, and the record that `tagging` applies may have been lost. An end that WeCom
    /// confirms by not knowing the relation is final: a page that was read before it comes too late.
    async fn refresh_contact(
        &self,
        customer: &ExternalUserId,
        events: &[InboxEvent],
    ) -> Result<(), SyncError> {
        let changes = events.iter().filter_map(Change::of);
        let ends: Vec<Change> = changes
            .filter(|change| !matches!(change.kind, ChangeKind::Added { .. }))
            .collect();
        for change in &ends {
            ending::apply(self.store, self.corp, change, self.timezone).await?;
        }
        let at = self.clock.now();
        let rows = self.followers(customer).await?;
        if !rows.is_empty() {
            let asked = Reading {
                at,
                trigger: Trigger::Event,
            };
            self.observe(&rows, asked).await?;
            // Of a relation whose add was lost as well, the channel is known only now.
            for change in &ends {
                if let Some(relation) = self.store.relation(self.corp, &change.key).await? {
                    ending::count(self.store, self.corp, &relation, self.timezone).await?;
                }
            }
        }
        for change in ends {
            let member = &change.key.member;
            if !rows.iter().any(|row| row.follow.user_id == *member) {
                self.store.confirm_end(self.corp, &change, at).await?;
            }
        }
        Ok(())
    }

    /// The customer with every follower in sight; none if WeCom knows no relation.
    async fn followers(&self, customer: &ExternalUserId) -> Result<Vec<Observation>, SyncError> {
        let (mut rows, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = self.call(path::GET_EXTERNAL_CONTACT, || {
                self.wecom
                    .followers(self.corp, self.app, customer, cursor.as_deref())
            });
            let page = match page.await {
                Ok(page) => page,
                Err(SyncError::Wecom(error))
                    if error.code().is_some_and(ErrorCode::is_no_contact) =>
                {
                    return Ok(rows);
                }
                Err(error) => return Err(error),
            };
            rows.extend(page.follow_user.into_iter().map(|follow| Observation {
                contact: page.external_contact.clone(),
                follow,
            }));
            if page.next_cursor.is_empty() {
                return Ok(rows);
            }
            cursor = Some(page.next_cursor);
        }
    }

    /// Applies the events of a group, in their order, or reads the group: also if another process has read it since
    /// it was read here.
    async fn refresh_group(
        &self,
        chat_id: &ChatId,
        events: &[InboxEvent],
    ) -> Result<(), SyncError> {
        let stored = self.store.group(self.corp, chat_id).await?;
        if let Some(group) = stored.as_ref().and_then(|group| apply(group, events)) {
            if Some(&group) == stored.as_ref() {
                return Ok(());
            }
            if self.store.put_group(self.corp, &group).await? {
                self.progress.change(|run| run.writes += 1);
                return Ok(());
            }
        }
        self.read_group(chat_id, None, Trigger::Event).await
    }

    /// A link that was deleted by hand brings no more customers: its channel is deleted.
    async fn refresh_link(&self, link_id: &LinkId, events: &[InboxEvent]) -> Result<(), SyncError> {
        let deleted_at = events.iter().find_map(|event| {
            matches!(event.event, Event::AcquisitionLinkDeleted(_)).then_some(event.created_at)
        });
        let Some(deleted_at) = deleted_at else {
            tracing::warn!(
                event = "link.unavailable",
                link.id = %link_id,
                "no member of an acquisition link can add customers"
            );
            self.metrics.put("links_unavailable", Unit::Count, 1, &[]);
            return Ok(());
        };
        for mut channel in self.channels().await? {
            if !channel.is_made_of(link_id) {
                continue;
            }
            let expected_version = channel.version;
            channel.version += 1;
            channel.remote = Remote::Deleted { deleted_at };
            // One that an operator changes at this moment is found again by the next look at WeCom.
            self.store
                .put_channel(self.corp, &channel, Some(expected_version))
                .await?;
        }
        Ok(())
    }

    async fn refresh_member(&self, userid: &UserId) -> Result<(), SyncError> {
        let stored = self.store.member(self.corp, userid).await?;
        let follows = stored.is_some_and(|member| member.follows);
        self.read_member(userid, follows, None).await
    }
}

/// Whether the error is about this one object: it does not pass, and another object would not meet it.
fn is_about_object(error: &SyncError) -> bool {
    match error {
        SyncError::Wecom(error) if error.concerns_app() => false,
        SyncError::Wecom(VendorError::Wecom(error)) => match error {
            Error::Api { code, .. } => code.concerns_one_object(),
            Error::Unreadable { .. } | Error::Invalid { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

/// The events by their object, in the order in which they happened.
fn by_object(events: Vec<InboxEvent>) -> BTreeMap<RefreshTarget, Vec<InboxEvent>> {
    let mut objects: BTreeMap<RefreshTarget, Vec<InboxEvent>> = BTreeMap::new();
    for event in events {
        if let Some(object) = RefreshTarget::of(&event.event) {
            objects.entry(object).or_default().push(event);
        }
    }
    for events in objects.values_mut() {
        events.sort_by_key(|event| (event.created_at, event.received_at));
    }
    objects
}

/// The group after the events, or `None` if it has to be read.
fn apply(group: &Group, events: &[InboxEvent]) -> Option<Group> {
    let mut group = group.clone();
    for event in events {
        let Event::UpdatedExternalChat(update) = &event.event else {
            return None;
        };
        let happened = event.created_at.timestamp();
        match group.fold(update, happened.saturating_add(GROUP_LAG).ok()?) {
            Fold::Known => {}
            Fold::Changed(changed) => group = *changed,
            Fold::Read => return None,
        }
    }
    Some(group)
}
