//! What is asked of the tables.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use wecom::{CorpId, ExternalUserId, TagId, UnionId, UserId};

use crate::channel::{Channel, ChannelId};
use crate::contact::{ContactRecord, Profile};
use crate::error::StoreError;
use crate::event::{EventId, InboxEvent, Stored};
use crate::outcome::{Subject, TagsOutcome, WelcomeOutcome};
use crate::relation::{Arrival, Change, Relation};
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

/// Reads events of the inbox.
pub trait ReadEvents {
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
}

/// Leaves events to the sync.
pub trait LeaveWork {
    /// Marks an event that is still stored as work: the sync asks WeCom about what the event is about.
    fn leave_to_sync(
        &self,
        event: &InboxEvent,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads the welcomes that may answer an add, in one round trip.
pub trait ReadWelcomes {
    /// Those of the channel, of the member and of the corp.
    fn candidates(
        &self,
        corp: &CorpId,
        channel: Option<&ChannelId>,
        member: &UserId,
    ) -> impl Future<Output = Result<Candidates, StoreError>> + Send;
}

/// Keeps the default welcomes.
pub trait KeepWelcomes {
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

/// Reads one channel.
pub trait ReadChannel {
    /// The channel, deleted ones included.
    fn channel(
        &self,
        corp: &CorpId,
        id: &ChannelId,
    ) -> impl Future<Output = Result<Option<Channel>, StoreError>> + Send;
}

/// Keeps the channels of a corp.
pub trait KeepChannels: ReadChannel {
    /// A page of channels in the order of their ids, after `cursor`, and the next cursor.
    fn channels(
        &self,
        corp: &CorpId,
        cursor: Option<&ChannelId>,
        limit: i32,
    ) -> impl Future<Output = Result<(Vec<Channel>, Option<ChannelId>), StoreError>> + Send;
    /// Writes `channel` if the stored one is still as it was when it was read: absent, or of the version
    /// `read`. Returns whether it was.
    fn put_channel(
        &self,
        corp: &CorpId,
        channel: &Channel,
        read: Option<u64>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
    /// Removes a channel that was never made at WeCom.
    fn forget_channel(
        &self,
        corp: &CorpId,
        id: &ChannelId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads one follow relation.
pub trait ReadRelation {
    /// The relation of a pair.
    fn relation(
        &self,
        corp: &CorpId,
        pair: (&UserId, &ExternalUserId),
    ) -> impl Future<Output = Result<Option<Relation>, StoreError>> + Send;
}

/// Changes follow relations.
pub trait ChangeRelation {
    /// Applies `change` and returns the relation before and after it. Two changes at once both hold.
    fn change(
        &self,
        corp: &CorpId,
        change: &Change,
    ) -> impl Future<Output = Result<(Option<Relation>, Relation), StoreError>> + Send;
    /// Applies an add with all that is known of it, in the same way.
    fn arrive(
        &self,
        corp: &CorpId,
        arrival: &Arrival,
    ) -> impl Future<Output = Result<(Option<Relation>, Relation), StoreError>> + Send;
    /// Records the corp tags that were applied to a customer at `at`.
    fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads what is known of a customer.
pub trait ReadContact {
    /// The relations of a customer, and the outcomes of the events about it.
    fn contact(
        &self,
        corp: &CorpId,
        customer: &ExternalUserId,
    ) -> impl Future<Output = Result<ContactRecord, StoreError>> + Send;
}

/// Keeps profiles.
pub trait KeepProfile {
    /// Stores a customer as WeCom returned it.
    fn put_profile(
        &self,
        corp: &CorpId,
        profile: &Profile,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Finds customers.
pub trait FindCustomers {
    /// The customers of a WeChat account: one per corp as a rule.
    fn customers_of_unionid(
        &self,
        corp: &CorpId,
        unionid: &UnionId,
    ) -> impl Future<Output = Result<Vec<ExternalUserId>, StoreError>> + Send;
}

/// Writes down how a welcome ended.
pub trait RecordWelcome {
    /// Stores `outcome`. The first that is written stays, but for `sent`, which replaces any other: it is
    /// the one that cannot be a mistake.
    fn record_welcome(
        &self,
        subject: &Subject<'_>,
        outcome: &WelcomeOutcome,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Writes down how tagging ended.
pub trait RecordTags {
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

/// Counts.
pub trait CountFacts {
    /// Counts `fact` on `day`, once per (member, customer, channel).
    fn count(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        pair: (&UserId, &ExternalUserId),
        fact: Fact,
        day: Date,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Counts the adds of one day, for limits. What is counted here is seen by whoever reads afterwards.
pub trait CountDay {
    /// Counts the add of a pair on `day`, once, and returns that member's adds of the day, this one included.
    fn count_today(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        pair: (&UserId, &ExternalUserId),
        day: Date,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// The adds of `day`, per member.
    fn days_counts(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        day: Date,
    ) -> impl Future<Output = Result<DayAdds, StoreError>> + Send;
}

/// Reads counts.
pub trait ReadCounts {
    /// The numbers of each day from `from` to `to`, both included.
    fn days(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        from: Date,
        to: Date,
    ) -> impl Future<Output = Result<Days, StoreError>> + Send;
}
