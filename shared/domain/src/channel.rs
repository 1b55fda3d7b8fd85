//! A channel: one QR code (渠道活码) or acquisition link (获客助手) and what happens to those who use it.

use serde::{Deserialize, Serialize};
use wecom::api::contact::{DESCRIPTION_MAX_CHARS, REMARK_MAX_CHARS};
use wecom::api::tag::MARK_MAX;
use wecom::api::{acquisition, contact_way};
use wecom::{AppName, ConfigId, LinkId, State, TagId, UserId};

use crate::duty::Schedule;
use crate::field::{FieldError, at_most_chars, check_userid};
use crate::instant::UnixSeconds;
use crate::placeholder::{self, Names, Placeholder};
use crate::welcome::Welcome;

/// Characters of a channel's name, which is the remark of its contact way or the name of its link.
const NAME_CHARS: usize = if contact_way::REMARK_MAX_CHARS < acquisition::LINK_NAME_MAX_CHARS {
    contact_way::REMARK_MAX_CHARS
} else {
    acquisition::LINK_NAME_MAX_CHARS
};

/// Identifies a channel within its corp. It is also the `state` of its contact way and the
/// `customer_channel` of its link, so that an event leads to its channel by one read of a known key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelId(String);

impl ChannelId {
    /// Makes an id of 15 characters from 64 random bits: short enough for both of WeCom's limits (30
    /// characters, 64 bytes), and in an alphabet that no URL changes.
    #[must_use]
    pub fn from_random(bits: u64) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let symbols = (0..13)
            .rev()
            .map(|at| char::from(ALPHABET[(bits >> (at * 5) & 31) as usize]));
        Self(['c', 'h'].into_iter().chain(symbols).collect())
    }

    /// Reads an id that came in a path or an event's `State`. Any other text is no channel of ours.
    ///
    /// ```
    /// use domain::channel::ChannelId;
    ///
    /// let id = ChannelId::from_random(7);
    /// assert_eq!(id.as_str(), "ch0000000000007");
    /// assert_eq!(ChannelId::parse(id.state().as_str()), Some(id));
    /// assert_eq!(ChannelId::parse("of-another-tool"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let symbols = text.strip_prefix("ch")?;
        let known = symbols.len() == 13
            && symbols
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        known.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `state` that WeCom sends back with every customer of this channel.
    #[must_use]
    pub fn state(&self) -> State {
        State::from(self.0.as_str())
    }
}

impl std::fmt::Display for ChannelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How customers come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A QR code (联系我).
    #[default]
    ContactWay,
    /// A link of 获客助手.
    AcquisitionLink,
}

impl ChannelKind {
    /// Members that one of this kind may have.
    fn most_users(self) -> usize {
        match self {
            Self::ContactWay => contact_way::PEOPLE_MAX,
            Self::AcquisitionLink => acquisition::MEMBERS_MAX,
        }
    }
}

/// A channel as an operator writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// Shown to operators and, as the contact way's remark, to members; at most 30 characters.
    pub name: String,
    /// QR code or link; it cannot be changed later.
    #[serde(default)]
    pub kind: ChannelKind,
    /// Members who receive the customers.
    #[serde(default)]
    pub users: Vec<UserId>,
    /// Departments whose members receive the customers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parties: Vec<u64>,
    /// Whether customers are accepted without the member's confirmation.
    #[serde(default = "yes")]
    pub skip_verify: bool,
    /// Corp tags that every customer of the channel gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_ids: Vec<TagId>,
    /// Remark that every customer gets, with `{customer}` and `{channel}`; at most 20 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Description that every customer gets; at most 150 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Welcome of the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome: Option<Welcome>,
    /// Which of the members receive customers when, and how many; all of them always if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

fn yes() -> bool {
    true
}

/// A stored channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What the operator wrote.
    pub spec: ChannelSpec,
    /// The app that made it; an app may change only what it made (WeCom doc 92228).
    pub app: AppName,
    /// Where it stands at WeCom.
    pub remote: Remote,
    /// The members of the contact way or link, as last sent to WeCom; `None` if it is all of the spec's users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_duty: Option<Vec<UserId>>,
    /// When that has to be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty_until: Option<UnixSeconds>,
    /// The lease under which one process sends WeCom the list of who is on duty: until then others leave it to that
    /// process. If it is still there later, it is unknown which list WeCom has. Stored as `telling_until`, the name
    /// that earlier releases read.
    #[serde(
        rename = "telling_until",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub update_lease_until: Option<UnixSeconds>,
    /// Grows with every write, so that of two simultaneous changes one fails.
    pub version: u64,
    /// When the admin API created it.
    pub created_at: UnixSeconds,
    /// When the admin API last wrote it.
    pub updated_at: UnixSeconds,
}

/// What WeCom made for a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "remote", rename_all = "snake_case")]
pub enum Remote {
    /// The intent is stored and WeCom has not been heard yet. It stays so only if a process ended, or an
    /// answer got lost, in between.
    Creating,
    /// A contact way.
    ContactWay {
        /// Without it, the contact way is out of reach: the console does not list it (doc 92228).
        config_id: ConfigId,
        /// URL of the QR code's picture.
        qr_code: String,
    },
    /// An acquisition link.
    AcquisitionLink {
        /// Its id.
        link_id: LinkId,
        /// Its address, with this channel's `customer_channel`.
        url: String,
    },
    /// Deleted at WeCom. Kept, so that the customers who came through it can still be explained.
    Deleted {
        /// When it was found or made to be deleted.
        deleted_at: UnixSeconds,
    },
}

