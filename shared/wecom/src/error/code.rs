//! One error code: a number with a name.

use super::codes;
use super::{Class, Concern, ObjectKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// WeCom's `errcode`. The codes that this crate or its callers act on have names; what each of all the others means is
/// in the [table](codes::TABLE). It is stored and sent as the plain number.
///
/// # Examples
/// ```
/// use wecom::{Class, ErrorCode};
///
/// let code = ErrorCode::new(45009);
/// assert_eq!(code, ErrorCode::API_FREQ_OUT_OF_LIMIT);
/// assert_eq!(code.class(), Class::Retry);
/// assert!(code.meaning().is_some() && code.limits_calls());
///
/// // A code that the table does not have is for a person to look at.
/// let unknown = ErrorCode::new(999_999);
/// assert_eq!((unknown.class(), unknown.meaning()), (Class::Configuration, None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(i64);

macro_rules! names {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// The codes with a name, in WeCom's words where it has some (doc 90313).
        impl ErrorCode {
            $(
                #[doc = concat!($code, ": ", $meaning)]
                pub const $name: Self = Self($code);
            )*
        }
    };
}

names! {
    SYSTEM_BUSY = -1, "the system is busy; WeCom asks for three tries at most (doc 90313).";
    INVALID_SECRET = 40001, "the secret is refused: wrong, reset, or the app is disabled.";
    INVALID_USERID = 40003, "not a userid.";
    INVALID_MEDIA_ID = 40007, "not a media id, expired, or uploaded for something else.";
    INVALID_MSGTYPE = 40008, "not a type of message.";
    INVALID_CORPID = 40013, "not a corpid.";
    INVALID_ACCESS_TOKEN = 40014, "not an access token, or no longer.";
    INVALID_REQUEST_CHARACTER = 40033, "the body contains `\\uxxxx`.";
    INVALID_PARAMETER = 40035, "a parameter is bad.";
    INVALID_CHATID = 40050, "the chat id does not exist.";
    INVALID_ARGUMENT = 40058, "a parameter is invalid JSON, too long, or required and empty.";
    EMPTY_PARAMETER = 40063, "a required parameter is missing or empty.";
    INVALID_TAGID = 40068, "the tag or tag group is missing or unknown.";
    TAG_NAME_EXISTS = 40071, "the name of the tag or group is taken.";
    INVALID_CORP_SECRET = 40091, "the secret is another company's.";
    INVALID_EXTERNAL_USERID = 40096, "another company's or provider's id, or out of the app's range.";
    TOO_MANY_CORP_TAGS = 40126, "the company has as many tags as are allowed.";
    MEDIA_ID_EXPIRED = 40145, "the media id expired.";
    CONTACT_WAY_TOO_MANY_USERS = 41041, "more members than one contact way takes.";
    INVALID_CONFIG_ID = 41044, "there is no such contact way.";
    TOO_MANY_CONTACT_WAYS = 41045, "the company has as many contact ways as are allowed.";
    INVALID_WELCOME_CODE = 41050, "the welcome code is older than 20 seconds, spent, or another company's (doc 92137).";
    ALREADY_WELCOMED = 41051, "a welcome was delivered, or the two are chatting already (doc 92137).";
    CHAT_ARCHIVE_NOT_AGREED = 41053, "the customer has not agreed to chat archiving.";
    MEMBER_NOT_ACTIVATED = 41054, "the member is not activated or not real-name verified.";
    NO_DEVELOPER_ID = 41057, "the company has bound no WeChat developer id.";
    TOO_MANY_ATTACHMENTS = 41064, "the message has too many attachments.";
    INVALID_ATTACHMENT_TYPE = 41065, "the type of an attachment is not allowed.";
    TOO_MANY_LINKS = 41095, "the company has as many acquisition links as are allowed.";
    WELCOME_BEING_SENT = 41096, "another app is sending the welcome right now, which may fail (doc 92137).";
    LINK_OF_ANOTHER_APP = 41098, "another app made the acquisition link.";
    INVALID_TAG_COUNT = 41111, "more tags than one call takes, or none.";
    CATEGORY_NOT_ALLOWED = 41200, "acquisition links are not for this business category.";
    INVALID_CHAT_KEY = 41201, "not a chat key of acquisition links.";
    ACCESS_TOKEN_EXPIRED = 42001, "the access token expired.";
    API_FREQ_OUT_OF_LIMIT = 45009, "too many calls in a minute, an hour or a day (doc 90312).";
    UNSAFE_SECRET = 45031, "the secret is unsafe and must be reset.";
    API_CONCURRENT_OUT_OF_LIMIT = 45033, "too many calls at once; the number is not published (doc 90313).";
    CONCURRENT_CHANGE = 45035, "another call is changing the same record; try again after 1 to 3 seconds.";
    ACCESS_RESTRICTED = 45036, "access is restricted because of abnormal traffic.";
    API_FORBIDDEN = 48002, "the app may not call this API.";
    AUTHORIZATION_REVOKED = 48004, "the authorisation was revoked.";
    PERMISSION_WITHDRAWN = 48006, "the permission was withdrawn after long disuse.";
    NEW_ADDRESS_FORBIDDEN = 48009, "the address book sync may not read this from a new address.";
    GROUP_DISSOLVED = 49008, "the group was dissolved.";
    APP_DISABLED = 50003, "the app is disabled.";
    SYSTEM_APP_DISABLED = 50006, "the system app is disabled.";
    INVALID_CURSOR = 50100, "the cursor is not good, or no longer.";
    DEPARTMENT_NOT_FOUND = 60003, "the department does not exist.";
    NO_PRIVILEGE = 60011, "no right on this member, department or tag: it is out of the app's range.";
    USERID_OUT_OF_RANGE = 60021, "the member is out of the app's range.";
    OUT_OF_RANGE = 60030, "beyond the app's range.";
    APP_MAY_NOT_CALL = 60031, "the app may not call APIs.";
    USERID_NOT_FOUND = 60111, "there is no such member.";
    INVALID_PARTY_ID = 60123, "not the id of a department.";
    INVALID_PAGE_CURSOR = 60268, "as [`INVALID_CURSOR`](Self::INVALID_CURSOR), from other APIs.";
    NO_PRIVILEGE_ON_TAG = 81011, "no right on this tag: another app made it.";
    TOO_MANY_ITEMS = 81017, "more is asked for than one list takes.";
    UNDER_MAINTENANCE = 81026, "the function is under maintenance.";
    NOT_EXTERNAL_CONTACT = 84061, "the two have no relation; after a half add, not until the member confirms.";
    NO_CUSTOMER_CONTACT = 84074, "no permission for customer contact.";
    NOT_SERVICE_MEMBER = 84083, "not a service member.";
    NOT_FOLLOWER = 84084, "the member does not follow the customer.";
    CHAT_NOT_FOUND = 86003, "there is no such group.";
    MINI_PROGRAM_NOT_LINKED = 90206, "the mini program is not linked to the company.";
    INVALID_APPID = 90207, "not the id of a mini program.";
    APPID_MISMATCH = 90208, "the id of the mini program does not match.";
    NOT_CUSTOMER_GROUP = 90509, "the group is not a customer group.";
    AGENTID_MISMATCH = 301002, "the number is another app's.";
    COMPANY_BANNED = 301007, "the company was dissolved or banned.";
    NO_INTEROP_LICENCE = 701008, "no member has an interop licence.";
}

