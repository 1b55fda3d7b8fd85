//! Uploaded files (WeCom docs 90253, 90256).

use super::limit::ensure;
use super::wire::seconds;
use crate::error::FieldError;
use crate::id::MediaId;
use serde::{Deserialize, Serialize};

/// How long a temporary file lives, in seconds: 3 days.
pub const LIFE_SECONDS: i64 = 3 * 24 * 60 * 60;
/// Files must have more bytes than this.
pub const MIN_BYTES: usize = 5;
/// The largest picture for `uploadimg` in bytes.
pub const PICTURE_MAX_BYTES: usize = 2 << 20;

/// What a file is to WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// JPG or PNG, at most 10 MB.
    Image,
    /// AMR, at most 2 MB and 60 s.
    Voice,
    /// MP4, at most 10 MB.
    Video,
    /// Anything, at most 20 MB.
    File,
}

/// A file that was uploaded. All apps of the company may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadedMedia {
    /// The file.
    pub media_id: MediaId,
    /// Unix seconds; a string in this API and a number in its neighbours.
    #[serde(deserialize_with = "seconds")]
    pub created_at: i64,
}

impl MediaKind {
    /// WeCom's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::File => "file",
        }
    }

    /// The most bytes of such a file.
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Voice => 2 << 20,
            Self::Image | Self::Video => 10 << 20,
            Self::File => 20 << 20,
        }
    }
}

impl UploadedMedia {
    /// When the file is gone, in Unix seconds.
    pub fn expires_at(&self) -> i64 {
        self.created_at + LIFE_SECONDS
    }
}

/// Whether WeCom would take a file of this length.
///
/// # Errors
/// Names the field `media` if it is too short or too long.
pub fn check_length(bytes: usize, max: usize) -> Result<(), FieldError> {
    let fits = (MIN_BYTES + 1..=max).contains(&bytes);
    ensure(fits, "media", || {
        format!("has {bytes} bytes, more than {MIN_BYTES} and at most {max} are allowed")
    })
}
