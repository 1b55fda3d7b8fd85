//! A customer as a person: the profile that WeCom shows to members who follow.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use wecom::api::contact::ExternalContact;

use crate::event::EventId;
use crate::outcome::{TagsOutcome, WelcomeOutcome};
use crate::relation::Relation;

/// After this time a profile is read again when it is requested.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// The customer as WeCom returned it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name, kind of account, unionid and the like (WeCom doc 92114).
    #[serde(flatten)]
    pub contact: ExternalContact,
    /// When it was read, by the bundle's own clock. Stored as `read_at` (Unix seconds) and `read_us` (microseconds
    /// beyond them).
    #[serde(flatten, with = "crate::instant::read_at")]
    pub read_at: Timestamp,
}

/// All that is stored about a customer apart from the events.
#[derive(Debug, Clone, Default)]
pub struct ContactRecord {
    /// As read last.
    pub profile: Option<Profile>,
    /// One per member.
    pub relations: Vec<Relation>,
    /// Outcomes of welcomes by event.
    pub welcomes: Vec<(EventId, WelcomeOutcome)>,
    /// Outcomes of tags by event.
    pub tags: Vec<(EventId, TagsOutcome)>,
}

impl Profile {
    /// Whether it need not be read again at `now`.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at) < FRESH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_reads_back_and_ages_in_a_day() {
        let json = r#"{"external_userid":"wmA","name":"王","type":1,"gender":2,"unionid":"oA","read_at":100}"#;
        let profile: Profile = serde_json::from_str(json).unwrap();
        let again = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&again).unwrap(), profile);
        assert!(profile.is_fresh(profile.read_at + FRESH - SignedDuration::from_secs(1)));
        assert!(!profile.is_fresh(profile.read_at + FRESH));
    }

    #[test]
    fn debug_shows_no_name() {
        let profile: Profile = serde_json::from_str(r#"{"name":"王小明","read_at":0}"#).unwrap();
        assert!(!format!("{profile:?}").contains("王小明"));
    }
}