impl ErrorCode {
    /// The code of this number.
    pub const fn new(code: i64) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// What to do about it; [`Class::Configuration`] if the table does not know it.
    pub fn class(self) -> Class {
        codes::find(self).map_or(Class::Configuration, |entry| entry.class)
    }

    /// What it is about; [`Concern::Call`] if the table does not know it.
    pub fn concern(self) -> Concern {
        codes::find(self).map_or(Concern::Call, |entry| entry.concerns)
    }

    /// What it means, in short.
    pub fn meaning(self) -> Option<&'static str> {
        codes::find(self).map(|entry| entry.meaning)
    }
}

/// What an answer says about the next one: predicates over the table, and where WeCom's words overlap, sets of their
/// own.
impl ErrorCode {
    /// Whether every call for the company meets the same answer now: rate, concurrency, restricted access, maintenance,
    /// licences. Whether it passes is the [class](Self::class).
    pub fn concerns_tenant(self) -> bool {
        self.concern() == Concern::Tenant
    }

    /// Whether the credentials are refused until somebody changes the app or its secret, if `gettoken` answers it.
    pub fn refuses_credentials(self) -> bool {
        self.concern() == Concern::Token && self.class() == Class::Configuration
    }

    /// Whether an attachment is at fault: the message without attachments may still go through.
    pub fn concerns_attachment(self) -> bool {
        self.concern() == Concern::Attachment
    }

