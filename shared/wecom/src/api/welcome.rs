//! The welcome message to a new customer (WeCom doc 92137), and the attachments that other messages share with it.

use super::limit::{ensure, filled, max_bytes, max_items};
use super::wire::blank;
use crate::error::FieldError;
use crate::id::MediaId;
use crate::private::debug_only;
use serde::{Deserialize, Serialize};

/// The longest text in bytes of UTF-8 (WeCom doc 92137).
pub const TEXT_MAX_BYTES: usize = 4000;
/// The most attachments (WeCom doc 92137).
pub const ATTACHMENTS_MAX: usize = 9;
/// The longest title of a link in bytes.
pub const LINK_TITLE_MAX_BYTES: usize = 128;
/// The longest description of a link in bytes.
pub const LINK_DESC_MAX_BYTES: usize = 512;
/// The longest title of a mini program in bytes.
pub const MINI_PROGRAM_TITLE_MAX_BYTES: usize = 64;

/// What a new customer reads first. Text and attachments arrive as several messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WelcomeMessage {
    /// The text; WeCom knows no placeholder here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// At most 9.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A text.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// At most 4000 bytes.
    pub content: String,
}

/// One attachment, in JSON `{"msgtype": "image", "image": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub enum Attachment {
    /// `image`.
    Image(Image),
    /// `link`.
    Link(Link),
    /// `miniprogram`.
    MiniProgram(MiniProgram),
    /// `video`.
    Video(File),
    /// `file`.
    File(File),
}

/// A picture; of the two, `media_id` wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// A temporary file, good for 3 days.
    #[serde(default, skip_serializing_if = "blank")]
    pub media_id: Option<MediaId>,
    /// A permanent address, only from `media/uploadimg`.
    #[serde(default, skip_serializing_if = "blank")]
    pub pic_url: Option<String>,
}

/// A page on the web.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// At most 128 bytes.
    pub title: String,
    /// Address of the cover.
    #[serde(default, skip_serializing_if = "blank")]
    pub picurl: Option<String>,
    /// At most 512 bytes.
    #[serde(default, skip_serializing_if = "blank")]
    pub desc: Option<String>,
    /// Address of the page.
    pub url: String,
}

/// A mini program that is linked to the company.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiniProgram {
    /// At most 64 bytes.
    pub title: String,
    /// The cover, best 520 × 416.
    pub pic_media_id: MediaId,
    /// The mini program's id.
    pub appid: String,
    /// Path of the page.
    pub page: String,
}

/// An uploaded video or file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// A temporary file, good for 3 days.
    pub media_id: MediaId,
}

debug_only!(Text {});
debug_only!(Link { url, picurl });
debug_only!(MiniProgram {
    pic_media_id,
    appid,
    page
});

impl WelcomeMessage {
    /// A message of text alone.
    pub fn text(content: impl Into<String>) -> Self {
        Self {
            text: Some(Text {
                content: content.into(),
            }),
            attachments: Vec::new(),
        }
    }

    /// Whether WeCom would take it.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92137.
    pub fn check(&self) -> Result<(), FieldError> {
        let something = self.text.is_some() || !self.attachments.is_empty();
        ensure(something, "text", || {
            "text and attachments are both absent".to_owned()
        })?;
        if let Some(text) = &self.text {
            filled("text.content", &text.content)?;
            max_bytes("text.content", &text.content, TEXT_MAX_BYTES)?;
        }
        max_items("attachments", &self.attachments, ATTACHMENTS_MAX)?;
        for (at, attachment) in self.attachments.iter().enumerate() {
            attachment.check(&format!("attachments[{at}]"))?;
        }
        Ok(())
    }
}

impl Attachment {
    /// WeCom's word for the kind.
    pub fn msgtype(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Link(_) => "link",
            Self::MiniProgram(_) => "miniprogram",
            Self::Video(_) => "video",
            Self::File(_) => "file",
        }
    }

    /// Whether WeCom would take it; `field` is where it stands, for the error.
    ///
    /// # Errors
    /// Names the first field that breaks a limit of WeCom doc 92137.
    pub fn check(&self, field: &str) -> Result<(), FieldError> {
        let field = format!("{field}.{}", self.msgtype());
        match self {
            Self::Image(image) => image.check(&field),
            Self::Link(link) => link.check(&field),
            Self::MiniProgram(program) => program.check(&field),
            Self::Video(file) | Self::File(file) => {
                filled(&format!("{field}.media_id"), file.media_id.as_str())
            }
        }
    }
}

impl Image {
    pub(super) fn check(&self, field: &str) -> Result<(), FieldError> {
        let named = !blank(&self.media_id) || !blank(&self.pic_url);
        ensure(named, field, || "needs media_id or pic_url".to_owned())
    }
}

impl Link {
    pub(super) fn check(&self, field: &str) -> Result<(), FieldError> {
        filled(&format!("{field}.title"), &self.title)?;
        max_bytes(&format!("{field}.title"), &self.title, LINK_TITLE_MAX_BYTES)?;
        filled(&format!("{field}.url"), &self.url)?;
        let desc = self.desc.as_deref().unwrap_or_default();
        max_bytes(&format!("{field}.desc"), desc, LINK_DESC_MAX_BYTES)
    }
}

impl MiniProgram {
    pub(super) fn check(&self, field: &str) -> Result<(), FieldError> {
        filled(&format!("{field}.title"), &self.title)?;
        max_bytes(
            &format!("{field}.title"),
            &self.title,
            MINI_PROGRAM_TITLE_MAX_BYTES,
        )?;
        filled(&format!("{field}.pic_media_id"), self.pic_media_id.as_str())?;
        filled(&format!("{field}.appid"), &self.appid)?;
        filled(&format!("{field}.page"), &self.page)
    }
}

/// The shape in JSON, where the word of `msgtype` is a field's name as well.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
enum Wire {
    Image { image: Image },
    Link { link: Link },
    MiniProgram { miniprogram: MiniProgram },
    Video { video: File },
    File { file: File },
}

impl From<Wire> for Attachment {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Image { image } => Self::Image(image),
            Wire::Link { link } => Self::Link(link),
            Wire::MiniProgram { miniprogram } => Self::MiniProgram(miniprogram),
            Wire::Video { video } => Self::Video(video),
            Wire::File { file } => Self::File(file),
        }
    }
}

impl From<Attachment> for Wire {
    fn from(attachment: Attachment) -> Self {
        match attachment {
            Attachment::Image(image) => Self::Image { image },
            Attachment::Link(link) => Self::Link { link },
            Attachment::MiniProgram(miniprogram) => Self::MiniProgram { miniprogram },
            Attachment::Video(video) => Self::Video { video },
            Attachment::File(file) => Self::File { file },
        }
    }
}
