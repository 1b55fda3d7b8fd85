//! Media of welcomes: fetched from their source, uploaded to WeCom.

use domain::ports::{UploadError, UploadMedia};
use domain::welcome::Source;
use wecom::api::media::MediaKind;
use wecom::{AppName, Client, CorpId, MediaId};

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
        let upload = |client: Client| {
            let bytes = bytes.clone();
            async move { client.upload_media(kind, source.file_name(), bytes).await }
        };
        let uploaded = self.call(corp, app, upload).await?;
        Ok(uploaded.media_id)
    }
}
