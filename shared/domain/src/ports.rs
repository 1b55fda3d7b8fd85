//! What the rules ask of the outside world: one trait per capability.
//!
//! A function names the traits that it needs, and its role in the template allows the same and no more.
//! All methods are safe to repeat.

use std::future::Future;

use jiff::civil::Date;
use wecom::api::media::MediaKind;
use wecom::{
    AppName, CorpId, ExternalUserId, LinkId, MediaId, TagId, UserId, WelcomeCode, WelcomeMessage,
};

use crate::channel::{Channel, ChannelId, Remote};
use crate::event::{EventId, InboxEvent};
use crate::outcome::{TagsOutcome, WelcomeOutcome};
use crate::relation::{Change, Relation};
use crate::tally::{Days, Fact};
use crate::welcome::{Candidates, Source, Welcome};

/// A store that did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, or had no capacity. Trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds cannot be read.
    #[error("stored data cannot be read: {0}")]
    Unreadable(String),
    /// Somebody else changed the same thing at the same time, again and again.
    #[error("too many writers at once on {0}")]
    Contended(&'static str),
}

/// Whether an event was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Stored now.
    New,
    /// Stored before; nothing was written.
    Before,
}

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

/// Whose default welcome it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WelcomeOwner {
    /// The corp's.
    Corp,
    /// A member's.
    Member(UserId),
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
    /// Notes the corp tags that were put on a customer.
    fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
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

/// All that is stored about a customer apart from the events.
#[derive(Debug, Clone, Default)]
pub struct ContactRecord {
    /// One per member.
    pub relations: Vec<Relation>,
    /// Outcomes of welcomes by event.
    pub welcomes: Vec<(EventId, WelcomeOutcome)>,
    /// Outcomes of tags by event.
    pub tags: Vec<(EventId, TagsOutcome)>,
}

/// What an outcome is about.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The event.
    pub event: &'a InboxEvent,
    /// The member.
    pub userid: &'a UserId,
    /// The customer.
    pub external_userid: &'a ExternalUserId,
    /// The channel, where there is one.
    pub channel: Option<&'a ChannelId>,
    /// The corp's local day on which it counts.
    pub day: Date,
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

/// Sends welcomes.
pub trait SendWelcome {
    /// Sends one message with the code of one app (WeCom doc 92137).
    fn send_welcome(
        &self,
        corp: &CorpId,
        app: &AppName,
        code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> impl Future<Output = Result<(), wecom::Error>> + Send;
}

/// Reads names for texts.
pub trait ReadNames {
    /// Nickname of a customer (WeCom doc 92114).
    fn customer_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
    ) -> impl Future<Output = Result<String, wecom::Error>> + Send;
    /// Name of a member (WeCom doc 90196).
    fn member_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        member: &UserId,
    ) -> impl Future<Output = Result<String, wecom::Error>> + Send;
}

/// Puts tags on customers.
pub trait MarkTags {
    /// Adds `tags` for one pair (WeCom doc 92118). Tags that are on already stay.
    fn mark_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        pair: (&UserId, &ExternalUserId),
        tags: &[TagId],
    ) -> impl Future<Output = Result<(), wecom::Error>> + Send;
}

/// Writes remarks.
pub trait WriteRemark {
    /// Sets remark and description of one pair, those that are given (WeCom doc 92115).
    fn write_remark(
        &self,
        corp: &CorpId,
        app: &AppName,
        pair: (&UserId, &ExternalUserId),
        remark: Option<&str>,
        description: Option<&str>,
    ) -> impl Future<Output = Result<(), wecom::Error>> + Send;
}

/// Makes and changes what stands behind a channel at WeCom.
pub trait KeepRemoteChannel {
    /// Makes the contact way or link of `channel` (WeCom docs 92228 and 97297).
    fn make(
        &self,
        corp: &CorpId,
        channel: &Channel,
    ) -> impl Future<Output = Result<Remote, wecom::Error>> + Send;
    /// Looks for what an earlier [`make`](Self::make) made whose answer was lost. A link does not say which
    /// channel it is of, so those of other channels, `taken`, are passed over.
    fn find(
        &self,
        corp: &CorpId,
        channel: &Channel,
        taken: &[LinkId],
    ) -> impl Future<Output = Result<Option<Remote>, wecom::Error>> + Send;
    /// Sends what differs between the two, and nothing if nothing does.
    fn update(
        &self,
        corp: &CorpId,
        before: &Channel,
        after: &Channel,
    ) -> impl Future<Output = Result<(), wecom::Error>> + Send;
    /// Deletes it. One that is gone already is deleted.
    fn delete(
        &self,
        corp: &CorpId,
        channel: &Channel,
    ) -> impl Future<Output = Result<(), wecom::Error>> + Send;
}

/// Looks tags up.
pub trait ReadTags {
    /// Those of `tags` of which WeCom says that they do not exist (WeCom doc 92117). A look-up that fails
    /// for another reason accuses none.
    fn missing_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        tags: &[TagId],
    ) -> impl Future<Output = Result<Vec<TagId>, wecom::Error>> + Send;
}

/// Tells how the apps stand with WeCom.
pub trait ReadApps {
    /// The token of one app.
    fn app_state(
        &self,
        corp: &CorpId,
        app: &AppName,
    ) -> impl Future<Output = Result<AppState, StoreError>> + Send;
}

/// How an app stands with WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "token", rename_all = "snake_case")]
pub enum AppState {
    /// No token was fetched yet.
    None,
    /// There is a token, and it lives until then (Unix seconds).
    Valid {
        /// Unix seconds.
        expires_at: i64,
    },
    /// WeCom refuses the credentials. No call is made but a probe an hour, for WeCom bans the address of
    /// who keeps asking (error 45009).
    Broken {
        /// WeCom's code.
        errcode: i64,
        /// Unix seconds.
        since: i64,
    },
}

/// Uploads media.
pub trait UploadMedia {
    /// Fetches `source` and uploads it as temporary media (WeCom doc 90253).
    fn upload(
        &self,
        corp: &CorpId,
        app: &AppName,
        source: &Source,
        kind: MediaKind,
    ) -> impl Future<Output = Result<MediaId, UploadError>> + Send;
}

/// A source that did not become media.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UploadError {
    /// The source could not be fetched, or is not what WeCom takes; says what and what to do.
    #[error("{0}")]
    Source(String),
    /// WeCom refused it.
    #[error(transparent)]
    Wecom(#[from] wecom::Error),
}
