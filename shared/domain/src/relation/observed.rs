//! A relation as WeCom returns it, and what a complete reading of a member's customers concludes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wecom::api::contact::{ExternalContact, FollowUser};
use wecom::{Private, TagId};

use super::{Relation, Status};
use crate::channel::ChannelId;
use crate::relation::{Observation, Reading};

/// A relation as WeCom returns it, without its tags and its state, in WeCom's own words (docs 92114 and 92994).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Since when the two are in contact, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub createtime: Option<i64>,
    /// How the customer came: an open list, 1 a code, 16 an acquisition link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_way: Option<i64>,
    /// Who made the relation: the member, the customer, or who assigned it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub oper_userid: String,
    /// The member's name for the customer.
    #[serde(skip_serializing_if = "Private::is_empty")]
    pub remark: Private,
    /// The member's notes.
    #[serde(skip_serializing_if = "Private::is_empty")]
    pub description: Private,
    /// The company that the member noted.
    #[serde(skip_serializing_if = "Private::is_empty")]
    pub remark_corp_name: Private,
    /// Phone numbers that the member noted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remark_mobiles: Vec<Private>,
}

impl Told {
    fn by(seen: &FollowUser) -> Self {
        let mobiles = seen.remark_mobiles.iter();
        Self {
            createtime: Some(seen.createtime).filter(|at| *at > 0),
            add_way: Some(seen.add_way),
            oper_userid: seen.oper_userid.clone(),
            remark: seen.remark.clone(),
            description: seen.description.clone(),
            remark_corp_name: seen.remark_corp_name.clone(),
            remark_mobiles: mobiles
                .filter(|mobile| !mobile.is_empty())
                .cloned()
                .collect(),
        }
    }
}

impl Relation {
    /// The relation after WeCom has returned `seen`, in answer to a call that began at `at`. It is `before`, unchanged
    /// in every field, if that is what was known or if more is known since.
    ///
    /// WeCom lists a customer who left as long as the member keeps the contact (doc 92130), so being listed does not
    /// undo a loss. It does undo an end that was only concluded, a removal, and a loss before the present relation
    /// began.
    #[must_use]
    pub fn observed(
        before: Option<&Self>,
        contact: &ExternalContact,
        seen: &FollowUser,
        at: Timestamp,
    ) -> Self {
        let customer = &contact.external_user_id;
        let unseen = || Self::unseen(seen.user_id.clone(), customer.clone());
        let mut after = before.cloned().unwrap_or_else(unseen);
        // An event has no finer time than its second.
        let second = at.as_second();
        if after.observed_at > Some(at) || after.status_at > second {
            return after;
        }
        // Of the same second, it may have been before the end: it says nothing against it, but the rest is good.
        let may_be_before_end = after.has_ended() && after.status_at == second;
        let told = Told::by(seen);
        let createtime = told.createtime.unwrap_or(second);
        // Also of one that was taken for active all the time, if neither its end nor its start was reported.
        let is_another = after
            .told
            .createtime
            .is_some_and(|known| createtime > known)
            && after.added_at < Some(createtime);
        let since_end = createtime > after.status_at
            || after.concluded && told.createtime == Some(after.status_at);
        let began_again = is_another || after.status != Status::Active && since_end;
        let was_wrong = after.status == Status::Removed || after.concluded;
        if !may_be_before_end && (before.is_none() || began_again || was_wrong) {
            if began_again || after.added_at.is_none() {
                after.begin(createtime);
            }
            // The time of a conclusion that was wrong is no event's, and says nothing of the pass after this one.
            let known_at = match after.concluded {
                true => after.added_at.unwrap_or(createtime),
                false => after.status_at,
            };
            after.status = Status::Active;
            after.status_at = createtime.max(known_at);
            after.concluded = false;
        }
        after.added_at.get_or_insert(createtime);
        after.unconfirmed = false;
        after.tag_ids = sorted(seen.tag_ids());
        after.take_state(seen);
        after.told = told;
        after.contact = Some(contact.clone());
        if before == Some(&after) {
            return after;
        }
        after.observed_at = Some(at);
        after
    }

    /// The same in answer to a `reading`, which an event may have asked for.
    #[must_use]
    pub fn read(before: Option<&Self>, row: &Observation, reading: Reading) -> Self {
        let Observation { contact, follow } = row;
        let after = Self::observed(before, contact, follow, reading.at);
        if !reading.for_event {
            return after;
        }
        Self {
            observed_at: after.observed_at.max(Some(reading.at)),
            ..after
        }
    }

    /// Whether a channel of ours brought the customer, and that was not known of the relation `before`. The customer may
    /// have left since: the add was one all the same.
    #[must_use]
    pub fn came_unnoticed(&self, before: Option<&Self>) -> bool {
        let channel = self.present_channel();
        channel.is_some() && channel != before.and_then(Self::present_channel)
    }

    /// Whether an event has reported its end, which is more than a reading can conclude.
    fn has_ended(&self) -> bool {
        self.status != Status::Active && !self.concluded
    }

    /// WeCom keeps the state of the way that was used last (fact sheet of doc 92114). One that no event has reported is
    /// attributed to the time at which the relation began; who comes back without a state keeps the channel of before
    /// as history.
    fn take_state(&mut self, seen: &FollowUser) {
        let state = Some(&seen.state).filter(|state| !state.is_empty());
        if self.state.as_ref() == state {
            return;
        }
        self.state = state.cloned();
        if let Some(state) = state {
            self.channel_id = ChannelId::parse(state.as_str());
            self.attributed_at = self.added_at;
        }
    }

    /// The relation after a complete reading of all customers of its member, which began at `at`, has not found it. It is lost, whoever ended it: WeCom does not say. An add that was heard of meanwhile, or that the
    /// member has yet to confirm, is no part of such a reading.
    #[must_use]
    pub fn missed(&self, at: Timestamp) -> Self {
        // An event of the second in which the reading began may be later than the beginning.
        let second = at.as_second();
        let known_since = self.observed_at >= Some(at) || self.status_at >= second;
        if self.status != Status::Active || self.unconfirmed || known_since {
            return self.clone();
        }
        Self {
            status: Status::Lost,
            status_at: second,
            concluded: true,
            observed_at: Some(at),
            ..self.clone()
        }
    }

    /// The relation after the bundle has put `tags` on at `at`.
    #[must_use]
    pub fn tagged(&self, tags: &[TagId], at: Timestamp) -> Self {
        Self {
            tag_ids: sorted(self.tag_ids.iter().chain(tags)),
            marked: sorted(self.marked.iter().chain(tags)),
            observed_at: self.observed_at.max(Some(at)),
            ..self.clone()
        }
    }

    /// Those of a channel's `tags` that the customer should have and does not, for a reason that is not a person's.
    #[must_use]
    pub fn lacks(&self, tags: &[TagId]) -> Vec<TagId> {
        let there = |tag: &TagId| self.tag_ids.contains(tag) || self.marked.contains(tag);
        tags.iter().filter(|tag| !there(tag)).cloned().collect()
    }
}

fn sorted<'a>(tags: impl Iterator<Item = &'a TagId>) -> Vec<TagId> {
    let mut tags: Vec<TagId> = tags.cloned().collect();
    tags.sort();
    tags.dedup();
    tags
}
