//! Media of welcomes: fetched from their source, uploaded to WeCom.

use domain::error::UploadError;
use domain::ports::MediaApi;
use domain::welcome::Source;
use wecom::api::media::{MediaKind, PICTURE_MAX_BYTES};
use wecom::api::path;
use wecom::{AppName, Client, CorpId, MediaId};

use super::WecomApi;

impl MediaApi for WecomApi {
    async fn upload(
        &self,
        corp: &CorpId,
        app: &AppName,
        source: &Source,
        kind: MediaKind,
    ) -> Result<MediaId, UploadError> {
        let bytes = self
            .sources
            .fetch(source, kind.max_bytes())
            .await
            .map_err(UploadError::Source)?;
        let upload = |client: Client| {
            let bytes = bytes.clone();
            async move { client.upload_media(kind, source.file_name(), bytes).await }
        };
        let uploaded = self.call(corp, app, path::UPLOAD_MEDIA, upload).await?;
        Ok(uploaded.media_id)
    }

    async fn upload_picture(
        &self,
        corp: &CorpId,
        app: &AppName,
        source: &Source,
    ) -> Result<String, UploadError> {
        let fetched = self.sources.fetch(source, PICTURE_MAX_BYTES).await;
        let bytes = fetched.map_err(UploadError::Source)?;
        let upload = |client: Client| {
            let bytes = bytes.clone();
            async move { client.upload_image(source.file_name(), bytes).await }
        };
        Ok(self.call(corp, app, path::UPLOAD_IMAGE, upload).await?)
    }
}
