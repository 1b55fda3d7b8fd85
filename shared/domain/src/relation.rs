//! A follow relation: one member and one customer, and what an event does to it.
//!
//! Events come late, twice and out of order (WeCom doc 90930), so a change carries its own time, and an older one never
//! undoes a newer one. What WeCom returns to a call (`observed.rs`) is applied between them, at the time of the call.

use jiff::civil::Date;
use wecom::{Event, State, TagId};

use crate::channel::ChannelId;
use crate::event::InboxEvent;
use crate::instant::UnixSeconds;

pub use add::AddRecord;
pub use key::RelationKey;
pub use lifecycle::{Evidence, Lifecycle, Stage, Status};
pub use observation::{Attributed, Comparison, Observation, Reading, Trigger};
pub use snapshot::{FollowSnapshot, Snapshot};

mod add;
mod key;
mod lifecycle;
mod observation;
mod observed;
mod snapshot;

/// One member's relation to one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The member and the customer.
    pub key: RelationKey,
    /// Whether it holds, and since when.
    pub lifecycle: Lifecycle,
    /// The way by which the customer came last; `None` if none had a `state`.
    pub attribution: Option<Attribution>,
    /// What WeCom returned last.
    pub snapshot: Snapshot,
    /// The corp tags of the customer.
    pub tags: Tags,
    /// The add that counts with the relation itself: the one by its first channel, which saves nearly every customer a
    /// row. It is stored as keys of the day's numbers, and not shown.
    pub counted: Option<Counted>,
}

/// The way by which a customer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// `state` of the way that the customer used last; `None` if the customer came back without one.
    pub state: Option<State>,
    /// The channel of the last state, if it is ours.
    pub channel: Option<ChannelId>,
    /// Time of the add that brought the state.
    pub since: UnixSeconds,
}

/// The corp tags of one relation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Those that the customer is known to have, in the order of their ids.
    pub current: Vec<TagId>,
    /// Those that the bundle applied in the present relation. One that is not among the current ones was removed by a
    /// person, and is not applied again.
    pub applied_by_bundle: Vec<TagId>,
}

/// An add that counts for a channel's numbers of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The channel.
    pub channel: ChannelId,
    /// The corp's local day.
    pub day: Date,
}

/// What an event says about a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The member and the customer.
    pub key: RelationKey,
    /// Time of the event.
    pub at: UnixSeconds,
    /// What happened.
    pub kind: ChangeKind,
}

/// The ways in which a relation changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Member and customer came into contact.
    Added {
        /// `state` of the way used.
        state: Option<State>,
        /// Whether the member has yet to confirm.
        half: bool,
    },
    /// The customer deleted or blocked the member.
    CustomerLeft,
    /// The member deleted the customer.
    MemberRemoved,
}

impl Change {
    /// The change that `event` makes, if it is about a relation's start or end.
    #[must_use]
    pub fn of(event: &InboxEvent) -> Option<Self> {
        let kind = match &event.event {
            Event::AddedExternalContact(added) => ChangeKind::Added {
                state: added.state.clone(),
                half: false,
            },
            Event::AddedHalfExternalContact(added) => ChangeKind::Added {
                state: added.state.clone(),
                half: true,
            },
            Event::DeletedFollowUser(_) => ChangeKind::CustomerLeft,
            Event::DeletedExternalContact(_) => ChangeKind::MemberRemoved,
            _ => return None,
        };
        Some(Self {
            key: RelationKey::of(&event.event)?,
            at: event.created_at,
            kind,
        })
    }

    /// The relation after this change.
    #[must_use]
    pub fn apply(&self, before: Option<&Relation>) -> Relation {
        let mut after = before.cloned().unwrap_or_else(|| self.first());
        match &self.kind {
            ChangeKind::Added { state, half } => self.add(&mut after, state.as_ref(), *half),
            ChangeKind::CustomerLeft => {
                let life = &mut after.lifecycle;
                life.lost_at = life.lost_at.max(Some(self.at));
                self.end(&mut after, self.lost());
            }
            ChangeKind::MemberRemoved => {
                self.end(&mut after, Stage::Removed { at: self.at });
            }
        }
        after
    }

