//! The two tables, their keys and their indexes. Nothing else knows how a key is made.
//!
//! **Inbox** (`SCRM_INBOX_TABLE`): one item per event, written once and never changed. Its stream starts
//! the welcome and the tags. Key `id`; it expires after [`INBOX_DAYS`], or
//! as many days as the template's `InboxRetentionDays` says.
//!
//! | access | how |
//! | --- | --- |
//! | store an event unless it is there | `PutItem` if `id` is absent |
//! | one event | `GetItem` by `id` |
//! | the newest events about a customer | index `by_contact`: `contact` = `{corp}#{external_userid}`, `contact_sort` = `{created_at}#{received_at_ms}#{id}` |
//! | events that the sync has still to fold in | index `by_work`: `work` = `{corp}`, `work_sort` = `{received_at_ms}#{id}`; the sync takes the two attributes away when it is done |
//!
//! **Data** (`SCRM_DATA_TABLE`): everything else. Key `pk`, `sk`.
//!
//! | item | `pk` | `sk` | read by |
//! | --- | --- | --- | --- |
//! | channel | `{corp}#channels` | `{channel}` | key (welcome, tagging, admin), page (admin) |
//! | default welcome of the corp | `{corp}#welcomes` | `corp` | key with the channel (welcome), page (admin) |
//! | default welcome of a member | `{corp}#welcomes` | `member#{userid}` | the same |
//! | profile | `{corp}#contact#{external_userid}` | `profile` | partition (admin) |
//! | follow relation | `{corp}#contact#{external_userid}` | `relation#{userid}` | key (tagging), partition (admin) |
//! | outcome of a welcome | `{corp}#contact#{external_userid}` | `welcome#{event}` | partition (admin) |
//! | outcome of tags | `{corp}#contact#{external_userid}` | `tags#{event}` | key (tagging), partition (admin) |
//! | counted fact | `{corp}#channel#{channel}` | `{fact}#{userid}#{external_userid}` | index `by_day` |
//! | member | `{corp}#members` | `{userid}` | partition (sync) |
//! | department | `{corp}#departments` | `{id}` | partition (sync) |
//! | group of corp tags | `{corp}#tags` | `{group_id}` | partition (sync) |
//! | time at which the tags were read last | `{corp}#sync` | `tags` | key (sync) |
//! | customer group | `{corp}#group#{chat_id}` | `group` | key (sync) |
//! | customer group that is not dissolved | `{corp}#groups` | `{chat_id}` | partition (sync) |
//! | balance of acquisition links | `{corp}#acquisition` | `balance` | key (sync, admin) |
//! | run under way, with its lease; last run | `{corp}#sync` | `run`; `last` | partition (admin), key (sync) |
//! | members of a run that are read together | `{corp}#{run}` | `chunk#{number}` | partition (sync) |
//! | page that was read of a chunk | `{corp}#{run}` | `page#{chunk}#{reading}#{page}` | partition (sync) |
//! | guard of the quota: pauses, calls in flight | `{corp}#quota` | `guard` | key (all that call WeCom), partition (sync) |
//! | calls taken of an API in this minute and hour | `{corp}#quota` | `usage#{api}` | key (all but welcome), partition (sync) |
//! | time slots given for calls of an API | `{corp}#quota` | `pace#{api}` | key (welcome) |
//! | add of a day, of a channel with limits | `{corp}#channel#{channel}#{date}` | `{userid}#{external_userid}` | partition, for one member its beginning (tagging, admin, sync) |
//! | token of an app | `{corp}#app#{app}` | `token` | key |
//!
//! Index `by_day`: `day` = `{corp}#{channel}#{date}`, `day_sort` = `{fact}#{userid}#{external_userid}`, on
//! relations (the add by their first channel), on outcomes of welcomes that count, and on counted facts (all others).
//! It holds keys only: counting needs no more.
//!
//! Adds of a day are counted in the main table and not in `by_day`: an index lags behind, and a limit is compared with
//! what was counted a moment ago. They expire [`DAY_KEPT`] days after their day began.
//!
//! Index `by_due`: `due` = `{corp}`, `due_at` = ten digits of Unix seconds, on what the sync has to look at then:
//! channels (a schedule's boundary, media that expire), default welcomes (media), outcomes of tags that are tried
//! again. Index `by_member`: `member` = `{corp}#{userid}`, `customer` = `{external_userid}`, on active relations.
//! Index `by_unionid`: `unionid` = `{corp}#{unionid}`, `customer` as before, on relations. All three are sparse and
//! hold keys only.
//!
//! A relation is meant to stay below 1 KB, which is one write unit: so the two indexes share `customer`, and the JSON
//! leaves out what the keys say.
//!
//! Userids are case-insensitive (WeCom doc 90196), so keys hold them in lower case.

