//! Contact ways 「联系我」: the codes by which customers add members (WeCom doc 92228).

use super::limit::{each, ensure, filled, max_bytes, max_chars, max_items, no_blank};
use super::welcome::{Image, Link, MiniProgram, Text};
use super::wire::{blank, open_number};
use crate::error::FieldError;
use crate::id::{ConfigId, State, UnionId, UserId};
use serde::{Deserialize, Serialize};

/// The longest `state` in characters.
pub const STATE_MAX_CHARS: usize = 30;
/// The longest `remark` in characters.
pub const REMARK_MAX_CHARS: usize = 30;
/// The most people of one contact way, departments expanded; more is `CONTACT_WAY_TOO_MANY_USERS`.
pub const PEOPLE_MAX: usize = 100;
/// The longest life of a temporary contact way or session in seconds: 14 days.
pub const TEMPORARY_MAX_SECONDS: u32 = 14 * 24 * 60 * 60;

open_number! {
    /// How many members a contact way has.
    ContactWayType {
        /// Exactly one.
        Single = 1,
        /// Several; WeCom distributes the customers.
        Multi = 2,
    }
}

open_number! {
    /// Where a contact way is shown.
    Scene {
        /// A button in a mini program.
        MiniProgram = 1,
        /// A QR code.
        QrCode = 2,
    }
}

/// A contact way to make. `user` and `party` may not both be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddContactWay {
    /// Single or multi.
    #[serde(rename = "type")]
    pub kind: ContactWayType,
    /// Button or QR code.
    pub scene: Scene,
    /// Looks of the button: 1 to 3 for single, 1 to 2 for multi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<u32>,
    /// At most 30 characters; for the company's eyes.
    #[serde(default, skip_serializing_if = "blank")]
    pub remark: Option<String>,
    /// Whether customers come in without the member's consent; WeCom's default is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_verify: Option<bool>,
    /// At most 30 characters; comes back in the add event.
    #[serde(default, skip_serializing_if = "blank")]
    pub state: Option<State>,
    /// The members; exactly one if the type is single.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<UserId>,
    /// The departments; only if the type is multi.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub party: Vec<u64>,
    /// A temporary session; medical industry only, single only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_temp: Option<bool>,
    /// Life of a temporary code in seconds: 7 days by default, at most 14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
    /// Life of a temporary session in seconds: 24 hours by default, at most 14 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_expires_in: Option<u32>,
    /// The one customer who may use a temporary code; needs a bound developer id (`NO_DEVELOPER_ID`).
    #[serde(default, skip_serializing_if = "blank")]
    pub unionid: Option<UnionId>,
    /// Whether customers of one outside company go to one member; WeCom's default is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_exclusive: Option<bool>,
    /// Whether the source is marked; marketing acquisition apps only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_source: Option<bool>,
    /// What the customer of a temporary session reads at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusions: Option<Conclusions>,
}

/// Changes of a contact way. What is `None` stays; lists replace the old ones. Type, scene and `is_temp` are for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateContactWay {
    /// Which one.
    pub config_id: ConfigId,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "blank")]
    pub remark: Option<String>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_verify: Option<bool>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<u32>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "blank")]
    pub state: Option<State>,
    /// All members from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Vec<UserId>>,
    /// All departments from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Vec<u64>>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_expires_in: Option<u32>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "blank")]
    pub unionid: Option<UnionId>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_source: Option<bool>,
    /// As in [`AddContactWay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusions: Option<Conclusions>,
}

/// The end of a temporary session: text, and one of the others (image before link before mini program).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conclusions {
    /// At most 4000 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// Written as `media_id`, read back as `pic_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// A link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// A mini program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub miniprogram: Option<MiniProgram>,
}

/// What WeCom made. Keep `config_id`: the console does not show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddedContactWay {
    /// The key to the contact way.
    pub config_id: ConfigId,
    /// Address of the picture; QR codes only.
    #[serde(skip_serializing_if = "blank")]
    pub qr_code: Option<String>,
}

