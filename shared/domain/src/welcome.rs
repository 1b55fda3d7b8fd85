//! Which welcome a new customer gets: the channel's, else the member's, else the corp's; within one of
//! them the first variant that holds at this hour, else the base.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use wecom::api::welcome::{ATTACHMENTS_MAX, TEXT_MAX_BYTES};
use wecom::{Attachment, Text, UserId, WelcomeMessage};

use crate::field::FieldError;
use crate::instant::UnixSeconds;
use crate::placeholder::{self, Names, Placeholder};
use crate::quota::Guard;
use crate::schedule::{Minute, Weekday, When};

pub use attachment::{LinkCard, Media, MiniprogramCard, Source, WelcomeAttachment};

mod attachment;

/// Seconds that a welcome code lives, counted from the event's `CreateTime` (WeCom doc 92137).
pub const WELCOME_CODE_SECONDS: i64 = 20;

/// Variants of one welcome. A week of hourly greetings fits; the limit keeps the item small, for it is
/// read before every welcome.
const VARIANTS: usize = 50;

/// A welcome as an operator writes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// Text, with `{customer}`, `{member}` and `{channel}`; at most 4,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// At most 9 attachments, sent after the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<WelcomeAttachment>,
    /// What is sent instead at certain hours and dates. The first that holds wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// What is sent while [`When`] holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenVariant")]
pub struct Variant {
    /// The hours and dates.
    #[serde(flatten)]
    pub when: When,
    /// As [`Welcome::text`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As [`Welcome::attachments`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<WelcomeAttachment>,
}

/// A variant as it is read: with a flattened part serde can neither refuse unknown fields nor say which
/// field is at fault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenVariant {
    #[serde(default)]
    weekdays: Vec<Weekday>,
    #[serde(default)]
    dates: Vec<Date>,
    from: Option<Minute>,
    to: Option<Minute>,
    text: Option<String>,
    #[serde(default)]
    attachments: Vec<WelcomeAttachment>,
}

impl From<WrittenVariant> for Variant {
    fn from(written: WrittenVariant) -> Self {
        let WrittenVariant {
            weekdays,
            dates,
            from,
            to,
            text,
            attachments,
        } = written;
        let when = When {
            weekdays,
            dates,
            from,
            to,
        };
        Self {
            when,
            text,
            attachments,
        }
    }
}

/// The welcomes that may answer one event, as one read brings them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// Of the channel that the customer came through, with the channel's name.
    pub channel: Option<ChannelWelcome>,
    /// Of the member.
    pub member: Option<Welcome>,
    /// Of the corp.
    pub corp: Option<Welcome>,
    /// Which APIs are paused: it comes with the same read.
    pub guard: Guard,
}

/// What a channel contributes to the welcome.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelWelcome {
    /// Name of the channel, for `{channel}`.
    pub name: String,
    /// Its welcome, if it has one of its own.
    pub welcome: Option<Welcome>,
}

/// The content chosen for one customer, placeholders not yet filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen<'a> {
    text: Option<&'a str>,
    attachments: &'a [WelcomeAttachment],
    channel_name: Option<&'a str>,
}

impl Candidates {
    /// Chooses for the local time `now`. A welcome that has nothing to say at this hour lets the next speak.
    #[must_use]
    pub fn choose(&self, now: DateTime) -> Option<Chosen<'_>> {
        let channel_name = self.channel.as_ref().map(|channel| channel.name.as_str());
        let of_channel = self
            .channel
            .as_ref()
            .and_then(|channel| channel.welcome.as_ref());
        [of_channel, self.member.as_ref(), self.corp.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|welcome| welcome.content_at(now))
            .map(|(text, attachments)| Chosen {
                text,
                attachments,
                channel_name,
            })
            .next()
    }
}

impl Chosen<'_> {
    /// Whether the text asks for the customer's name.
    #[must_use]
    pub fn names_customer(&self) -> bool {
        self.text
            .is_some_and(|text| Placeholder::Customer.is_in(text))
    }

    /// Whether the text asks for the member's name.
    #[must_use]
    pub fn names_member(&self) -> bool {
        self.text
            .is_some_and(|text| Placeholder::Member.is_in(text))
    }

    /// The message to send. Attachments whose media was never uploaded are left out: a welcome without its
    /// picture beats none. Returns `None` when nothing is left to send.
    #[must_use]
    pub fn render(&self, customer: Option<&str>, member: Option<&str>) -> Option<WelcomeMessage> {
        let names = Names {
            customer,
            member,
            channel: self.channel_name,
        };
        let content = self
            .text
            .map(|text| cut_to_bytes(placeholder::render(text, names), TEXT_MAX_BYTES));
        let attachments: Vec<Attachment> = self
            .attachments
            .iter()
            .filter_map(WelcomeAttachment::to_wecom)
            .collect();
        let text = content
            .filter(|content| !content.is_empty())
            .map(|content| Text { content });
        (text.is_some() || !attachments.is_empty()).then_some(WelcomeMessage { text, attachments })
    }
}

