//! What can go wrong with a call, and what the caller should do about it.

mod code;
pub mod codes;
mod field;

pub use code::ErrorCode;
pub use field::FieldError;

use std::fmt;

/// Why a call did not give its result. It names the API by its path without `/cgi-bin/`, and never holds a token, a
/// secret or a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// WeCom refused. The text is for people: it changes, but its `hint` and `from ip` are what support asks for
    /// (WeCom doc 90930).
    #[error("{api}: WeCom answered {code}: {message}")]
    Api {
        /// The API, such as `externalcontact/mark_tag`.
        api: &'static str,
        /// WeCom's `errcode`, never 0.
        code: ErrorCode,
        /// WeCom's `errmsg`, without secrets.
        message: String,
    },
    /// There was no answer: no connection, time-out, HTTP 5xx, connection dropped.
    #[error("{api}: WeCom could not be reached: {reason}")]
    Unreachable {
        /// The API.
        api: &'static str,
        /// What happened, without the address that was called.
        reason: String,
        /// Whether WeCom may have received the request. WeCom knows no idempotency keys, so a create that may have
        /// happened must be looked up before it is repeated.
        sent: bool,
    },
    /// The answer is not what the documents say. WeCom may have done what was asked.
    #[error("{api}: unreadable answer: {reason}")]
    Unreadable {
        /// The API.
        api: &'static str,
        /// What is wrong, without a quotation.
        reason: String,
    },
    /// The request breaks a limit that WeCom documents. Nothing was sent.
    #[error("{api}: {field}: {reason}")]
    Invalid {
        /// The API.
        api: &'static str,
        /// Path of the field in WeCom's names, such as `attachments[2].link.title`.
        field: String,
        /// Which limit.
        reason: String,
    },
    /// The app's secret was refused before and is not tried again yet: repeated attempts with a wrong secret ban the
    /// calling address for an hour. No call was made.
    #[error("the app's credentials are broken since {since}: gettoken answered {code}")]
    Broken {
        /// What `gettoken` answered.
        code: ErrorCode,
        /// Since when, in Unix seconds.
        since: i64,
    },
    /// The store of tokens failed. Calls go on from memory; only what asks for the store's state reports it.
    #[error("the token store failed: {0}")]
    TokenStore(String),
}

/// What to do about an error. Which code has which class is data: [`codes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It passes: wait, then try again.
    Retry,
    /// The access token is no longer good: fetch one, try again once. The client does so by itself.
    RefreshToken,
    /// An answer of the business, such as "no longer a customer": write it down and go on.
    Outcome,
    /// Something is set up or programmed wrongly: stop and report it. Codes that are not in the table are this.
    Configuration,
}

/// What an error code is about, as far as the code alone says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Concern {
    /// The company as a whole: its quota, its licences, its state. Other calls for it meet the same answer.
    Tenant,
    /// One thing that the request names, or that its ids lead to.
    Object(ObjectKind),
    /// A field of the request, by WeCom's name.
    Field(&'static str),
    /// An attachment of a message, which may go through without it.
    Attachment,
    /// The app's credentials, or the access token that was fetched with them.
    Token,
    /// This call and no more than that: a parameter that the code does not name, a permission, the moment.
    Call,
}

/// Kinds of things that error codes are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A member of the company.
    Member,
    /// A department of the address book.
    Department,
    /// A corp tag, or a group of them.
    Tag,
    /// A customer.
    Customer,
    /// A member and a customer together.
    Relation,
    /// A group chat.
    Group,
    /// A contact way.
    ContactWay,
    /// An acquisition link.
    Link,
}

impl Error {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Api { code, .. } => code.class(),
            Self::Unreachable { .. } | Self::TokenStore(_) => Class::Retry,
            Self::Unreadable { .. } | Self::Invalid { .. } | Self::Broken { .. } => {
                Class::Configuration
            }
        }
    }

    /// WeCom's `errcode`, if it answered one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api { code, .. } | Self::Broken { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether WeCom answered this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == Some(code)
    }
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [
        Self::Retry,
        Self::RefreshToken,
        Self::Outcome,
        Self::Configuration,
    ];

    /// A stable word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RefreshToken => "refresh_token",
            Self::Outcome => "outcome",
            Self::Configuration => "configuration",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
