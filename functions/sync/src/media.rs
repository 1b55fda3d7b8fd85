//! Media of welcomes, kept fresh from their sources: a temporary file lives 3 days (WeCom doc 90253), and a welcome
//! whose picture has expired goes without it.

use domain::error::UploadError;
use domain::instant::UnixSeconds;
use domain::welcome::{Welcome, WelcomeAttachment};
use platform::metrics::Unit;

use crate::error::SyncError;
use crate::pass::Pass;
use crate::{Store, Wecom};

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Uploads what is due of `welcome`; whether something has changed, and what stood in the way of the rest. A source
    /// that cannot be fetched keeps its old file, for as long as that lives.
    pub(crate) async fn refresh_media(
        &self,
        welcome: &mut Welcome,
    ) -> (bool, Result<(), SyncError>) {
        let mut changed = false;
        for attachment in welcome.attachments_mut() {
            if attachment
                .media_due()
                .is_none_or(|due| due > UnixSeconds::of(self.clock.now()))
            {
                continue;
            }
            match self.upload(attachment).await {
                Ok(()) => changed = true,
                // What is uploaded by now has to be stored all the same: it is not to be uploaded every minute.
                Err(UploadError::Wecom(error)) => return (changed, Err(error.into())),
                Err(UploadError::Source(reason)) => {
                    tracing::error!(
                        event = "media.stale",
                        media.reason = reason,
                        "a welcome's media cannot be refreshed from its source"
                    );
                    self.metrics.put("media_stale", Unit::Count, 1, &[]);
                }
            }
        }
        (changed, Ok(()))
    }

    /// A picture is uploaded for good if WeCom takes it so: then it never expires. One that is too large for that, or
    /// one too many for the day, is uploaded for 3 days like anything else.
    async fn upload(&self, attachment: &mut WelcomeAttachment) -> Result<(), UploadError> {
        let Some((source, kind)) = attachment.source() else {
            return Ok(());
        };
        let source = source.clone();
        if attachment.can_be_picture() {
            let uploaded = self.wecom.upload_picture(self.corp, self.app, &source);
            if let Ok(url) = uploaded.await {
                attachment.became_picture(url);
                return Ok(());
            }
        }
        let uploaded = self.wecom.upload(self.corp, self.app, &source, kind);
        attachment.uploaded(uploaded.await?, UnixSeconds::of(self.clock.now()));
        Ok(())
    }
}
