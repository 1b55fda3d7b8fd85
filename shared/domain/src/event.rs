//! An event as the callback stores it, and which functions it concerns.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wecom::{AppName, CorpId, Event, Fields, Message, WelcomeCode};

use crate::instant::{UnixMillis, UnixSeconds};
use crate::work::RefreshTarget;

/// The field that stays out of the event's id and of everything that is shown: the code is a credential,
/// and whether a redelivery repeats it is not documented.
const WELCOME_CODE: &str = "WelcomeCode";

/// Events that may carry a welcome code. The stream's filter for `welcome` is this list.
pub const WELCOME_EVENTS: [&str; 3] = [
    "add_external_contact",
    "add_half_external_contact",
    "msg_audit_approved",
];

/// Events that change a follow relation. The stream's filter for `tagging` is this list.
pub const RELATION_EVENTS: [&str; 4] = [
    "add_external_contact",
    "add_half_external_contact",
    "del_external_contact",
    "del_follow_user",
];

/// Identifies one event: a hash over corp, app and every field of the decrypted message but the welcome
/// code. WeCom's own advice, `FromUserName` and `CreateTime` (doc 90238), makes different customers who
/// come in the same second one event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// Hashes `fields` for one app of one corp.
    #[must_use]
    pub fn of(corp: &CorpId, app: &AppName, fields: &Fields) -> Self {
        let digest = fields.digest(&[corp.as_str(), app.as_str()], &[WELCOME_CODE]);
        Self(hex::encode(digest))
    }

    /// Reads an id that came in a path: 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 64
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        hex.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One event, received and ready to be stored.
#[derive(Debug, Clone)]
pub struct InboxEvent {
    /// Its id.
    pub id: EventId,
    /// The corp whose callback it came to.
    pub corp: CorpId,
    /// The app whose callback it came to.
    pub app: AppName,
    /// When WeCom made it; when it was received if the message does not say.
    pub created_at: UnixSeconds,
    /// When the callback received it.
    pub received_at: UnixMillis,
    /// All fields but the welcome code.
    pub fields: Fields,
    /// The welcome code. It lives 20 seconds and is never shown.
    pub welcome_code: Option<WelcomeCode>,
    /// The typed form.
    pub event: Event,
}

impl InboxEvent {
    /// Makes the event of a decrypted message.
    #[must_use]
    pub fn receive(corp: CorpId, app: AppName, message: Message, now: Timestamp) -> Self {
        let id = EventId::of(&corp, &app, &message.fields);
        let created_at = message.create_time().map(UnixSeconds);
        let welcome_code = message
            .fields
            .get(WELCOME_CODE)
            .filter(|code| !code.is_empty())
            .map(WelcomeCode::from);
        let kept = message
            .fields
            .iter()
            .filter(|(path, _)| *path != WELCOME_CODE);
        let fields = kept.collect();
        Self {
            id,
            corp,
            app,
            created_at: created_at.unwrap_or_else(|| UnixSeconds::of(now)),
            received_at: UnixMillis::of(now),
            fields,
            welcome_code,
            event: message.event,
        }
    }

    /// Whether a welcome is due: an add in either form, or a consent that brings a new code (doc 92005).
    #[must_use]
    pub fn asks_for_welcome(&self) -> bool {
        match &self.event {
            Event::AddedExternalContact(_) | Event::AddedHalfExternalContact(_) => true,
            Event::MsgAuditApproved(_) => self.welcome_code.is_some(),
            _ => false,
        }
    }

    /// Whether the sync has to ask WeCom about it. An add is read by the function that applies its tags.
    #[must_use]
    pub fn is_left_to_sync(&self) -> bool {
        RefreshTarget::of(&self.event).is_some() && !self.asks_for_tags()
    }

    /// Whether tags are due.
    #[must_use]
    pub fn asks_for_tags(&self) -> bool {
        matches!(
            self.event,
            Event::AddedExternalContact(_) | Event::AddedHalfExternalContact(_)
        )
    }
}

/// Whether an event was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Stored now.
    New,
    /// Stored before; nothing was written.
    Duplicate,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(xml: &str) -> InboxEvent {
        let now = Timestamp::from_second(1_700_000_005).unwrap();
        InboxEvent::receive(
            CorpId::from("ww1"),
            AppName::from("contact"),
            Message::parse(xml).unwrap(),
            now,
        )
    }

    fn added(customer: &str, code: &str) -> String {
        format!(
            "<xml><ToUserName>ww1</ToUserName><FromUserName>sys</FromUserName><CreateTime>1700000000</CreateTime>\
             <MsgType>event</MsgType><Event>change_external_contact</Event>\
             <ChangeType>add_external_contact</ChangeType><UserID>zhangsan</UserID>\
             <ExternalUserID>{customer}</ExternalUserID><WelcomeCode>{code}</WelcomeCode></xml>"
        )
    }

    #[test]
    fn two_customers_in_the_same_second_are_two_events_and_a_new_code_is_the_same_event() {
        let first = receive(&added("wmA", "C1"));
        assert_ne!(first.id, receive(&added("wmB", "C1")).id);
        assert_eq!(first.id, receive(&added("wmA", "C2")).id);
        assert_eq!(EventId::parse(first.id.as_str()), Some(first.id.clone()));
    }

    #[test]
    fn corp_and_app_are_part_of_the_id() {
        let fields = receive(&added("wmA", "C1")).fields;
        let id =
            |corp: &str, app: &str| EventId::of(&CorpId::from(corp), &AppName::from(app), &fields);
        assert_ne!(id("ww1", "contact"), id("ww2", "contact"));
        assert_ne!(id("ww1", "contact"), id("ww1", "other"));
        assert_ne!(
            id("ww1", "2contact"),
            id("ww12", "contact"),
            "parts do not run together"
        );
    }

    #[test]
    fn the_code_leaves_the_fields() {
        let event = receive(&added("wmA", "SECRET-CODE"));
        assert_eq!(
            event.welcome_code.as_ref().map(WelcomeCode::expose),
            Some("SECRET-CODE")
        );
        assert!(!format!("{event:?}").contains("SECRET-CODE"));
        assert_eq!(event.created_at, UnixSeconds(1_700_000_000));
        assert!(event.asks_for_welcome() && event.asks_for_tags() && !event.is_left_to_sync());
    }

    #[test]
    fn the_filters_name_the_events_that_the_functions_act_on() {
        let named =
            |change: &str| receive(&added("wmA", "C").replace("add_external_contact", change));
        for name in WELCOME_EVENTS {
            assert_eq!(named(name).event.name(), name);
            assert!(named(name).asks_for_welcome(), "{name}");
        }
        for name in RELATION_EVENTS {
            assert_eq!(named(name).event.name(), name);
            assert!(named(name).event.contact().is_some(), "{name}");
        }
        let edited = named("edit_external_contact");
        assert!(!edited.asks_for_welcome() && edited.is_left_to_sync());
    }
}
