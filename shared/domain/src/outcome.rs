//! What was done about an event, and why not: the vocabulary of timelines and of the events page.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use wecom::ErrorCode;

use crate::channel::ChannelId;
use crate::error::VendorError;
use crate::event::InboxEvent;
use crate::instant::UnixSeconds;
use crate::relation::RelationKey;

/// How the welcome of an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WelcomeResult {
    /// WeCom took the message.
    Sent,
    /// Somebody else's welcome was first, or the two are chatting already (`ALREADY_WELCOMED`).
    AlreadyWelcomed,
    /// The 20 seconds were over (`INVALID_WELCOME_CODE`, or by our own clock).
    TooLate,
    /// The event brought no welcome code (WeCom doc 92130 lists the reasons).
    NoCode,
    /// Neither channel nor member nor corp has a welcome for this hour.
    NoTemplate,
    /// WeCom refused, or could not be reached while there was time.
    Failed,
    /// Not done yet.
    Pending,
}

impl WelcomeResult {
    /// Every result.
    pub const ALL: [Self; 7] = [
        Self::Sent,
        Self::AlreadyWelcomed,
        Self::TooLate,
        Self::NoCode,
        Self::NoTemplate,
        Self::Failed,
        Self::Pending,
    ];

    /// The word that is stored, shown by the admin API and counted by metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::AlreadyWelcomed => "already_welcomed",
            Self::TooLate => "too_late",
            Self::NoCode => "no_code",
            Self::NoTemplate => "no_template",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

/// How the tags of an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagsResult {
    /// All tags of the channel are on the customer.
    Tagged,
    /// The customer came through no channel of ours.
    NoChannel,
    /// The channel has no tags.
    NoTags,
    /// WeCom refused.
    Failed,
    /// Not done yet: WeCom takes no calls of the company now; with `NOT_EXTERNAL_CONTACT`, the member has to confirm
    /// the customer first.
    Pending,
}

impl TagsResult {
    /// Every result.
    pub const ALL: [Self; 5] = [
        Self::Tagged,
        Self::NoChannel,
        Self::NoTags,
        Self::Failed,
        Self::Pending,
    ];

    /// The word that is stored, shown by the admin API and counted by metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tagged => "tagged",
            Self::NoChannel => "no_channel",
            Self::NoTags => "no_tags",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

/// One outcome, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome<R> {
    /// How it ended.
    pub outcome: R,
    /// WeCom's code, where one made the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errcode: Option<ErrorCode>,
    /// WeCom's code if the remark of a tagged customer was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark_errcode: Option<ErrorCode>,
    /// Why, in a few words; never a name, a text or a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Calls that were made for it.
    #[serde(default)]
    pub attempts: u32,
    /// From the callback's receipt of the event to the end, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<i64>,
    /// Whether trying again later could help. The sync repairs what is true here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
    /// Before this time another try is of no use: WeCom takes no calls until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixSeconds>,
    /// When it was written; [`UnixSeconds::EPOCH`], and not shown, while it is not.
    #[serde(default, skip_serializing_if = "is_unwritten")]
    pub at: UnixSeconds,
}

fn is_unwritten(at: &UnixSeconds) -> bool {
    *at == UnixSeconds::EPOCH
}

/// Outcome of a welcome.
pub type WelcomeOutcome = Outcome<WelcomeResult>;
/// Outcome of tagging.
pub type TagsOutcome = Outcome<TagsResult>;

impl<R> Outcome<R> {
    /// An outcome that took no call.
    pub fn new(outcome: R) -> Self {
        Self {
            outcome,
            errcode: None,
            remark_errcode: None,
            reason: None,
            attempts: 0,
            latency_ms: None,
            retryable: false,
            not_before: None,
            at: UnixSeconds::EPOCH,
        }
    }

    /// Says why, in a few words.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// When it is worth another try: a minute per call that was made for it, an hour at most, and not before WeCom
    /// takes calls again.
    #[must_use]
    pub fn retry_at(&self) -> Option<UnixSeconds> {
        let minutes = i64::from(self.attempts.clamp(1, 60));
        let paced = self.at.plus_seconds(60 * minutes);
        let at = self.not_before.map_or(paced, |time| time.max(paced));
        self.retryable.then_some(at)
    }

    /// Fills `errcode`, `reason`, `retryable` and `not_before` from `error`.
    #[must_use]
    pub fn with_error(mut self, error: &VendorError) -> Self {
        self.errcode = error.code();
        self.retryable = error.class() == wecom::Class::Retry;
        self.not_before = match error {
            VendorError::Paused { until, .. } => Some(*until),
            _ => None,
        };
        self.reason = Some(reason_of(error));
        self
    }
}

/// WeCom's own words may hold names of members, so the reason is the meaning of the code.
fn reason_of(error: &VendorError) -> String {
    match error.code() {
        Some(code) => code
            .meaning()
            .unwrap_or("not in the list of codes")
            .to_owned(),
        None => error.to_string(),
    }
}

/// What an outcome is about.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The event.
    pub event: &'a InboxEvent,
    /// The member and the customer.
    pub relation: &'a RelationKey,
    /// The channel, where there is one.
    pub channel: Option<&'a ChannelId>,
    /// The corp's local day on which it counts.
    pub day: Date,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_written_in_the_words_of_the_admin_api() {
        let outcome = WelcomeOutcome {
            attempts: 2,
            latency_ms: Some(340),
            ..Outcome::new(WelcomeResult::AlreadyWelcomed)
        };
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"outcome": "already_welcomed", "attempts": 2, "latency_ms": 340})
        );
        for result in WelcomeResult::ALL {
            assert_eq!(serde_json::to_value(result).unwrap(), result.as_str());
        }
        for result in TagsResult::ALL {
            assert_eq!(serde_json::to_value(result).unwrap(), result.as_str());
        }
    }

    #[test]
    fn what_passes_is_tried_again_ever_more_seldom() {
        let mut outcome = TagsOutcome::new(TagsResult::Failed);
        outcome.at = UnixSeconds(1_000);
        assert_eq!(outcome.retry_at(), None);
        outcome.retryable = true;
        for (attempts, seconds) in [(0, 60), (3, 180), (500, 3_600)] {
            outcome.attempts = attempts;
            assert_eq!(
                outcome.retry_at(),
                Some(UnixSeconds(1_000 + seconds)),
                "{attempts}"
            );
        }
    }

    #[test]
    fn what_is_paused_is_tried_again_after_the_pause() {
        let paused = |until| VendorError::Paused {
            api: "mark_tag",
            until: UnixSeconds(until),
        };
        for (until, retry_at) in [(5_000, 5_000), (1_010, 1_060)] {
            let mut outcome = TagsOutcome::new(TagsResult::Pending).with_error(&paused(until));
            outcome.at = UnixSeconds(1_000);
            assert_eq!(outcome.retry_at(), Some(UnixSeconds(retry_at)));
            assert_eq!(outcome.errcode, Some(ErrorCode::API_FREQ_OUT_OF_LIMIT));
        }
    }

    #[test]
    fn an_error_leaves_its_code_and_meaning_and_no_words_of_wecom() {
        let error = VendorError::from(wecom::Error::Api {
            api: "mark_tag",
            code: ErrorCode::API_FREQ_OUT_OF_LIMIT,
            message: "Zhang San hint: [1]".into(),
        });
        let outcome = TagsOutcome::new(TagsResult::Failed).with_error(&error);
        assert_eq!(outcome.errcode, Some(ErrorCode::API_FREQ_OUT_OF_LIMIT));
        assert!(outcome.retryable);
        assert!(!outcome.reason.unwrap().contains("Zhang"));
    }
}
