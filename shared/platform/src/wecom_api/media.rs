//! Media of welcomes: fetched from their source, uploaded to WeCom.

use domain::ports::{UploadError, UploadMedia};
use domain::welcome::Source;
use wecom::api::media::MediaKind;
use wecom::{AppName, CorpId, MediaId};

use super::WecomApi;

impl UploadMedia for WecomApi {
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
        let client = self.client(corp, app).await?;
        let uploaded = client.upload_media(kind, source.file_name(), bytes).await?;
        Ok(uploaded.media_id)
    }
}