    /// A relation of which nothing is known but this change.
    fn first(&self) -> Relation {
        let lifecycle = match &self.kind {
            ChangeKind::Added { half, .. } => Lifecycle::active(self.at, *half),
            ChangeKind::CustomerLeft => Lifecycle::ended(self.lost()),
            ChangeKind::MemberRemoved => Lifecycle::ended(Stage::Removed { at: self.at }),
        };
        Relation::new(self.key.clone(), lifecycle)
    }

    fn lost(&self) -> Stage {
        Stage::Lost {
            at: self.at,
            evidence: Evidence::Event,
        }
    }

    fn add(&self, relation: &mut Relation, state: Option<&State>, half: bool) {
        let known = relation.lifecycle;
        // The second of an inferred end is the one in which its listing began: an add in it may have come after.
        let follows_inference = known.end_is_inferred() && self.at == known.known_at();
        if self.at > known.known_at() || follows_inference {
            if !known.is_active() || known.added_at.is_none() {
                relation.begin(self.at);
            }
            relation.lifecycle.stage = Stage::Active {
                confirmed_at: self.at,
                unconfirmed: half,
            };
        } else if self.at == known.known_at() && !half {
            relation.lifecycle.confirm();
        }
        relation.lifecycle.added_at.get_or_insert(self.at);
        let known = relation.attribution.as_ref();
        let is_latest = known.is_none_or(|known| self.at >= known.since);
        if let Some(state) = state.filter(|_| is_latest) {
            relation.attribution = Some(Attribution {
                channel: ChannelId::parse(state.as_str()),
                state: Some(state.clone()),
                since: self.at,
            });
        }
    }

    /// An end wins over a start of the same second: `CreateTime` has no finer resolution, and no customer is added
    /// again within the second. It also replaces an end that was only inferred.
    fn end(&self, relation: &mut Relation, stage: Stage) {
        let known = relation.lifecycle;
        let explains = known.end_is_inferred() && known.began_by(self.at);
        if self.at >= known.known_at() || explains {
            relation.lifecycle.stage = stage;
        }
    }
}

impl Relation {
    /// A relation of which only its life is known.
    #[must_use]
    pub fn new(key: RelationKey, lifecycle: Lifecycle) -> Self {
        Self {
            key,
            lifecycle,
            attribution: None,
            snapshot: Snapshot::default(),
            tags: Tags::default(),
            counted: None,
        }
    }

    /// The stage without its details.
    #[must_use]
    pub fn status(&self) -> Status {
        self.lifecycle.status()
    }

    /// Whether no channel has ever brought the customer: then the next add by one counts with the relation.
    #[must_use]
    pub fn is_uncounted(before: Option<&Self>) -> bool {
        before.is_none_or(|before| before.channel().is_none() && before.counted.is_none())
    }

    /// Whether adds by `channel` count with the relation. Those that do not count by rows of their own.
    #[must_use]
    pub fn counts(&self, channel: &ChannelId) -> bool {
        let counted = self.counted.as_ref();
        counted.is_some_and(|counted| counted.channel == *channel)
    }

    /// A new start has no tags of the old one.
    fn begin(&mut self, at: UnixSeconds) {
        self.lifecycle.added_at = Some(at);
        self.tags = Tags::default();
    }

    /// The channel that brought the customer last, also if that was before the present relation.
    #[must_use]
    pub fn channel(&self) -> Option<&ChannelId> {
        self.attribution.as_ref()?.channel.as_ref()
    }

    /// The channel that began the present relation, and not one before it.
    #[must_use]
    pub fn present_channel(&self) -> Option<&ChannelId> {
        let attribution = self.attribution.as_ref()?;
        attribution
            .channel
            .as_ref()
            .filter(|_| self.lifecycle.began_by(attribution.since))
    }

    /// The channel to which the customer's leaving counts, and when: the channel that brought the customer before.
    #[must_use]
    pub fn loss(&self) -> Option<(&ChannelId, UnixSeconds)> {
        let attribution = self.attribution.as_ref()?;
        let (channel, lost_at) = (attribution.channel.as_ref()?, self.lifecycle.lost_at?);
        (lost_at >= attribution.since).then_some((channel, lost_at))
    }
}

#[cfg(test)]
mod equal_times;
#[cfg(test)]
mod tests;