use domain::channel::ChannelId;
use domain::event::EventId;
use domain::instant::{UnixMillis, UnixSeconds};
use domain::relation::RelationKey;
use domain::sync::{Chunk, RunId};
use domain::tally::Fact;
use jiff::civil::Date;
use wecom::{CorpId, ExternalUserId, UnionId, UserId};

pub use key::Key;

mod key;

/// Days that an event stays in the inbox. Half a year answers the questions that come late.
pub const INBOX_DAYS: u16 = 180;

/// Days after which an add of a day is not kept, counted from the beginning of its day (UTC): the day itself, wherever
/// on Earth, and two days in which a late reader may ask.
pub const DAY_KEPT: i64 = 4;

/// A table as it has to be made.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Partition key, a string.
    pub hash: &'static str,
    /// Sort key, a string.
    pub range: Option<&'static str>,
    /// Global secondary indexes.
    pub indexes: &'static [Index],
    /// Whether new images go to a stream.
    pub stream: bool,
    /// Attribute that holds the expiry in Unix seconds.
    pub ttl: Option<&'static str>,
}

/// A global secondary index as it has to be made.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Partition key, a string.
    pub hash: &'static str,
    /// Sort key, a string.
    pub range: &'static str,
    /// Whether it holds keys only, or whole items.
    pub keys_only: bool,
}

/// The inbox table.
pub const INBOX: Table = Table {
    hash: "id",
    range: None,
    indexes: &[
        Index {
            name: "by_contact",
            hash: "contact",
            range: "contact_sort",
            keys_only: false,
        },
        Index {
            name: "by_work",
            hash: "work",
            range: "work_sort",
            keys_only: false,
        },
    ],
    stream: true,
    ttl: Some("expires_at"),
};

/// The data table.
pub const DATA: Table = Table {
    hash: "pk",
    range: Some("sk"),
    indexes: &[
        Index {
            name: "by_day",
            hash: "day",
            range: "day_sort",
            keys_only: true,
        },
        Index {
            name: "by_due",
            hash: "due",
            range: "due_at",
            keys_only: true,
        },
        Index {
            name: "by_member",
            hash: "member",
            range: "customer",
            keys_only: true,
        },
        Index {
            name: "by_unionid",
            hash: "unionid",
            range: "customer",
            keys_only: true,
        },
    ],
    stream: false,
    ttl: Some("expires_at"),
};

/// Sort key of profiles.
pub const PROFILE: &str = "profile";
/// Begins the sort keys of relations.
pub const RELATION: &str = "relation#";
/// Begins the sort keys of outcomes of welcomes.
pub const WELCOME: &str = "welcome#";
/// Begins the sort keys of outcomes of tags.
pub const TAGS: &str = "tags#";
/// Begins the sort keys of members' default welcomes.
pub const MEMBER: &str = "member#";
/// Sort key of the guard of the quota.
pub const GUARD: &str = "guard";
/// Begins the sort keys of what was taken of the APIs.
pub const USAGE: &str = "usage#";
/// Begins the sort keys of the time slots that were given for the calls of an API.
pub const PACE: &str = "pace#";
/// Begins the names of the attributes of the guard that say when a process reported calls of an API last: the API and
/// the process follow, separated by `#`.
pub const REPORT: &str = "seen#";

