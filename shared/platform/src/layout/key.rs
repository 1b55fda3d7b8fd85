//! Primary keys of the data table, one constructor per thing that is stored.

use domain::channel::ChannelId;
use domain::event::EventId;
use domain::relation::RelationKey;
use domain::sync::{Chunk, RunId};
use domain::tally::Fact;
use domain::welcome::WelcomeOwner;
use jiff::civil::Date;
use wecom::{AppName, ChatId, CorpId, ExternalUserId, TagGroupId, UserId};

use super::{
    CHUNK, GUARD, PACE, PROFILE, RELATION, TAGS, USAGE, WELCOME, channels, contact, day_adds,
    day_member, day_sort, departments, groups, members, pages, quota, run_parts, sync, tags,
    welcomes,
};

/// Primary key of an item in the data table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Key {
    /// Partition.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// Of a channel.
    #[must_use]
    pub fn channel(corp: &CorpId, channel: &ChannelId) -> Self {
        Self::new(channels(corp), channel.as_str())
    }

    /// Of a default welcome.
    #[must_use]
    pub fn welcome(corp: &CorpId, owner: &WelcomeOwner) -> Self {
        let sk = match owner {
            WelcomeOwner::Corp => "corp".to_owned(),
            WelcomeOwner::Member(userid) => format!("member#{}", userid.key()),
        };
        Self::new(welcomes(corp), sk)
    }

    /// Of a customer's profile.
    #[must_use]
    pub fn profile(corp: &CorpId, customer: &ExternalUserId) -> Self {
        Self::new(contact(corp, customer), PROFILE)
    }

    /// Of a follow relation.
    #[must_use]
    pub fn relation(corp: &CorpId, relation: &RelationKey) -> Self {
        Self::new(
            contact(corp, &relation.customer),
            format!("{RELATION}{}", relation.member.key()),
        )
    }

    /// Of the outcome of a welcome.
    #[must_use]
    pub fn welcome_outcome(corp: &CorpId, customer: &ExternalUserId, event: &EventId) -> Self {
        Self::new(contact(corp, customer), format!("{WELCOME}{event}"))
    }

    /// Of the outcome of tags.
    #[must_use]
    pub fn tags_outcome(corp: &CorpId, customer: &ExternalUserId, event: &EventId) -> Self {
        Self::new(contact(corp, customer), format!("{TAGS}{event}"))
    }

    /// Of a counted fact.
    #[must_use]
    pub fn fact(corp: &CorpId, channel: &ChannelId, fact: Fact, relation: &RelationKey) -> Self {
        Self::new(
            format!("{corp}#channel#{channel}"),
            day_sort(fact, relation),
        )
    }

    /// Of a member.
    #[must_use]
    pub fn member(corp: &CorpId, member: &UserId) -> Self {
        Self::new(members(corp), member.key())
    }

    /// Of a department.
    #[must_use]
    pub fn department(corp: &CorpId, id: u64) -> Self {
        Self::new(departments(corp), id.to_string())
    }

    /// Of a group of corp tags.
    #[must_use]
    pub fn tag_group(corp: &CorpId, group: &TagGroupId) -> Self {
        Self::new(tags(corp), group.as_str())
    }

    /// Of the time at which the corp tag list was read last.
    #[must_use]
    pub fn tags_read(corp: &CorpId) -> Self {
        Self::new(sync(corp), "tags")
    }

    /// Of a customer group in the list of those that live.
    #[must_use]
    pub fn living_group(corp: &CorpId, chat_id: &ChatId) -> Self {
        Self::new(groups(corp), chat_id.as_str())
    }

    /// Of a customer group with its members.
    #[must_use]
    pub fn group(corp: &CorpId, chat_id: &ChatId) -> Self {
        Self::new(format!("{corp}#group#{chat_id}"), "group")
    }

    /// Of the balance of acquisition links.
    #[must_use]
    pub fn balance(corp: &CorpId) -> Self {
        Self::new(format!("{corp}#acquisition"), "balance")
    }

    /// Of the run that is under way, or was last, with its lease.
    #[must_use]
    pub fn run(corp: &CorpId) -> Self {
        Self::new(sync(corp), "run")
    }

    /// Of the last run that is over.
    #[must_use]
    pub fn last_run(corp: &CorpId) -> Self {
        Self::new(sync(corp), "last")
    }

    /// Of a chunk of a run.
    #[must_use]
    pub fn chunk(corp: &CorpId, run: &RunId, number: u32) -> Self {
        Self::new(run_parts(corp, run), format!("{CHUNK}{number:06}"))
    }

    /// Of a page of a reading of a chunk.
    #[must_use]
    pub fn page(corp: &CorpId, run: &RunId, chunk: &Chunk, number: u32) -> Self {
        Self::new(run_parts(corp, run), format!("{}{number:06}", pages(chunk)))
    }

    /// Of what the functions share about the limits of a corp's APIs.
    #[must_use]
    pub fn guard(corp: &CorpId) -> Self {
        Self::new(quota(corp), GUARD)
    }

    /// Of what was taken of an API.
    #[must_use]
    pub fn usage(corp: &CorpId, api: &str) -> Self {
        Self::new(quota(corp), format!("{USAGE}{api}"))
    }

    /// Of the time slots that were given for the calls of an API.
    #[must_use]
    pub fn pace(corp: &CorpId, api: &str) -> Self {
        Self::new(quota(corp), format!("{PACE}{api}"))
    }

    /// Of an add that is counted by the day.
    #[must_use]
    pub fn day_add(corp: &CorpId, channel: &ChannelId, day: Date, relation: &RelationKey) -> Self {
        let sk = format!("{}{}", day_member(&relation.member), relation.customer);
        Self::new(day_adds(corp, channel, day), sk)
    }

    /// Of the token of an app.
    #[must_use]
    pub fn token(corp: &CorpId, app: &AppName) -> Self {
        Self::new(format!("{corp}#app#{app}"), "token")
    }
}