    /// Whether a cursor is no longer good: the list has to be read from its first page.
    pub fn is_stale_cursor(self) -> bool {
        self.concern() == Concern::Field("cursor")
    }

    /// Whether WeCom takes no more calls of this API now, because of their number.
    pub fn limits_calls(self) -> bool {
        matches!(
            self,
            Self::API_FREQ_OUT_OF_LIMIT | Self::API_CONCURRENT_OUT_OF_LIMIT
        )
    }

    /// Whether another call within seconds is a waste, although the error passes: the block lasts a minute or more
    /// (WeCom doc 90313).
    pub fn blocks_for_long(self) -> bool {
        matches!(
            self,
            Self::API_FREQ_OUT_OF_LIMIT | Self::ACCESS_RESTRICTED | Self::UNDER_MAINTENANCE
        )
    }

    /// Whether the answer is about the one thing that was asked for, and neither passes nor meets the next thing: an
    /// outcome, or a wrong or unknown id of a member, a group or a tag.
    pub fn concerns_one_object(self) -> bool {
        self.class() == Class::Outcome
            || matches!(
                self,
                Self::INVALID_USERID
                    | Self::INVALID_PARAMETER
                    | Self::INVALID_CHATID
                    | Self::INVALID_ARGUMENT
                    | Self::EMPTY_PARAMETER
                    | Self::INVALID_TAGID
                    | Self::NO_PRIVILEGE
                    | Self::USERID_NOT_FOUND
                    | Self::CHAT_NOT_FOUND
            )
    }

    /// Whether one of the members whose customers were asked for is at fault: no userid, unknown, out of range, without
    /// customer contact.
    pub fn refuses_listed_member(self) -> bool {
        matches!(
            self,
            Self::INVALID_USERID
                | Self::NO_PRIVILEGE
                | Self::USERID_OUT_OF_RANGE
                | Self::USERID_NOT_FOUND
                | Self::NOT_SERVICE_MEMBER
                | Self::NOT_FOLLOWER
        )
    }

    /// Whether the id that was asked for is of no customer: no relation with anybody in the app's range, or not a
    /// customer's id.
    pub fn is_no_contact(self) -> bool {
        matches!(
            self,
            Self::NOT_EXTERNAL_CONTACT | Self::INVALID_EXTERNAL_USERID
        )
    }

    /// Whether the group is dissolved, no customer group, or unknown.
    pub fn is_group_gone(self) -> bool {
        matches!(
            self,
            Self::GROUP_DISSOLVED
                | Self::NOT_CUSTOMER_GROUP
                | Self::CHAT_NOT_FOUND
                | Self::INVALID_CHATID
        )
    }

    /// Which of the things that a contact way or link names is at fault; `None` if none of them is.
    pub fn blames(self) -> Option<ObjectKind> {
        match self {
            Self::INVALID_USERID
            | Self::USERID_NOT_FOUND
            | Self::NO_PRIVILEGE
            | Self::USERID_OUT_OF_RANGE
            | Self::OUT_OF_RANGE
            | Self::CONTACT_WAY_TOO_MANY_USERS
            | Self::MEMBER_NOT_ACTIVATED
            | Self::NO_CUSTOMER_CONTACT => Some(ObjectKind::Member),
            Self::DEPARTMENT_NOT_FOUND | Self::INVALID_PARTY_ID => Some(ObjectKind::Department),
            Self::INVALID_TAGID | Self::NO_PRIVILEGE_ON_TAG => Some(ObjectKind::Tag),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for ErrorCode {
    fn from(code: i64) -> Self {
        Self(code)
    }
}

impl From<ErrorCode> for i64 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}