/// Partition of a corp's channels.
#[must_use]
pub fn channels(corp: &CorpId) -> String {
    format!("{corp}#channels")
}

/// Partition of a corp's default welcomes.
#[must_use]
pub fn welcomes(corp: &CorpId) -> String {
    format!("{corp}#welcomes")
}

/// Begins the sort keys of chunks.
pub const CHUNK: &str = "chunk#";

/// Begins the sort keys of the pages of the present reading of a chunk.
#[must_use]
pub fn pages(chunk: &Chunk) -> String {
    format!("page#{:06}#{:03}#", chunk.number, chunk.reading)
}

/// Partition of a corp's members.
#[must_use]
pub fn members(corp: &CorpId) -> String {
    format!("{corp}#members")
}

/// Partition of a corp's departments.
#[must_use]
pub fn departments(corp: &CorpId) -> String {
    format!("{corp}#departments")
}

/// Partition of a corp's tags.
#[must_use]
pub fn tags(corp: &CorpId) -> String {
    format!("{corp}#tags")
}

/// Partition of the customer groups that live.
#[must_use]
pub fn groups(corp: &CorpId) -> String {
    format!("{corp}#groups")
}

/// Partition of what the sync does.
#[must_use]
pub fn sync(corp: &CorpId) -> String {
    format!("{corp}#sync")
}

/// Partition of what the functions share about WeCom's limits.
#[must_use]
pub fn quota(corp: &CorpId) -> String {
    format!("{corp}#quota")
}

/// Partition of the parts of a run.
#[must_use]
pub fn run_parts(corp: &CorpId, run: &RunId) -> String {
    format!("{corp}#{run}")
}

/// Partition of the index `by_member`.
#[must_use]
pub fn member_customers(corp: &CorpId, member: &UserId) -> String {
    format!("{corp}#{}", member.key())
}

/// Partition of the index `by_unionid`.
#[must_use]
pub fn unionid(corp: &CorpId, unionid: &UnionId) -> String {
    format!("{corp}#{unionid}")
}

/// Sort key of the inbox's index `by_work`.
#[must_use]
pub fn work_sort(received_at: UnixMillis, event: &EventId) -> String {
    format!("{:013}#{event}", received_at.get().max(0))
}

/// Partition of all that is known of a customer; in the inbox, of the events about it, which is spelt
/// without the middle word.
#[must_use]
pub fn contact(corp: &CorpId, customer: &ExternalUserId) -> String {
    format!("{corp}#contact#{customer}")
}

/// Partition of the inbox's index `by_contact`.
#[must_use]
pub fn contact_events(corp: &CorpId, customer: &ExternalUserId) -> String {
    format!("{corp}#{customer}")
}

/// Sort key of the inbox's index `by_contact`: by WeCom's second, and within it by the receipt. Ten digits hold
/// Unix seconds, and thirteen milliseconds, until the year 2286.
#[must_use]
pub fn contact_sort(created_at: UnixSeconds, received_at: UnixMillis, event: &EventId) -> String {
    format!(
        "{:010}#{:013}#{event}",
        created_at.get().max(0),
        received_at.get().max(0)
    )
}

/// Partition of a channel's adds of one day.
#[must_use]
pub fn day_adds(corp: &CorpId, channel: &ChannelId, day: Date) -> String {
    format!("{corp}#channel#{channel}#{day}")
}

/// Begins the sort keys of one member's adds of a day.
#[must_use]
pub fn day_member(member: &UserId) -> String {
    format!("{}#", member.key())
}

/// The member of a sort key of an add of a day; no userid holds a `#`.
#[must_use]
pub fn member_of(day_add: &str) -> Option<UserId> {
    day_add.split_once('#').map(|(member, _)| member.into())
}

