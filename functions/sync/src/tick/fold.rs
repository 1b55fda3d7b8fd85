//! Pending events: for each thing that they are about, one call to WeCom.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::channel::Remote;
use domain::error::VendorError;
use domain::event::{EventId, InboxEvent};
use domain::group::{Fold, Group};
use domain::member::Member;
use domain::relation::{Change, ChangeKind, Observation, Reading};
use domain::work::Object;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use platform::metrics::Unit;
use serde_json::{Value, json};
use wecom::api::path;
use wecom::{ChatId, Error, ErrorCode, Event, ExternalUserId, LinkId, UserId};

use crate::calls::call;
use crate::meter::Meter;
use crate::reconcile::Why;
use crate::together;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

/// Events of one look at the index.
const EVENTS: i32 = 500;
/// By how much the details of a group may be behind an event about it (WeCom doc 92130).
const GROUP_LAG: SignedDuration = SignedDuration::from_secs(2);
/// An event that could not be applied for so long is left to the reconcile, which has run meanwhile.
const GIVE_UP_MS: i64 = 2 * 86_400_000;

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Folds events in as long as there are some and time is left; answers how many.
    pub(super) async fn fold_in(&self, scope: &Scope<'_>, meter: &Meter) -> Result<Value, Trouble> {
        let settle = i64::try_from(self.pace.settle.as_millis()).unwrap_or(i64::MAX);
        let until_ms = self.clock.unix_millis() - settle;
        let (mut folded, mut trouble) = (0, None);
        let held = AtomicBool::new(false);
        let held = &held;
        while scope.has_time() {
            let events = self.store.work(scope.corp, until_ms, EVENTS).await?;
            let more = i32::try_from(events.len()).is_ok_and(|length| length == EVENTS);
            let objects = by_object(events).into_iter();
            let objects = objects.map(|(object, events)| async move {
                let folded = if held.load(Ordering::Relaxed) {
                    Err(Trouble::Held)
                } else {
                    self.fold(scope, meter, &object, &events).await
                };
                if matches!(&folded, Err(trouble) if !is_about_object(trouble)) {
                    held.store(true, Ordering::Relaxed);
                }
                (object, events, folded)
            });
            let objects = objects.map(|folding| folding.map(Ok::<_, Trouble>));
            let objects = together::all(objects.collect(), scope.config.limits.in_flight).await?;
            let mut done: Vec<EventId> = Vec::new();
            for (object, events, folded) in objects {
                match folded {
                    Ok(()) => done.extend(events.into_iter().map(|event| event.id)),
                    Err(found) => {
                        done.extend(self.give_up(scope, &object, events, &found));
                        trouble = trouble.or(Some(found).filter(|found| !is_about_object(found)));
                    }
                }
            }
            self.store.folded(&done).await?;
            folded += done.len();
            if done.is_empty() || !more || held.load(Ordering::Relaxed) {
                break;
            }
        }
        self.metrics.put(
            "events_folded",
            Unit::Count,
            i64::try_from(folded).unwrap_or(i64::MAX),
            &[],
        );
        trouble.map_or(Ok(json!(folded)), Err)
    }

    /// The events that are not tried again: because WeCom refuses this thing permanently, or
    /// because they are too old.
    fn give_up(
        &self,
        scope: &Scope<'_>,
        object: &Object,
        events: Vec<InboxEvent>,
        trouble: &Trouble,
    ) -> Vec<EventId> {
        let oldest = self.clock.unix_millis() - GIVE_UP_MS;
        let hopeless = events
            .into_iter()
            .filter(|event| is_about_object(trouble) || event.received_at_ms < oldest);
        let hopeless: Vec<EventId> = hopeless.map(|event| event.id).collect();
        if !hopeless.is_empty() {
            let kind = kind(object);
            tracing::warn!(corp.id = %scope.corp, fold.object = kind, fold.events = hopeless.len(), fold.trouble = %trouble, "events are left to the reconcile");
            self.metrics
                .put("folds_given_up", Unit::Count, 1, &[("object", kind)]);
        }
        hopeless
    }

    async fn fold(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        object: &Object,
        events: &[InboxEvent],
    ) -> Result<(), Trouble> {
        match object {
            Object::Contact(customer) => self.fold_contact(scope, meter, customer, events).await,
            Object::Tags => self.read_tag_library(scope, meter, Why::Event).await,
            Object::Group(chat_id) => self.fold_group(scope, meter, chat_id, events).await,
            Object::Balance => self.read_balance(scope, meter).await,
            Object::Link(link_id) => self.fold_link(scope, link_id, events).await,
            Object::Member(userid) => self.fold_member(scope, meter, userid).await,
        }
    }

    /// Asks for a customer with all followers. An end that an event reported and that WeCom confirms by not knowing the
    /// relation is final: a page that was read before it comes too late.
    async fn fold_contact(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        customer: &ExternalUserId,
        events: &[InboxEvent],
    ) -> Result<(), Trouble> {
        let at = self.clock.now();
        let rows = self.followers(scope, meter, customer).await?;
        if !rows.is_empty() {
            let asked = Reading {
                at,
                for_event: true,
            };
            self.observe(scope, &rows, asked).await?;
        }
        let ends = events.iter().filter_map(Change::of).filter(|change| {
            let is_listed = rows.iter().any(|row| row.follow.user_id == change.userid);
            !is_listed && !matches!(change.kind, ChangeKind::Added { .. })
        });
        for change in ends {
            self.store.confirm_end(scope.corp, &change, at).await?;
        }
        Ok(())
    }

    /// The customer with every follower in sight; none if WeCom knows no relation.
    async fn followers(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        customer: &ExternalUserId,
    ) -> Result<Vec<Observation>, Trouble> {
        let (mut rows, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = call(scope, meter, path::GET_EXTERNAL_CONTACT, || {
                self.wecom
                    .followers(scope.corp, scope.app, customer, cursor.as_deref())
            });
            let page = match page.await {
                Ok(page) => page,
                Err(Trouble::Wecom(error))
                    if error.code().is_some_and(ErrorCode::is_no_contact) =>
                {
                    return Ok(rows);
                }
                Err(trouble) => return Err(trouble),
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

    /// Applies the events of a group, in their order, or reads the group: also if somebody has read it since
    /// it was read here.
    async fn fold_group(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        chat_id: &ChatId,
        events: &[InboxEvent],
    ) -> Result<(), Trouble> {
        let stored = self.store.group(scope.corp, chat_id).await?;
        if let Some(group) = stored.as_ref().and_then(|group| apply(group, events)) {
            if Some(&group) == stored.as_ref() {
                return Ok(());
            }
            if self.store.put_group(scope.corp, &group).await? {
                meter.change(|run| run.writes += 1);
                return Ok(());
            }
        }
        let how = (None, Why::Event);
        self.read_group(scope, meter, chat_id, how).await
    }

    /// A link that was deleted by hand brings no more customers: its channel is deleted.
    async fn fold_link(
        &self,
        scope: &Scope<'_>,
        link_id: &LinkId,
        events: &[InboxEvent],
    ) -> Result<(), Trouble> {
        let deleted_at = events.iter().find_map(|event| {
            matches!(event.event, Event::AcquisitionLinkDeleted(_)).then_some(event.created_at)
        });
        let Some(deleted_at) = deleted_at else {
            tracing::warn!(corp.id = %scope.corp, link.id = %link_id, "no member of an acquisition link can add customers");
            self.metrics.put("links_unavailable", Unit::Count, 1, &[]);
            return Ok(());
        };
        for mut channel in self.channels(scope).await? {
            if !channel.is_made_of(link_id) {
                continue;
            }
            let read = channel.version;
            channel.version += 1;
            channel.remote = Remote::Deleted { deleted_at };
            // One that an operator changes at this moment is found again by the next look at WeCom.
            self.store
                .put_channel(scope.corp, &channel, Some(read))
                .await?;
        }
        Ok(())
    }

    async fn fold_member(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        userid: &UserId,
    ) -> Result<(), Trouble> {
        let stored = self.store.members(scope.corp).await?;
        let stored: Option<&Member> = stored.iter().find(|member| member.userid == *userid);
        let follows = stored.is_some_and(|member| member.follows);
        self.read_member(scope, meter, userid, follows, None).await
    }
}

/// Whether the trouble is with this one thing, and neither passes nor would meet the next thing too.
fn is_about_object(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Wecom(VendorError::Wecom(error)) => match error {
            Error::Api { code, .. } => code.concerns_one_object(),
            Error::Unreadable { .. } | Error::Invalid { .. } => true,
            _ => false,
        },
        Trouble::Wecom(
            VendorError::AppNotConfigured { .. } | VendorError::ConfigurationUnreadable(_),
        ) => true,
        _ => false,
    }
}

/// The events by what they are about, each thing's in the order of their happening.
fn by_object(events: Vec<InboxEvent>) -> BTreeMap<Object, Vec<InboxEvent>> {
    let mut objects: BTreeMap<Object, Vec<InboxEvent>> = BTreeMap::new();
    for event in events {
        if let Some(object) = Object::of(&event.event) {
            objects.entry(object).or_default().push(event);
        }
    }
    for events in objects.values_mut() {
        events.sort_by_key(|event| (event.created_at, event.received_at_ms));
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
        let happened = Timestamp::from_second(event.created_at).unwrap_or_default();
        match group.fold(update, happened.saturating_add(GROUP_LAG).ok()?) {
            Fold::Known => {}
            Fold::Changed(changed) => group = *changed,
            Fold::Read => return None,
        }
    }
    Some(group)
}

fn kind(object: &Object) -> &'static str {
    match object {
        Object::Contact(_) => "contact",
        Object::Tags => "tags",
        Object::Group(_) => "group",
        Object::Balance => "balance",
        Object::Link(_) => "link",
        Object::Member(_) => "member",
    }
}
