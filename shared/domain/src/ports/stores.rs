//! What is asked of the tables.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use wecom::{CorpId, ExternalUserId, TagId, UnionId, UserId};

use crate::channel::{Channel, ChannelId};
use crate::contact::{ContactRecord, Profile};
use crate::error::StoreError;
use crate::event::{EventId, InboxEvent, Stored};
use crate::instant::UnixMillis;
use crate::outcome::{Subject, TagsOutcome, WelcomeOutcome};
use crate::relation::{AddRecord, Change, Relation, RelationKey};
use crate::tally::{DayAdds, Days, Fact};
use crate::welcome::{Candidates, Welcome, WelcomeOwner};

/// Puts events into the inbox.
pub trait StoreEvent {
    /// Stores `event` unless its id is there already. When this returns `Ok`, the event is durable.
    fn store_event(
        &self,
        event: &InboxEvent,
    ) -> impl Future<Output = Result<Stored, StoreError>> + Send;
}

/// Reads events of the inbox table, and the index of those that are pending: the scheduled sync has still to ask WeCom
/// about their objects.
pub trait EventStore {
    /// One event.
    fn event(
        &self,
        id: &EventId,
    ) -> impl Future<Output = Result<Option<InboxEvent>, StoreError>> + Send;
    /// The newest events about one customer, newest first, at most `limit`.
    fn events_of(
        &self,
        corp: &CorpId,
        customer: &ExternalUserId,
        limit: i32,
    ) -> impl Future<Output = Result<Vec<InboxEvent>, StoreError>> + Send;
    /// Events that were received before `until` and are still pending, oldest first.
    fn pending_events(
        &self,
        corp: &CorpId,
        until: UnixMillis,
        limit: i32,
    ) -> impl Future<Output = Result<Vec<InboxEvent>, StoreError>> + Send;
    /// Records that these events are no longer pending.
    fn mark_refreshed(
        &self,
        events: &[EventId],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Marks an event that is still stored as work: the sync asks WeCom about what the event is about.
    fn mark_pending(
        &self,
        event: &InboxEvent,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Default welcomes, and the welcomes that may answer an add.
pub trait WelcomeStore {
    /// Those of the channel, of the member and of the corp.
    fn candidates(
        &self,
        corp: &CorpId,
        channel: Option<&ChannelId>,
        member: &UserId,
    ) -> impl Future<Output = Result<Candidates, StoreError>> + Send;
    /// One default.
    fn welcome(
        &self,
        corp: &CorpId,
        owner: &WelcomeOwner,
    ) -> impl Future<Output = Result<Option<Welcome>, StoreError>> + Send;
    /// All defaults of a corp.
    fn welcomes(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<Vec<(WelcomeOwner, Welcome)>, StoreError>> + Send;
    /// Stores a default, or removes it with `None`.
    fn put_welcome(
        &self,
        corp: &CorpId,
        owner: &WelcomeOwner,
        welcome: Option<&Welcome>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The channels of a corp.
pub trait ChannelStore {
    /// The channel, deleted ones included.
    fn channel(
        &self,
        corp: &CorpId,
        id: &ChannelId,
    ) -> impl Future<Output = Result<Option<Channel>, StoreError>> + Send;
    /// A page of channels in the order of their ids, after `cursor`, and the next cursor.
    fn channels(
        &self,
        corp: &CorpId,
        cursor: Option<&ChannelId>,
        limit: i32,
    ) -> impl Future<Output = Result<(Vec<Channel>, Option<ChannelId>), StoreError>> + Send;
    /// Writes `channel` if the stored row still has the version `expected_version`, or does not exist if that is
    /// `None`. Returns whether it did.
    fn put_channel(
        &self,
        corp: &CorpId,
        channel: &Channel,
        expected_version: Option<u64>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
    /// Removes a channel that was never made at WeCom.
    fn forget_channel(
        &self,
        corp: &CorpId,
        id: &ChannelId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Follow relations, one by one, as events change them.
pub trait RelationStore {
    /// The relation of a pair.
    fn relation(
        &self,
        corp: &CorpId,
        key: &RelationKey,
    ) -> impl Future<Output = Result<Option<Relation>, StoreError>> + Send;
    /// Applies `change` and returns the relation after it. Two changes at the same time both hold.
    fn change(
        &self,
        corp: &CorpId,
        change: &Change,
    ) -> impl Future<Output = Result<Relation, StoreError>> + Send;
    /// Applies an add with everything that is known of it, in the same way.
    fn record_add(
        &self,
        corp: &CorpId,
        add: &AddRecord,
    ) -> impl Future<Output = Result<Relation, StoreError>> + Send;
    /// Records the corp tags that were applied to a customer at `at`.
    fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Everything that is stored about one customer.
pub trait ContactStore {
    /// The relations of a customer, and the outcomes of the events about it.
    fn contact(
        &self,
        corp: &CorpId,
        customer: &ExternalUserId,
    ) -> impl Future<Output = Result<ContactRecord, StoreError>> + Send;
    /// Stores a customer as WeCom returned it.
    fn put_profile(
        &self,
        corp: &CorpId,
        profile: &Profile,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The customers of a WeChat account: one per corp as a rule.
    fn customers_of_unionid(
        &self,
        corp: &CorpId,
        unionid: &UnionId,
    ) -> impl Future<Output = Result<Vec<ExternalUserId>, StoreError>> + Send;
}

/// Outcomes of welcomes and of tagging, by event.
pub trait OutcomeStore {
    /// Stores `outcome`. The first that is written stays, but for `sent`, which replaces any other: it is
    /// the one that cannot be a mistake.
    fn record_welcome(
        &self,
        subject: &Subject<'_>,
        outcome: &WelcomeOutcome,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The outcomes of these events, by their ids.
    fn tags_done(
        &self,
        events: &[&InboxEvent],
    ) -> impl Future<Output = Result<Vec<(EventId, TagsOutcome)>, StoreError>> + Send;
    /// Stores `outcome`.
    fn record_tags(
        &self,
        subject: &Subject<'_>,
        outcome: &TagsOutcome,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Statistics of channels by day. What is counted is seen by every later read.
pub trait CountStore {
    /// Counts `fact` on `day`, once per (member, customer, channel).
    fn count(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        key: &RelationKey,
        fact: Fact,
        day: Date,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Counts the add of a pair on `day`, once, and returns that member's adds of the day, this one included.
    fn count_add_on(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        key: &RelationKey,
        day: Date,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// The adds of `day`, per member.
    fn adds_on(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        day: Date,
    ) -> impl Future<Output = Result<DayAdds, StoreError>> + Send;
    /// The numbers of each day from `from` to `to`, both included.
    fn days(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        from: Date,
        to: Date,
    ) -> impl Future<Output = Result<Days, StoreError>> + Send;
}
