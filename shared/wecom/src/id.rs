//! WeCom's identifiers as types of their own, so that a tag id cannot be passed for a member's id.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// What every identifier has: construction, `as_str`, and the conversions. Equality is up to the type.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the identifier as WeCom wrote it. Nothing is checked: WeCom is the judge of its own ids.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(id: &str) -> Result<Self, Infallible> {
                Ok(Self(id.to_owned()))
            }
        }
    };
}

/// An identifier that may be printed.
macro_rules! printable_id {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// The identifier as WeCom wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether there is no identifier. WeCom sends an empty string where it has none.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
    };
}

/// A printable identifier that is compared byte by byte.
macro_rules! plain_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        printable_id!($(#[$doc])* $name);

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.cmp(&other.0)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }
    )*};
}

plain_ids! {
    /// A company: `ww…` or `wx…`; `wp…` (encrypted) towards apps of a service provider.
    CorpId;
    /// The name that this installation gives to one app of a company. It is no id of WeCom's: tokens are per app, and
    /// the name keeps them apart.
    AppName;
    /// A customer: `wm…` for a WeChat user, `wo…` for a WeCom user. It differs per calling company or provider
    /// (WeCom doc 92109); one person has one id per company.
    ExternalUserId;
    /// A customer group: `wr…`. It differs per calling company or provider (WeCom doc 92109).
    ChatId;
    /// A corp tag for customers: `et…`, or `st…` if a strategy holds it. Member tags of the address book are numbers
    /// and something else.
    TagId;
    /// A group of corp tags: `et…` or `st…`.
    TagGroupId;
    /// A contact way or join way. The console does not list it, so one who loses it loses control (WeCom doc 92228).
    ConfigId;
    /// A customer acquisition link (WeCom doc 97297).
    LinkId;
    /// An uploaded file. It lives for 3 days (WeCom doc 90253).
    MediaId;
    /// A WeChat open platform account: `o…`. Only if the company bound a developer id (WeCom doc 92114).
    UnionId;
    /// The `state` of a contact way (at most 30 characters, WeCom doc 92228) or the `customer_channel` of an
    /// acquisition link (at most 64 bytes, longer is cut; WeCom doc 97297). It comes back in the add event.
    State;
}

printable_id! {
    /// A member of the company: 1 to 64 letters, digits, `-`, `_`, `.`. Case does not matter (WeCom doc 90196), so
    /// `==`, order and hash look at the lower-cased form, while the original is kept for display.
    UserId
}

impl UserId {
    /// The lower-cased form, for keys in a store. [`UserId::as_str`] is for display and for calls.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for UserId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for UserId {}

impl PartialOrd for UserId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UserId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for UserId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        // The end mark that `str` writes too, so that ("a", "bc") and ("ab", "c") differ.
        state.write_u8(0xff);
    }
}

id! {
    /// The right to send one welcome message: 20 seconds from the event, one success (WeCom doc 92137). Whoever holds
    /// it can speak in the member's name, so it is never printed.
    WelcomeCode
}

impl WelcomeCode {
    /// The code itself, for the call that spends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for WelcomeCode {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for WelcomeCode {}

impl fmt::Debug for WelcomeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WelcomeCode([redacted])")
    }
}

impl fmt::Display for WelcomeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::{ExternalUserId, UserId, WelcomeCode};
    use std::collections::{BTreeSet, HashSet};

    #[test]
    fn userids_differ_in_case_only_for_display() {
        let (shown, same) = (UserId::new("ZhangSan"), UserId::new("zhangsan"));
        assert_eq!(shown, same);
        assert_eq!(HashSet::from([shown.clone(), same.clone()]).len(), 1);
        assert_eq!(BTreeSet::from([shown.clone(), same]).len(), 1);
        assert_eq!(shown.key(), "zhangsan");
        assert_eq!(shown.to_string(), "ZhangSan");
        assert!(UserId::new("ab") < UserId::new("B"));
    }

    #[test]
    fn other_ids_are_case_sensitive() {
        assert_ne!(ExternalUserId::new("wmA"), ExternalUserId::new("wma"));
    }

    #[test]
    fn ids_are_plain_strings_in_json() {
        let id: UserId = serde_json::from_str(r#""Li.Si""#).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""Li.Si""#);
    }

    #[test]
    fn welcome_codes_are_never_printed() {
        let code = WelcomeCode::new("CALLBACK_CODE");
        assert!(!format!("{code} {code:?}").contains("CALLBACK"));
        assert_eq!(code.expose(), "CALLBACK_CODE");
    }
}