impl Welcome {
    /// Checks WeCom's limits and the placeholders.
    ///
    /// # Errors
    /// Names the first field at fault, below the welcome.
    pub fn check(&self) -> Result<(), FieldError> {
        check_content(self.text.as_deref(), &self.attachments)?;
        if self.variants.len() > VARIANTS {
            let message = format!(
                "has {} entries, at most {VARIANTS} are allowed",
                self.variants.len()
            );
            return Err(FieldError::new("variants", message));
        }
        for (at, variant) in self.variants.iter().enumerate() {
            variant
                .check()
                .map_err(|fault| fault.prefixed(&format!("variants[{at}]")))?;
        }
        if self.text.is_none() && self.attachments.is_empty() && self.variants.is_empty() {
            return Err(FieldError::new(
                "",
                "is empty: give a text, attachments or variants",
            ));
        }
        Ok(())
    }

    /// Every attachment, of the base and of all variants.
    pub fn attachments(&self) -> impl Iterator<Item = &WelcomeAttachment> {
        self.attachments.iter().chain(
            self.variants
                .iter()
                .flat_map(|variant| &variant.attachments),
        )
    }

    /// Every attachment, of the base and of all variants, to be changed.
    pub fn attachments_mut(&mut self) -> impl Iterator<Item = &mut WelcomeAttachment> {
        self.attachments.iter_mut().chain(
            self.variants
                .iter_mut()
                .flat_map(|variant| &mut variant.attachments),
        )
    }

    /// When the media of its sources have to be uploaded again; `None` if it has none.
    #[must_use]
    pub fn media_due(&self) -> Option<UnixSeconds> {
        self.attachments()
            .filter_map(WelcomeAttachment::media_due)
            .min()
    }

    fn content_at(&self, now: DateTime) -> Option<(Option<&str>, &[WelcomeAttachment])> {
        let variant = self
            .variants
            .iter()
            .find(|variant| variant.when.holds_at(now));
        let (text, attachments) = match variant {
            Some(variant) => (variant.text.as_deref(), variant.attachments.as_slice()),
            None => (self.text.as_deref(), self.attachments.as_slice()),
        };
        (text.is_some() || !attachments.is_empty()).then_some((text, attachments))
    }
}

impl Variant {
    fn check(&self) -> Result<(), FieldError> {
        self.when.check()?;
        if self.text.is_none() && self.attachments.is_empty() {
            return Err(FieldError::new(
                "text",
                "is missing: a variant needs a text or attachments",
            ));
        }
        check_content(self.text.as_deref(), &self.attachments)
    }
}

fn check_content(text: Option<&str>, attachments: &[WelcomeAttachment]) -> Result<(), FieldError> {
    if let Some(text) = text {
        if text.trim().is_empty() {
            return Err(FieldError::new(
                "text",
                "is empty: leave it out, or write what the customer shall read",
            ));
        }
        if text.len() > TEXT_MAX_BYTES {
            let message = format!(
                "has {} bytes, at most {TEXT_MAX_BYTES} are allowed (a Chinese character has 3)",
                text.len()
            );
            return Err(FieldError::new("text", message));
        }
        placeholder::check(
            "text",
            text,
            &[
                Placeholder::Customer,
                Placeholder::Member,
                Placeholder::Channel,
            ],
        )?;
    }
    if attachments.len() > ATTACHMENTS_MAX {
        let message = format!(
            "has {} entries, at most {ATTACHMENTS_MAX} are allowed",
            attachments.len()
        );
        return Err(FieldError::new("attachments", message));
    }
    for (at, attachment) in attachments.iter().enumerate() {
        attachment
            .check()
            .map_err(|fault| fault.prefixed(&format!("attachments[{at}]")))?;
    }
    Ok(())
}

/// A long name must not push a text over WeCom's limit, which would lose the whole welcome.
fn cut_to_bytes(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

/// Whose default welcome it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WelcomeOwner {
    /// The corp's.
    Corp,
    /// A member's.
    Member(UserId),
}

#[cfg(test)]
mod tests;
