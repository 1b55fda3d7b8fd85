//! A follow relation: one member and one customer, and what an event does to it.
//!
//! Events come late, twice and out of order (WeCom doc 90930), so a change carries its own time and an
//! older one never undoes a newer one. What WeCom returns to a call (`observed.rs`) comes in between them, with
//! the time of the call.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use wecom::api::contact::ExternalContact;
use wecom::{Event, ExternalUserId, State, TagId, UserId};

use crate::channel::ChannelId;
use crate::event::InboxEvent;

pub use arrival::Arrival;
pub use observation::{Observation, Observed, Reading};
pub use observed::Told;

mod arrival;
mod observation;
mod observed;

/// Where a relation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Member and customer are in contact.
    Active,
    /// The customer left: deleted or blocked the member. Calls about the pair still work.
    Lost,
    /// The member removed the customer. Calls about the pair answer `NOT_EXTERNAL_CONTACT`.
    Removed,
}

/// One member's relation to one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// The member, as WeCom writes the id.
    pub userid: UserId,
    /// The customer.
    pub external_userid: ExternalUserId,
    /// Where it stands.
    pub status: Status,
    /// Time of the event that says so, in Unix seconds.
    pub status_at: i64,
    /// Start of the present relation, in Unix seconds; `None` while only its end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_at: Option<i64>,
    /// When the customer left last, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<i64>,
    /// Whether the customer came by a half add that the member has not confirmed yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// `state` of the way that the customer used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The channel of that state, if it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// Time of the add that brought the state, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed_at: Option<i64>,
    /// Corp tags that are known to be on the customer, in the order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_ids: Vec<TagId>,
    /// Tags that the bundle applied in the present relation. One that is no longer there was removed by a
    /// person, and is not applied again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<TagId>,
    /// What WeCom returned to the last call.
    #[serde(flatten)]
    pub told: Told,
    /// The customer as a person, as WeCom returned it at the same time. It is here and not in an item of its own
    /// because nearly every customer has one member: half the writes of a first sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ExternalContact>,
    /// When that call began, or when the bundle changed the tags itself, by the bundle's own clock. What was read
    /// before is older, and is dropped. Stored as `observed_at` (Unix seconds) and `observed_us` (microseconds beyond
    /// them).
    #[serde(flatten, with = "crate::instant::observed_at")]
    pub observed_at: Option<Timestamp>,
    /// Whether its end was concluded from a complete reading of the member's customers, and not reported by an event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concluded: bool,
    /// The add that counts with the relation itself: the one by its first channel, which saves nearly every customer a
    /// row. It is stored as keys of the day's numbers, and not shown.
    #[serde(skip)]
    pub counted: Option<Counted>,
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
    /// The member.
    pub userid: UserId,
    /// The customer.
    pub external_userid: ExternalUserId,
    /// Time of the event, in Unix seconds.
    pub at: i64,
    /// What happened.
    pub kind: ChangeKind,
}

/// The ways in which a relation changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// The two came into contact.
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
        let (userid, external_userid) = event.event.contact()?;
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
            userid: userid.clone(),
            external_userid: external_userid.clone(),
            at: event.created_at,
            kind,
        })
    }

    /// The relation after this change.
    #[must_use]
    pub fn apply(&self, before: Option<&Relation>) -> Relation {
        let unseen = || Relation::unseen(self.userid.clone(), self.external_userid.clone());
        let mut after = before.cloned().unwrap_or_else(unseen);
        match &self.kind {
            ChangeKind::Added { state, half } => self.add(&mut after, state.as_ref(), *half),
            ChangeKind::CustomerLeft => {
                after.lost_at = after.lost_at.max(Some(self.at));
                self.end(&mut after, Status::Lost);
            }
            ChangeKind::MemberRemoved => self.end(&mut after, Status::Removed),
        }
        after
    }

    fn add(&self, relation: &mut Relation, state: Option<&State>, half: bool) {
        // The second of a conclusion is the one in which its reading began: an add in it may have come after.
        let after_conclusion = relation.concluded && self.at == relation.status_at;
        if self.at > relation.status_at || after_conclusion {
            if relation.status != Status::Active || relation.added_at.is_none() {
                relation.begin(self.at);
            }
            relation.status = Status::Active;
            relation.status_at = self.at;
            relation.concluded = false;
            relation.unconfirmed = half;
        } else if self.at == relation.status_at && !half {
            relation.unconfirmed = false;
        }
        relation.added_at.get_or_insert(self.at);
        if let Some(state) = state.filter(|_| Some(self.at) >= relation.attributed_at) {
            relation.channel_id = ChannelId::parse(state.as_str());
            relation.state = Some(state.clone());
            relation.attributed_at = Some(self.at);
        }
    }

    /// An end wins over a start of the same second: `CreateTime` has no finer resolution, and nobody adds
    /// again within the second. It also says better what was only concluded.
    fn end(&self, relation: &mut Relation, status: Status) {
        let explains = relation.concluded && Some(self.at) >= relation.added_at;
        if self.at >= relation.status_at || explains {
            relation.status = status;
            relation.status_at = self.at;
            relation.concluded = false;
            relation.unconfirmed = false;
        }
    }
}

impl Relation {
    /// A relation that is not active, of which nothing else is known.
    #[must_use]
    pub fn unknown(userid: &UserId, external_userid: &ExternalUserId) -> Self {
        Self {
            status: Status::Removed,
            ..Self::unseen(userid.clone(), external_userid.clone())
        }
    }

    /// A relation of which nothing is known yet.
    pub(crate) fn unseen(userid: UserId, external_userid: ExternalUserId) -> Self {
        Self {
            userid,
            external_userid,
            status: Status::Active,
            status_at: i64::MIN,
            added_at: None,
            lost_at: None,
            unconfirmed: false,
            state: None,
            channel_id: None,
            attributed_at: None,
            tag_ids: Vec::new(),
            marked: Vec::new(),
            told: Told::default(),
            contact: None,
            observed_at: None,
            concluded: false,
            counted: None,
        }
    }

    /// Whether no channel has ever brought the customer: then the next add by one counts with the relation.
    #[must_use]
    pub fn is_uncounted(before: Option<&Self>) -> bool {
        before.is_none_or(|before| before.channel_id.is_none() && before.counted.is_none())
    }

    /// Whether adds by `channel` count with the relation. Those that do not count by rows of their own.
    #[must_use]
    pub fn counts(&self, channel: &ChannelId) -> bool {
        let counted = self.counted.as_ref();
        counted.is_some_and(|counted| counted.channel == *channel)
    }

    /// A new start has no tags of the old one.
    fn begin(&mut self, at: i64) {
        self.added_at = Some(at);
        self.tag_ids.clear();
        self.marked.clear();
    }

    /// The channel that began the present relation, and not one before it.
    #[must_use]
    pub fn present_channel(&self) -> Option<&ChannelId> {
        self.channel_id
            .as_ref()
            .filter(|_| self.attributed_at >= self.added_at)
    }

    /// The channel to which the customer's leaving counts, and when: the one that brought the customer
    /// before.
    #[must_use]
    pub fn loss(&self) -> Option<(&ChannelId, i64)> {
        let (channel, lost_at) = (self.channel_id.as_ref()?, self.lost_at?);
        (Some(lost_at) >= self.attributed_at).then_some((channel, lost_at))
    }
}

#[cfg(test)]
mod equal_times;
#[cfg(test)]
mod tests;
