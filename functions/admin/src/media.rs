//! Sources of a welcome's attachments become media at WeCom before the welcome is stored: a URL that cannot
//! be fetched is reported to the caller, and the first customer does not wait for an upload.

use domain::field::FieldError;
use domain::instant::UnixSeconds;
use domain::welcome::{Source, Welcome, WelcomeAttachment};
use wecom::MediaId;

use crate::refusal::Refusal;
use crate::{Admin, Scope, Store, Wecom};

impl<S: Store, W: Wecom> Admin<S, W> {
    /// Uploads every source of `welcome`, but for those that `known`, the welcome before, holds already.
    pub(crate) async fn upload_sources(
        &self,
        scope: &Scope,
        welcome: &mut Welcome,
        known: Option<&Welcome>,
    ) -> Result<(), Refusal> {
        let mut uploaded: Vec<(Source, MediaId, UnixSeconds)> =
            known.map(uploads).unwrap_or_default();
        let known = known.into_iter().flat_map(Welcome::attachments);
        let pictures: Vec<_> = known.filter_map(WelcomeAttachment::picture).collect();
        for attachment in welcome.attachments_mut() {
            let Some((source, kind)) = attachment.source() else {
                continue;
            };
            let source = source.clone();
            if attachment.can_be_picture()
                && let Some((_, url)) = pictures.iter().find(|(before, _)| **before == source)
            {
                attachment.became_picture((*url).clone());
                continue;
            }
            if !uploaded.iter().any(|(before, ..)| *before == source) {
                let media_id = self
                    .wecom
                    .upload(&scope.corp, &scope.app, &source, kind)
                    .await
                    .map_err(|error| match Refusal::from(error) {
                        Refusal::Media(message) => {
                            Refusal::Field(FieldError::new("attachments", message))
                        }
                        refusal => refusal,
                    })?;
                let now = UnixSeconds::of(self.clock.now());
                uploaded.push((source.clone(), media_id, now));
            }
            if let Some((_, media_id, at)) = uploaded.iter().find(|(before, ..)| *before == source)
            {
                attachment.uploaded(media_id.clone(), *at);
            }
        }
        Ok(())
    }
}

fn uploads(welcome: &Welcome) -> Vec<(Source, MediaId, UnixSeconds)> {
    welcome
        .attachments()
        .filter_map(WelcomeAttachment::upload)
        .collect()
}
