//! Uploads (WeCom docs 90253, 90256).

use super::Client;
use super::transport::Call;
use crate::api::media::{MediaKind, PICTURE_MAX_BYTES, UploadedMedia, check_length};
use crate::api::path;
use crate::error::Error;
use bytes::Bytes;
use serde::Deserialize;

#[derive(Deserialize)]
struct Picture {
    url: String,
}

impl Client {
    /// Uploads a temporary file; its id is good for 3 days, for all apps of the company.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the length is outside the limits of [`MediaKind`].
    pub async fn upload_media(
        &self,
        kind: MediaKind,
        filename: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<UploadedMedia, Error> {
        let (api, bytes) = (path::UPLOAD_MEDIA, bytes.into());
        check_length(bytes.len(), kind.max_bytes()).map_err(|invalid| invalid.for_api(api))?;
        self.call(Call::upload(api, "media", filename, bytes).with("type", kind.as_str()))
            .await
    }

    /// Uploads a picture for good and answers its address, which shows inside WeCom and WeChat only. A company has
    /// 1000 of them a day and 3000 a month.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it has more than 2 MB.
    pub async fn upload_image(
        &self,
        filename: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<String, Error> {
        let (api, bytes) = (path::UPLOAD_IMAGE, bytes.into());
        check_length(bytes.len(), PICTURE_MAX_BYTES).map_err(|invalid| invalid.for_api(api))?;
        let call = Call::upload(api, "media", filename, bytes);
        self.call::<Picture>(call).await.map(|picture| picture.url)
    }
}
