//! How WeCom's JSON differs from what its documents promise.

use crate::id::UserId;
use serde::{Deserialize, Deserializer, Serialize};

/// Whether an optional text is not worth sending: WeCom refuses empty strings (`INVALID_ARGUMENT`, `EMPTY_PARAMETER`).
pub(super) fn blank<T: AsRef<str>>(text: &Option<T>) -> bool {
    text.as_ref().is_none_or(|text| text.as_ref().is_empty())
}

/// Seconds that come as a number in practice and as a string in samples; empty is 0, a fraction is dropped.
#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds are far below 2^53, and others saturate"
)]
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Fraction(f64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(seconds) => Ok(seconds),
        Written::Fraction(seconds) => Ok(seconds as i64),
        Written::Text(text) if text.trim().is_empty() => Ok(0),
        Written::Text(text) => text.trim().parse().map_err(serde::de::Error::custom),
    }
}

/// A member who is written as an object, `{"userid": …}`, where an id alone would say the same.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct UserObject {
    userid: UserId,
}

/// One such object; none, or one without an id, is nobody.
pub(super) mod user_object {
    use super::UserObject;
    use crate::id::UserId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::api) fn serialize<S: Serializer>(
        user: &Option<UserId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let object = user.clone().map(|userid| UserObject { userid });
        object.serialize(serializer)
    }

    pub(in crate::api) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<UserId>, D::Error> {
        let object = Option::<UserObject>::deserialize(deserializer)?;
        Ok(object
            .map(|object| object.userid)
            .filter(|id| !id.is_empty()))
    }
}

/// A list of such objects, without those that have no id.
pub(super) mod user_objects {
    use super::UserObject;
    use crate::id::UserId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::api) fn serialize<S: Serializer>(
        users: &[UserId],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let objects = users.iter().cloned().map(|userid| UserObject { userid });
        serializer.collect_seq(objects)
    }

    pub(in crate::api) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<UserId>, D::Error> {
        let objects = Vec::<UserObject>::deserialize(deserializer)?;
        let ids = objects.into_iter().map(|object| object.userid);
        Ok(ids.filter(|id| !id.is_empty()).collect())
    }
}

/// A number with named values that WeCom adds to over time: unknown ones are kept.
macro_rules! open_number {
    ($(#[$doc:meta])* $name:ident { $( $(#[$value_doc:meta])* $value:ident = $number:literal, )* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "i64", into = "i64")]
        pub enum $name {
            $( $(#[$value_doc])* $value, )*
            /// A value that this crate does not know.
            Other(i64),
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                match number {
                    $( $number => Self::$value, )*
                    other => Self::Other(other),
                }
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> Self {
                match value {
                    $( $name::$value => $number, )*
                    $name::Other(number) => number,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::from(0)
            }
        }
    };
}
pub(super) use open_number;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "super::seconds")]
        at: i64,
    }

    #[test]
    fn seconds_come_as_number_text_or_not_at_all() {
        for (json, expect) in [
            (r#"{"at":17}"#, 17),
            (r#"{"at":17.9}"#, 17),
            (r#"{"at":"17"}"#, 17),
            (r#"{"at":""}"#, 0),
            ("{}", 0),
        ] {
            assert_eq!(
                serde_json::from_str::<Row>(json).unwrap().at,
                expect,
                "{json}"
            );
        }
        assert!(serde_json::from_str::<Row>(r#"{"at":"soon"}"#).is_err());
    }
}
