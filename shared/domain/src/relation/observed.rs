//! A relation as WeCom returns it, and what a complete listing of a member's customers implies.

use jiff::Timestamp;
use wecom::TagId;
use wecom::api::contact::FollowUser;

use super::{
    Attribution, Evidence, FollowSnapshot, Lifecycle, Observation, Reading, Relation, Stage,
    Status, Trigger,
};
use crate::channel::ChannelId;
use crate::instant::UnixSeconds;

impl Relation {
    /// The relation after a call that began at `at` returned `row`. A call that began before what is known changes
    /// nothing.
    ///
    /// WeCom lists a customer who left as long as the member keeps the contact (doc 92130), so being listed does not
    /// undo a loss. It does undo an inferred end, a removal, and a loss before the present relation began.
    #[must_use]
    pub fn observed(before: Option<&Self>, row: &Observation, at: Timestamp) -> Self {
        // An event has no finer time than its second.
        let second = UnixSeconds::of(at);
        if let Some(before) = before
            && (before.snapshot.is_newer_than(at) || before.lifecycle.known_at() > second)
        {
            return before.clone();
        }
        let follow = FollowSnapshot::from(&row.follow);
        let createtime = follow.createtime.unwrap_or(second);
        let mut after = match before {
            Some(before) => before.clone(),
            None => Self::new(row.key(), Lifecycle::active(createtime, false)),
        };
        after.take_lifecycle(&follow, createtime, second);
        after.tags.current = sorted(row.follow.tag_ids());
        after.take_state(&row.follow, createtime);
        after.snapshot.follow = follow;
        after.snapshot.contact = Some(row.contact.clone());
        if before == Some(&after) {
            return after;
        }
        after.snapshot.observed_at = Some(at);
        after
    }

    /// The same in answer to `reading`, which an event may have caused.
    #[must_use]
    pub fn read(before: Option<&Self>, row: &Observation, reading: Reading) -> Self {
        let mut after = Self::observed(before, row, reading.at);
        if reading.trigger == Trigger::Event {
            after.snapshot.observed_by(reading.at);
        }
        after
    }

    /// Whether a channel of ours brought the customer, and that was not known of the relation `before`. The customer
    /// may have left since: the add counts all the same.
    #[must_use]
    pub fn is_newly_attributed(&self, before: Option<&Self>) -> bool {
        let channel = self.present_channel();
        channel.is_some() && channel != before.and_then(Self::present_channel)
    }

    /// Takes over that WeCom lists the relation, as made at `createtime`, in a call that began in `second`.
    fn take_lifecycle(
        &mut self,
        follow: &FollowSnapshot,
        createtime: UnixSeconds,
        second: UnixSeconds,
    ) {
        let known = self.lifecycle;
        let known_at = known.known_at();
        // In the same second, the call may have been before the end: it does not contradict it, but the rest is valid.
        let may_precede_end = known.end_was_reported() && known_at == second;
        // Also of a relation that was taken for active all the time, if neither its end nor its start was reported.
        let known_createtime = self.snapshot.follow.createtime;
        let is_another = known_createtime.is_some_and(|known| createtime > known)
            && known.added_at.is_none_or(|added| added < createtime);
        let began_after_end =
            createtime > known_at || known.end_is_inferred() && follow.createtime == Some(known_at);
        let began_again = is_another || !known.is_active() && began_after_end;
        let was_wrong = known.status() == Status::Removed || known.end_is_inferred();
        if !may_precede_end && (began_again || was_wrong) {
            if began_again || known.added_at.is_none() {
                self.begin(createtime);
            }
            // The time of an inferred end that was wrong is no event's, and does not limit later listings.
            let known_at = match known.end_is_inferred() {
                true => self.lifecycle.added_at.unwrap_or(createtime),
                false => known_at,
            };
            self.lifecycle.stage = Stage::Active {
                confirmed_at: createtime.max(known_at),
                unconfirmed: false,
            };
        }
        self.lifecycle.added_at.get_or_insert(createtime);
        self.lifecycle.confirm();
    }

    /// WeCom keeps the state of the way that was used last (doc 92114). A state that no event has reported is
    /// attributed to the time at which the relation began; a customer who comes back without a state keeps the channel
    /// of before as history.
    fn take_state(&mut self, seen: &FollowUser, createtime: UnixSeconds) {
        let state = Some(&seen.state).filter(|state| !state.is_empty());
        let known = self.attribution.as_ref();
        if known.and_then(|known| known.state.as_ref()) == state {
            return;
        }
        match (state, &mut self.attribution) {
            (Some(state), attribution) => {
                *attribution = Some(Attribution {
                    channel: ChannelId::parse(state.as_str()),
                    state: Some(state.clone()),
                    since: self.lifecycle.added_at.unwrap_or(createtime),
                });
            }
            (None, Some(attribution)) => attribution.state = None,
            (None, None) => {}
        }
    }

    /// The relation after a complete listing of its member's customers, which began at `at`, did not contain it. It is
    /// lost, whoever ended it: WeCom does not say. An add that was reported meanwhile, or that the member has yet to
    /// confirm, is not part of such a listing.
    #[must_use]
    pub fn missing(&self, at: Timestamp) -> Self {
        // An event of the second in which the listing began may be later than its beginning.
        let second = UnixSeconds::of(at);
        let is_known_since = self.snapshot.observed_at.is_some_and(|known| known >= at)
            || self.lifecycle.known_at() >= second;
        if !self.lifecycle.is_active() || self.lifecycle.is_unconfirmed() || is_known_since {
            return self.clone();
        }
        let mut after = self.clone();
        after.lifecycle.stage = Stage::Lost {
            at: second,
            evidence: Evidence::Inferred,
        };
        after.snapshot.observed_at = Some(at);
        after
    }

    /// The relation after the bundle applied `tags` at `at`.
    #[must_use]
    pub fn tagged(&self, tags: &[TagId], at: Timestamp) -> Self {
        let mut after = self.clone();
        after.tags.current = sorted(self.tags.current.iter().chain(tags));
        after.tags.applied_by_bundle = sorted(self.tags.applied_by_bundle.iter().chain(tags));
        after.snapshot.observed_by(at);
        after
    }

    /// Those of a channel's `tags` that the customer should have and does not have, unless a person removed them.
    #[must_use]
    pub fn lacks(&self, tags: &[TagId]) -> Vec<TagId> {
        let known = |tag: &TagId| {
            self.tags.current.contains(tag) || self.tags.applied_by_bundle.contains(tag)
        };
        tags.iter().filter(|tag| !known(tag)).cloned().collect()
    }
}

fn sorted<'a>(tags: impl Iterator<Item = &'a TagId>) -> Vec<TagId> {
    let mut tags: Vec<TagId> = tags.cloned().collect();
    tags.sort();
    tags.dedup();
    tags
}
