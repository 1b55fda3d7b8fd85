//! Attachments of a welcome: WeCom's own shapes, with a `source` allowed in place of a media id.

use serde::{Deserialize, Serialize};
use wecom::api::media::{LIFE_SECONDS, MediaKind};
use wecom::api::welcome::{
    File, Image, LINK_DESC_MAX_BYTES, LINK_TITLE_MAX_BYTES, Link, MINI_PROGRAM_TITLE_MAX_BYTES,
    MiniProgram,
};
use wecom::{Attachment, MediaId};

use crate::field::FieldError;
use crate::instant::UnixSeconds;

/// Seconds after an upload in which the media are good, less a reserve of a day: they live 3 days (WeCom doc
/// 90253), and a WeCom or a source that is away for hours must not cost a welcome its picture.
const MEDIA_SECONDS: i64 = LIFE_SECONDS - 24 * 3600;

/// One attachment, in the JSON of `send_welcome_msg` (WeCom doc 92137).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "msgtype", rename_all = "lowercase", deny_unknown_fields)]
pub enum WelcomeAttachment {
    /// A picture: `media_id`, `pic_url` (from `media/uploadimg`) or `source`.
    Image {
        /// Its content.
        image: Media,
    },
    /// A link card.
    Link {
        /// Its content.
        link: LinkCard,
    },
    /// A mini program card.
    Miniprogram {
        /// Its content.
        miniprogram: MiniprogramCard,
    },
    /// A video: `media_id` or `source`.
    Video {
        /// Its content.
        video: Media,
    },
    /// A file: `media_id` or `source`.
    File {
        /// Its content.
        file: Media,
    },
}

/// Something that lives in WeCom's media store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Temporary media id; it lives 3 days (WeCom doc 90253), so a `source` is the better choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_id: Option<MediaId>,
    /// Permanent URL of a picture from `media/uploadimg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pic_url: Option<String>,
    /// Where the bundle fetches the bytes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// When the bytes of `source` were uploaded last. Written by the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_at: Option<UnixSeconds>,
}

/// A link card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkCard {
    /// At most 128 bytes.
    pub title: String,
    /// Address of the cover picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picurl: Option<String>,
    /// At most 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
    /// Address of the page.
    pub url: String,
}

/// A mini program card, with its cover picture as media.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MiniprogramCard {
    /// At most 64 bytes.
    pub title: String,
    /// Linked to the corp.
    pub appid: String,
    /// Page of the mini program.
    pub page: String,
    /// Media id of the cover (520×416 advised).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pic_media_id: Option<MediaId>,
    /// Where the bundle fetches the cover from, in place of `pic_media_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// When the cover was uploaded last. Written by the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_at: Option<UnixSeconds>,
}

/// An `https://` or `s3://bucket/key` URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(pub String);

impl Source {
    /// The last segment of the path, which WeCom shows as the name of a file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let path = self.0.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/')
            .find(|segment| !segment.is_empty())
            .unwrap_or("file")
    }

    fn check(&self) -> Result<(), FieldError> {
        let rest = self
            .0
            .strip_prefix("https://")
            .or_else(|| self.0.strip_prefix("s3://"));
        match rest.and_then(|rest| rest.split_once('/')) {
            Some((host, path)) if !host.is_empty() && !path.is_empty() => Ok(()),
            _ => Err(FieldError::new(
                "source",
                "is not an https://host/path or s3://bucket/key URL",
            )),
        }
    }
}

impl WelcomeAttachment {
    /// What is to be uploaded for it, and as what.
    #[must_use]
    pub fn source(&self) -> Option<(&Source, MediaKind)> {
        let (source, kind) = match self {
            Self::Image { image } => (&image.source, MediaKind::Image),
            Self::Video { video } => (&video.source, MediaKind::Video),
            Self::File { file } => (&file.source, MediaKind::File),
            Self::Miniprogram { miniprogram } => (&miniprogram.source, MediaKind::Image),
            Self::Link { .. } => return None,
        };
        source.as_ref().map(|source| (source, kind))
    }

    /// Takes the media id of an upload made at `now`.
    pub fn uploaded(&mut self, media_id: MediaId, now: UnixSeconds) {
        match self {
            Self::Image { image: media }
            | Self::Video { video: media }
            | Self::File { file: media } => {
                media.media_id = Some(media_id);
                media.uploaded_at = Some(now);
                // WeCom takes the media id where there are both (doc 92137), and that one expires.
                media.pic_url = None;
            }
            Self::Miniprogram { miniprogram } => {
                miniprogram.pic_media_id = Some(media_id);
                miniprogram.uploaded_at = Some(now);
            }
            Self::Link { .. } => {}
        }
    }

    /// The upload that was made for it: source, media id, time.
    #[must_use]
    pub fn upload(&self) -> Option<(Source, MediaId, UnixSeconds)> {
        let (source, media_id, at) = match self {
            Self::Image { image: media }
            | Self::Video { video: media }
            | Self::File { file: media } => (&media.source, &media.media_id, media.uploaded_at),
            Self::Miniprogram { miniprogram: card } => {
                (&card.source, &card.pic_media_id, card.uploaded_at)
            }
            Self::Link { .. } => return None,
        };
        Some((source.clone()?, media_id.clone()?, at?))
    }

