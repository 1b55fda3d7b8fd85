//! Uploaded media (WeCom doc 90253).

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::moment;

/// The kind under which a file was uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MediaKind {
    Image,
    Voice,
    Video,
    File,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Media {
    pub(crate) kind: MediaKind,
    pub(crate) file_name: String,
    #[serde(with = "as_base64")]
    pub(crate) bytes: axum::body::Bytes,
    pub(crate) uploaded: SystemTime,
}

impl MediaKind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "image" => Some(Self::Image),
            "voice" => Some(Self::Voice),
            "video" => Some(Self::Video),
            "file" => Some(Self::File),
            _ => None,
        }
    }
}

impl Media {
    pub(crate) fn is_alive(&self, now: SystemTime, ttl: Duration) -> bool {
        moment::between(self.uploaded, now) < ttl
    }

    /// Recognized by the first bytes, as WeCom does it.
    pub(crate) fn content_type(&self) -> &'static str {
        match self.kind {
            MediaKind::Image if is_png(&self.bytes) => "image/png",
            MediaKind::Image => "image/jpeg",
            MediaKind::Voice => "audio/amr",
            MediaKind::Video => "video/mp4",
            MediaKind::File => "application/octet-stream",
        }
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("kind", &self.kind)
            .field("file_name", &self.file_name)
            .field("size", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

pub(crate) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xd8\xff")
}

/// Bytes as text, for JSON.
mod as_base64 {
    use axum::body::Bytes;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(Error::custom)
    }
}