/// A contact way as WeCom has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactWay {
    /// The key to the contact way.
    pub config_id: ConfigId,
    /// Single or multi.
    #[serde(rename = "type")]
    pub kind: ContactWayType,
    /// Button or QR code.
    pub scene: Scene,
    /// Looks of the button.
    pub style: u32,
    /// For the company's eyes.
    pub remark: String,
    /// Whether customers come in without the member's consent.
    pub skip_verify: bool,
    /// Comes back in the add event.
    pub state: State,
    /// Address of the picture.
    pub qr_code: String,
    /// The members.
    pub user: Vec<UserId>,
    /// The departments.
    pub party: Vec<u64>,
    /// A temporary session.
    pub is_temp: bool,
    /// Life of a temporary code in seconds.
    pub expires_in: u32,
    /// Life of a temporary session in seconds.
    pub chat_expires_in: u32,
    /// The one customer of a temporary code.
    pub unionid: UnionId,
    /// Whether the source is marked.
    pub mark_source: bool,
    /// The end of a temporary session.
    pub conclusions: Option<Conclusions>,
}

/// Which contact ways to list. None of them temporary, none made before 2021-07-10.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListContactWay {
    /// Unix seconds; 90 days ago by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// Unix seconds; now by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Where the page starts.
    #[serde(default, skip_serializing_if = "blank")]
    pub cursor: Option<String>,
    /// Rows of a page: 100 by default, at most 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl AddContactWay {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92228.
    pub fn check(&self) -> Result<(), FieldError> {
        let single = self.kind == ContactWayType::Single;
        ensure(!single || self.user.len() == 1, "user", || {
            "must be one if type is 1".to_owned()
        })?;
        ensure(!single || self.party.is_empty(), "party", || {
            "needs type 2".to_owned()
        })?;
        let someone = !self.user.is_empty() || !self.party.is_empty();
        ensure(someone, "user", || {
            "user and party are both empty".to_owned()
        })?;
        no_blank("user", &self.user)?;
        max_items("user", &self.user, PEOPLE_MAX)?;
        check_texts(&self.remark, &self.state, self.conclusions.as_ref())?;
        check_lives(self.expires_in, self.chat_expires_in)
    }
}

impl UpdateContactWay {
    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92228.
    pub fn check(&self) -> Result<(), FieldError> {
        filled("config_id", self.config_id.as_str())?;
        let users = self.user.as_deref().unwrap_or_default();
        no_blank("user", users)?;
        max_items("user", users, PEOPLE_MAX)?;
        check_texts(&self.remark, &self.state, self.conclusions.as_ref())?;
        check_lives(self.expires_in, self.chat_expires_in)
    }
}

impl Conclusions {
    fn check(&self) -> Result<(), FieldError> {
        if let Some(text) = &self.text {
            max_bytes(
                "conclusions.text.content",
                &text.content,
                super::welcome::TEXT_MAX_BYTES,
            )?;
        }
        let field = "conclusions";
        self.image
            .as_ref()
            .map_or(Ok(()), |image| image.check(&format!("{field}.image")))?;
        self.link
            .as_ref()
            .map_or(Ok(()), |link| link.check(&format!("{field}.link")))?;
        self.miniprogram
            .as_ref()
            .map_or(Ok(()), |it| it.check(&format!("{field}.miniprogram")))
    }
}

fn check_texts(
    remark: &Option<String>,
    state: &Option<State>,
    conclusions: Option<&Conclusions>,
) -> Result<(), FieldError> {
    each(remark, |text| max_chars("remark", text, REMARK_MAX_CHARS))?;
    each(state, |text| max_chars("state", text, STATE_MAX_CHARS))?;
    conclusions.map_or(Ok(()), Conclusions::check)
}

fn check_lives(code: Option<u32>, session: Option<u32>) -> Result<(), FieldError> {
    for (field, seconds) in [("expires_in", code), ("chat_expires_in", session)] {
        let fits = seconds.is_none_or(|seconds| seconds <= TEMPORARY_MAX_SECONDS);
        ensure(fits, field, || "is more than 14 days".to_owned())?;
    }
    Ok(())
}
