//! What a sandbox is made from: its options, and the corps with their apps, members, departments.

use std::fmt;
use std::time::Duration;

use clock::Clock;
use serde::{Deserialize, Serialize};

/// How one sandbox behaves. The defaults are WeCom's own numbers where WeCom publishes them.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Where the sandbox takes its time from: what it writes down, how long tokens, codes, cursors, media and blocks
    /// last, by how much it answers later, and when it cuts a callback's connection.
    pub clock: Clock,
    /// Seed of every id and every choice, so that the same calls in the same order give the same ids.
    pub seed: u64,
    /// Life of an access token (7200 s, WeCom doc 91039).
    pub token_ttl: Duration,
    /// Life of a welcome code, counted from the add (20 s, WeCom doc 92137).
    pub welcome_ttl: Duration,
    /// Life of a temporary media id (3 days, WeCom doc 90253).
    pub media_ttl: Duration,
    /// How long every API call takes to be answered.
    pub latency: Duration,
    /// How long a callback may take before the connection is cut (5 s, WeCom doc 90930).
    pub callback_timeout: Duration,
    /// How long the answer to a URL verification may take (1 s, WeCom doc 90930).
    pub verify_timeout: Duration,
    /// Calls of one API that one corp may have in flight; one more is answered 45033. WeCom publishes no number.
    pub calls_in_flight: usize,
    /// Calls of one API that one corp may make in a window; one more is answered 45009 (10 000 a minute, WeCom doc
    /// 90312).
    pub calls_per_window: u32,
    /// Length of that window, and of the block that follows an excess (WeCom doc 90312).
    pub rate_window: Duration,
    /// Calls of one API that one corp may make in a longer window; one more is answered 45009 (150 000 an hour, WeCom
    /// doc 90312).
    pub calls_per_hour: u32,
    /// Length of that window, and of the block that follows an excess (WeCom doc 90312). Tests make it short.
    pub hour: Duration,
    /// Life of a cursor; a later call with it is answered 50100. `None` is for ever. WeCom publishes 4 h for one of the
    /// lists only (WeCom doc 99434).
    pub cursor_ttl: Option<Duration>,
    /// gettoken calls with a wrong secret after which the caller counts as banned. WeCom publishes no number (WeCom doc
    /// 90313, help of 45009).
    pub wrong_secret_limit: u32,
    /// How many calls, and how many events, are kept for reading back; the oldest go first.
    pub journal_length: usize,
    /// Of a call whose request and answer have more bytes than this together only the code is kept, and
    /// [`Call::abridged`](super::Call::abridged) says so. A page of 100 customers has about 40 kB.
    pub journal_body: usize,
    /// The most bytes of requests and answers that are kept together. Beyond, the oldest calls stay without what was
    /// asked and answered. In memory a body takes about five times its bytes.
    pub journal_bytes: usize,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            seed: 0,
            token_ttl: Duration::from_secs(7200),
            welcome_ttl: Duration::from_secs(20),
            media_ttl: Duration::from_secs(3 * 24 * 3600),
            latency: Duration::ZERO,
            callback_timeout: Duration::from_secs(5),
            verify_timeout: Duration::from_secs(1),
            calls_in_flight: 10,
            calls_per_window: 10_000,
            rate_window: Duration::from_secs(60),
            calls_per_hour: 150_000,
            hour: Duration::from_secs(3600),
            cursor_ttl: Some(Duration::from_secs(4 * 3600)),
            wrong_secret_limit: 10,
            journal_length: 100_000,
            journal_body: 64 * 1024,
            journal_bytes: 16 * 1024 * 1024,
        }
    }
}

/// One company.
#[derive(Clone, Debug)]
pub struct CorpSetup {
    /// The corp id, `ww…`.
    pub corp_id: String,
    /// The apps that may call the customer-contact APIs.
    pub apps: Vec<AppSetup>,
    /// Departments below the root; the root (id 1) is always there.
    pub departments: Vec<DepartmentSetup>,
    /// Members.
    pub members: Vec<MemberSetup>,
}

/// One self-built app of a corp. `Debug` shows neither the secret nor the callback's keys.
#[derive(Clone)]
pub struct AppSetup {
    /// The name by which tests and the page call the app; WeCom knows only the agent id.
    pub name: String,
    /// The agent id, for instance 1000002.
    pub agent_id: u64,
    /// The corp secret that `gettoken` asks for.
    pub secret: String,
    /// Token of the callback: letters and digits, at most 32.
    pub token: String,
    /// EncodingAESKey of the callback: 43 characters.
    pub encoding_aes_key: String,
    /// Where events are delivered; empty for an app without a callback.
    pub callback_url: String,
}

impl fmt::Debug for AppSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSetup")
            .field("name", &self.name)
            .field("agent_id", &self.agent_id)
            .field("callback_url", &self.callback_url)
            .finish_non_exhaustive()
    }
}

/// One department.
#[derive(Clone, Debug)]
pub struct DepartmentSetup {
    /// The department's id, above 1.
    pub id: u32,
    /// The id of the department above it; 1 is the root.
    pub parent_id: u32,
    /// Its name.
    pub name: String,
}

/// One member.
#[derive(Clone, Debug)]
pub struct MemberSetup {
    /// The userid: 1 to 64 of letters, digits, `-`, `_`, `.`; compared without regard to case (WeCom doc 90196).
    pub userid: String,
    /// The name that customers see.
    pub name: String,
    /// The departments the member belongs to; empty means the root.
    pub departments: Vec<u32>,
    /// The other name that colleagues see.
    pub alias: String,
    /// The job title.
    pub position: String,
    /// Whether the member uses WeCom.
    pub status: MemberStatus,
    /// Whether the member has the customer-contact function, without which the lists show neither the member nor the
    /// member's customers (WeCom docs 92571, 92113).
    pub has_function: bool,
}

/// Whether a member uses WeCom. Of who has left the company (5) the address book shows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemberStatus {
    /// 1: the member has logged in.
    #[default]
    Active,
    /// 2: an administrator has disabled the account.
    Disabled,
    /// 4: the member has not logged in yet.
    NotActivated,
}

impl MemberStatus {
    /// The number by which the API names it (WeCom doc 90196).
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Active => 1,
            Self::Disabled => 2,
            Self::NotActivated => 4,
        }
    }
}

impl MemberSetup {
    /// An active member of the root department who has the customer-contact function.
    pub fn new(userid: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            userid: userid.into(),
            name: name.into(),
            departments: Vec::new(),
            alias: String::new(),
            position: String::new(),
            status: MemberStatus::Active,
            has_function: true,
        }
    }
}

/// Why a corp could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The sandbox has a corp with this id.
    #[error("corp {0} is set up already")]
    DuplicateCorp(String),
    /// The EncodingAESKey of the named app is not 43 characters of base64.
    #[error("the EncodingAESKey of app {0} is not 43 characters of base64")]
    EncodingAesKey(String),
    /// The corp has a member with this userid.
    #[error("member {0} is there already")]
    DuplicateMember(String),
    /// A member or department names a department that is not there, or that would be its own ancestor.
    #[error("department {0} does not exist or has no way up to the root")]
    Department(u32),
}