/// Sort key of the index `by_due`: ten digits hold Unix seconds until the year 2286.
#[must_use]
pub fn due_at(at: UnixSeconds) -> String {
    format!("{:010}", at.get().max(0))
}

/// Partition of the index `by_day`.
#[must_use]
pub fn day(corp: &CorpId, channel: &ChannelId, date: Date) -> String {
    format!("{corp}#{channel}#{date}")
}

/// The channel and the date of a partition of the index `by_day`; no channel's id holds a `#`.
#[must_use]
pub fn channel_and_date(day: &str) -> Option<(ChannelId, Date)> {
    let (rest, date) = day.rsplit_once('#')?;
    let (_, channel) = rest.rsplit_once('#')?;
    Some((ChannelId::parse(channel)?, date.parse().ok()?))
}

/// Sort key of the index `by_day`.
#[must_use]
pub fn day_sort(fact: Fact, relation: &RelationKey) -> String {
    let RelationKey { member, customer } = relation;
    format!("{}#{}#{customer}", fact.as_str(), member.key())
}

/// The fact of a sort key of the index `by_day`.
#[must_use]
pub fn fact_of(day_sort: &str) -> Option<Fact> {
    Fact::from_word(day_sort.split('#').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_the_case_of_userids_and_keep_corps_apart() {
        let (corp, customer) = (CorpId::from("ww1"), ExternalUserId::from("wmA"));
        let relation = |member: &str| RelationKey::new(UserId::from(member), customer.clone());
        let key = |member: &str| Key::relation(&corp, &relation(member));
        assert_eq!(key("ZhangSan"), key("zhangsan"));
        assert_ne!(
            Key::relation(&CorpId::from("ww2"), &relation("zhangsan")),
            key("zhangsan")
        );
    }

    #[test]
    fn events_of_a_customer_sort_by_time_and_then_by_receipt() {
        let [early, late] = ["f", "0"].map(|digit| EventId::parse(&digit.repeat(64)).unwrap());
        let sort =
            |second, receipt, event| contact_sort(UnixSeconds(second), UnixMillis(receipt), event);
        assert!(sort(999, 5, &early) < sort(1_700_000_000, 5, &late));
        assert!(sort(999, 5, &early) < sort(999, 40, &late));
    }

    #[test]
    fn the_key_of_a_days_add_tells_its_member_and_no_other_begins_like_it() {
        let (corp, channel) = (CorpId::from("ww1"), ChannelId::from_random(1));
        let day = jiff::civil::date(2026, 11, 23);
        let customer = ExternalUserId::from("wmA");
        let relation = |member: &str| RelationKey::new(member.into(), customer.clone());
        let key = |member: &str| Key::day_add(&corp, &channel, day, &relation(member));
        assert_eq!(key("Li"), key("li"));
        assert_eq!(member_of(&key("Li").sk), Some(UserId::from("li")));
        assert!(!key("lisi").sk.starts_with(&day_member(&"li".into())));
    }

    #[test]
    fn what_is_due_sorts_by_time() {
        let [past, early, late] =
            [-1, 999_999_999, 1_000_000_000].map(|second| due_at(UnixSeconds(second)));
        assert!(past < early && early < late);
    }

    #[test]
    fn a_day_tells_its_channel_and_date() {
        let (channel, date) = (ChannelId::from_random(7), jiff::civil::date(2026, 11, 23));
        let key = day(&CorpId::from("ww1"), &channel, date);
        assert_eq!(channel_and_date(&key), Some((channel, date)));
        assert_eq!(channel_and_date("ww1#nobody"), None);
    }

    #[test]
    fn a_counted_key_tells_its_fact() {
        let relation = RelationKey::new(UserId::from("A#b"), ExternalUserId::from("wmA"));
        for fact in [Fact::Added, Fact::Lost, Fact::Welcomed, Fact::WelcomeFailed] {
            assert_eq!(fact_of(&day_sort(fact, &relation)), Some(fact));
        }
    }
}
