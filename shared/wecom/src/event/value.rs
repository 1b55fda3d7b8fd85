//! How the text of a field becomes a typed value.

use crate::fields::Fields;
use crate::id::{
    ChatId, CorpId, ExternalUserId, LinkId, MediaId, State, TagId, UserId, WelcomeCode,
};
use crate::private::Private;

/// Reads a value at a path. `None` means that the event lacks a required field.
pub(super) trait FromFields: Sized {
    /// Whether an event without the field is [`Event::Unknown`](super::Event::Unknown).
    const REQUIRED: bool = true;

    fn read(fields: &Fields, path: &str) -> Option<Self>;
}

/// Values that WeCom joins with commas in one element, such as `1,2,3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommaSeparated<T>(pub Vec<T>);

/// What a tag event is about (WeCom doc 92130).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagType {
    /// `tag`.
    Tag,
    /// `tag_group`.
    TagGroup,
    /// A word that this crate does not know.
    Other(String),
}

impl From<&str> for TagType {
    fn from(text: &str) -> Self {
        match text {
            "tag" => Self::Tag,
            "tag_group" => Self::TagGroup,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A value that is required, and as text never empty.
macro_rules! from_text {
    ($($type:ty),*) => {$(
        impl FromFields for $type {
            fn read(fields: &Fields, path: &str) -> Option<Self> {
                fields.get(path).filter(|text| !text.is_empty()).map(<$type>::from)
            }
        }
    )*};
}

/// An id that is longer than any of WeCom's is none, and its event is unknown: what keys records by ids can rely on
/// their length. The longest documented one is a userid of 64 characters (WeCom doc 90196).
const ID_MAX_BYTES: usize = 256;

macro_rules! from_id {
    ($($type:ty),*) => {$(
        impl FromFields for $type {
            fn read(fields: &Fields, path: &str) -> Option<Self> {
                let fits = |text: &&str| (1..=ID_MAX_BYTES).contains(&text.len());
                fields.get(path).filter(fits).map(<$type>::from)
            }
        }
    )*};
}

macro_rules! from_number {
    ($($type:ty),*) => {$(
        impl FromFields for $type {
            fn read(fields: &Fields, path: &str) -> Option<Self> {
                fields.get(path)?.trim().parse().ok()
            }
        }
    )*};
}

from_text!(String, Private, TagType, MediaId, State, WelcomeCode);
from_id!(ChatId, CorpId, ExternalUserId, LinkId, TagId, UserId);
from_number!(i64, u32, u64);

/// Absent, empty and unreadable are the same: the field says nothing. The fields of the message keep what was sent.
impl<T: FromFields> FromFields for Option<T> {
    const REQUIRED: bool = false;

    fn read(fields: &Fields, path: &str) -> Option<Self> {
        Some(T::read(fields, path))
    }
}

/// One value per repeated element.
impl FromFields for Vec<String> {
    const REQUIRED: bool = false;

    fn read(fields: &Fields, path: &str) -> Option<Self> {
        Some(
            fields
                .all(path)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }
}

impl<T: for<'a> From<&'a str>> FromFields for CommaSeparated<T> {
    const REQUIRED: bool = false;

    fn read(fields: &Fields, path: &str) -> Option<Self> {
        let items = fields
            .get(path)
            .unwrap_or_default()
            .split(',')
            .map(str::trim);
        Some(Self(
            items.filter(|item| !item.is_empty()).map(T::from).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{ID_MAX_BYTES, UserId};
    use crate::{Event, Fields, Message};

    fn left(user_id: &str) -> Event {
        let fields = [
            ("MsgType", "event"),
            ("Event", "change_external_contact"),
            ("ChangeType", "del_follow_user"),
            ("UserID", user_id),
            ("ExternalUserID", "wmA"),
        ];
        let fields = fields.map(|(path, value)| (path.to_owned(), value.to_owned()));
        Message::from_fields(Fields::from_iter(fields)).event
    }

    #[test]
    fn an_id_of_an_impossible_length_makes_the_event_unknown() {
        let longest = "z".repeat(ID_MAX_BYTES);
        assert_eq!(
            left(&longest).contact().map(|(user, _)| user),
            Some(&UserId::from(longest.as_str()))
        );
        assert!(matches!(left(&(longest + "z")), Event::Unknown));
        assert!(matches!(left(""), Event::Unknown));
    }
}