impl Channel {
    /// The members who stand in the contact way or link.
    #[must_use]
    pub fn members(&self) -> &[UserId] {
        self.on_duty.as_deref().unwrap_or(&self.spec.users)
    }

    /// Whether it is there at WeCom.
    #[must_use]
    pub fn is_made(&self) -> bool {
        match self.remote {
            Remote::ContactWay { .. } | Remote::AcquisitionLink { .. } => true,
            Remote::Creating | Remote::Deleted { .. } => false,
        }
    }

    /// Whether `link_id` is the link behind it.
    #[must_use]
    pub fn is_made_of(&self, link_id: &LinkId) -> bool {
        matches!(&self.remote, Remote::AcquisitionLink { link_id: own, .. } if own == link_id)
    }

    /// When the sync has to look at it: for who is on duty, or for media that expire.
    #[must_use]
    pub fn due_at(&self) -> Option<UnixSeconds> {
        let media = self.spec.welcome.as_ref().and_then(Welcome::media_due);
        let due = [self.duty_until, media].into_iter().flatten().min();
        due.filter(|_| self.is_made())
    }
}

impl ChannelSpec {
    /// Checks WeCom's limits.
    ///
    /// # Errors
    /// Names the first field at fault.
    pub fn check(&self) -> Result<(), FieldError> {
        if self.name.trim().is_empty() {
            return Err(FieldError::new("name", "is empty"));
        }
        at_most_chars("name", &self.name, NAME_CHARS)?;
        self.check_members()?;
        self.check_tags()?;
        if let Some(remark) = &self.remark {
            check_remark(remark)?;
        }
        if let Some(description) = &self.description {
            at_most_chars("description", description, DESCRIPTION_MAX_CHARS)?;
        }
        self.welcome.as_ref().map_or(Ok(()), |welcome| {
            welcome.check().map_err(|fault| fault.prefixed("welcome"))
        })
    }

    fn check_members(&self) -> Result<(), FieldError> {
        if self.users.is_empty() && self.parties.is_empty() {
            return Err(FieldError::new(
                "users",
                "is empty: name at least one member, or a department in parties",
            ));
        }
        let limit = self.kind.most_users();
        if self.users.len() > limit {
            let message = format!(
                "has {} members, at most {limit} are allowed",
                self.users.len()
            );
            return Err(FieldError::new("users", message));
        }
        for (at, user) in self.users.iter().enumerate() {
            check_userid(&format!("users[{at}]"), user)?;
            if self.users[..at].contains(user) {
                return Err(FieldError::new(
                    format!("users[{at}]"),
                    "is named twice (userids ignore case)",
                ));
            }
        }
        self.check_schedule()
    }

    fn check_schedule(&self) -> Result<(), FieldError> {
        let Some(schedule) = &self.schedule else {
            return Ok(());
        };
        if !self.parties.is_empty() {
            let message = "cannot be combined with a schedule, because a department has neither shifts nor limits: \
                           name its members in users";
            return Err(FieldError::new("parties", message));
        }
        let checked = schedule.check(&self.users, self.kind.most_users());
        checked.map_err(|fault| fault.prefixed("schedule"))
    }

    fn check_tags(&self) -> Result<(), FieldError> {
        if self.tag_ids.len() > MARK_MAX {
            let message = format!(
                "has {} tags, at most {MARK_MAX} are allowed",
                self.tag_ids.len()
            );
            return Err(FieldError::new("tag_ids", message));
        }
        match self
            .tag_ids
            .iter()
            .position(|tag| tag.as_str().trim().is_empty())
        {
            Some(at) => Err(FieldError::new(format!("tag_ids[{at}]"), "is empty")),
            None => Ok(()),
        }
    }
}

impl ChannelSpec {
    /// Whether the remark contains the customer's name.
    #[must_use]
    pub fn remark_names_customer(&self) -> bool {
        let remark = self.remark.as_deref();
        remark.is_some_and(|remark| Placeholder::Customer.is_in(remark))
    }

    /// The remark for a customer of this name, at most [`REMARK_MAX_CHARS`]; `None` if the channel has none.
    #[must_use]
    pub fn remark_for(&self, customer: Option<&str>) -> Option<String> {
        let names = Names {
            customer,
            channel: Some(&self.name),
            member: None,
        };
        let remark = self.remark.as_deref()?;
        Some(placeholder::render_within(remark, names, REMARK_MAX_CHARS))
    }
}

fn check_remark(remark: &str) -> Result<(), FieldError> {
    if remark.trim().is_empty() {
        return Err(FieldError::new("remark", "is empty: leave it out"));
    }
    placeholder::check(
        "remark",
        remark,
        &[Placeholder::Customer, Placeholder::Channel],
    )?;
    let fixed = remark.replace("{customer}", "").replace("{channel}", "");
    at_most_chars("remark", &fixed, REMARK_MAX_CHARS)
}

#[cfg(test)]
mod tests;