    /// When its source has to be uploaded again. Never uploaded, it is due at once; a picture with
    /// a `pic_url` needs no upload.
    #[must_use]
    pub fn media_due(&self) -> Option<UnixSeconds> {
        let uploaded_at = match self {
            Self::Image { image } if image.pic_url.is_some() => return None,
            Self::Image { image: media }
            | Self::Video { video: media }
            | Self::File { file: media } => media.uploaded_at,
            Self::Miniprogram { miniprogram } => miniprogram.uploaded_at,
            Self::Link { .. } => None,
        };
        self.source()?;
        Some(uploaded_at.map_or(UnixSeconds::EPOCH, |at| at.plus_seconds(MEDIA_SECONDS)))
    }

    /// Whether it may stand for a picture that was uploaded for good; other media are files of 3 days.
    #[must_use]
    pub fn can_be_picture(&self) -> bool {
        matches!(self, Self::Image { image } if image.source.is_some())
    }

    /// The picture that was uploaded for good for it: source and address.
    #[must_use]
    pub fn picture(&self) -> Option<(&Source, &String)> {
        let Self::Image { image } = self else {
            return None;
        };
        image.source.as_ref().zip(image.pic_url.as_ref())
    }

    /// Takes the address of a picture that was uploaded for good. It never expires.
    pub fn became_picture(&mut self, url: String) {
        if let Self::Image { image } = self {
            image.pic_url = Some(url);
            image.media_id = None;
            image.uploaded_at = None;
        }
    }

    /// The form that WeCom takes, or `None` while the media was never uploaded.
    #[must_use]
    pub fn to_wecom(&self) -> Option<Attachment> {
        Some(match self {
            Self::Image { image } if image.media_id.is_none() && image.pic_url.is_none() => {
                return None;
            }
            Self::Image { image } => Attachment::Image(Image {
                media_id: image.media_id.clone(),
                pic_url: image.pic_url.clone(),
            }),
            Self::Link { link } => Attachment::Link(Link {
                title: link.title.clone(),
                picurl: link.picurl.clone(),
                desc: link.desc.clone(),
                url: link.url.clone(),
            }),
            Self::Miniprogram { miniprogram: card } => Attachment::MiniProgram(MiniProgram {
                title: card.title.clone(),
                pic_media_id: card.pic_media_id.clone()?,
                appid: card.appid.clone(),
                page: card.page.clone(),
            }),
            Self::Video { video } => Attachment::Video(File {
                media_id: video.media_id.clone()?,
            }),
            Self::File { file } => Attachment::File(File {
                media_id: file.media_id.clone()?,
            }),
        })
    }

    pub(super) fn check(&self) -> Result<(), FieldError> {
        match self {
            Self::Image { image } => image.check(true).map_err(|fault| fault.prefixed("image")),
            Self::Video { video } => video.check(false).map_err(|fault| fault.prefixed("video")),
            Self::File { file } => file.check(false).map_err(|fault| fault.prefixed("file")),
            Self::Link { link } => check_link(link).map_err(|fault| fault.prefixed("link")),
            Self::Miniprogram { miniprogram } => miniprogram
                .check()
                .map_err(|fault| fault.prefixed("miniprogram")),
        }
    }
}

impl Media {
    fn check(&self, is_image: bool) -> Result<(), FieldError> {
        if let Some(source) = &self.source {
            source.check()?;
        }
        if !is_image && self.pic_url.is_some() {
            return Err(FieldError::new(
                "pic_url",
                "is for images only: give media_id or source",
            ));
        }
        if self.media_id.is_none() && self.pic_url.is_none() && self.source.is_none() {
            let choices = if is_image {
                "media_id, pic_url or source"
            } else {
                "media_id or source"
            };
            return Err(FieldError::new(
                "media_id",
                format!("is missing: give {choices}"),
            ));
        }
        Ok(())
    }
}

impl MiniprogramCard {
    fn check(&self) -> Result<(), FieldError> {
        filled_at_most("title", &self.title, MINI_PROGRAM_TITLE_MAX_BYTES)?;
        for (field, value) in [("appid", &self.appid), ("page", &self.page)] {
            if value.trim().is_empty() {
                return Err(FieldError::new(field, "is empty"));
            }
        }
        if let Some(source) = &self.source {
            source.check()?;
        } else if self.pic_media_id.is_none() {
            return Err(FieldError::new(
                "pic_media_id",
                "is missing: give pic_media_id or source",
            ));
        }
        Ok(())
    }
}

fn check_link(link: &LinkCard) -> Result<(), FieldError> {
    filled_at_most("title", &link.title, LINK_TITLE_MAX_BYTES)?;
    if let Some(desc) = &link.desc {
        at_most_bytes("desc", desc, LINK_DESC_MAX_BYTES)?;
    }
    if !link.url.starts_with("http://") && !link.url.starts_with("https://") {
        return Err(FieldError::new(
            "url",
            "does not begin with https:// or http://",
        ));
    }
    Ok(())
}

fn filled_at_most(field: &str, text: &str, limit: usize) -> Result<(), FieldError> {
    if text.trim().is_empty() {
        return Err(FieldError::new(field, "is empty"));
    }
    at_most_bytes(field, text, limit)
}

fn at_most_bytes(field: &str, text: &str, limit: usize) -> Result<(), FieldError> {
    if text.len() > limit {
        let message = format!(
            "has {} bytes, at most {limit} are allowed (a Chinese character has 3)",
            text.len()
        );
        return Err(FieldError::new(field, message));
    }
    Ok(())
}
