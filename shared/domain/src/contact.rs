//! A customer as a person: the profile that WeCom shows to members who follow.

use serde::{Deserialize, Serialize};
use wecom::api::contact::ExternalContact;

/// Seconds after which a profile is read again when somebody looks at it.
const FRESH_SECONDS: i64 = 86_400;

/// What WeCom told of a customer, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name, kind of account, unionid and the like (WeCom doc 92114).
    #[serde(flatten)]
    pub contact: ExternalContact,
    /// When it was read, in Unix seconds.
    pub read_at: i64,
}

impl Profile {
    /// Whether it need not be read again at `now` (Unix seconds).
    #[must_use]
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.read_at + FRESH_SECONDS
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
        assert!(profile.is_fresh(100 + FRESH_SECONDS - 1));
        assert!(!profile.is_fresh(100 + FRESH_SECONDS));
    }

    #[test]
    fn debug_shows_no_name() {
        let profile: Profile = serde_json::from_str(r#"{"name":"王小明","read_at":0}"#).unwrap();
        assert!(!format!("{profile:?}").contains("王小明"));
    }
}
