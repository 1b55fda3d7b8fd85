//! The corp tag list, and the balance of acquisition links.

use domain::acquisition::Balance;
use domain::channel::ChannelKind;
use domain::instant::UnixSeconds;
use domain::relation::Trigger;
use wecom::TagGroupId;
use wecom::api::path;
use wecom::api::tag::TagGroup;

use crate::error::SyncError;
use crate::pass::{Pass, count};
use crate::{Store, Wecom};

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    pub(crate) async fn read_tags(&self) -> Result<(), SyncError> {
        match self.read_tag_library(Trigger::Scheduled).await {
            Err(SyncError::Wecom(error)) if error.is_refusal() => {
                self.progress
                    .note_skipped("the library of corp tags", &error);
            }
            read => read?,
        }
        let channels = self.channels().await?;
        let has_links = channels
            .iter()
            .any(|channel| channel.spec.kind == ChannelKind::AcquisitionLink);
        if has_links {
            self.read_balance().await?;
        }
        Ok(())
    }

    /// Reads all tags and stores the groups that differ. The answer is whole or an error, so what is not in it is gone.
    pub(crate) async fn read_tag_library(&self, trigger: Trigger) -> Result<(), SyncError> {
        let (corp, at) = (self.corp, self.clock.now());
        let fetched = self.call(path::GET_CORP_TAG_LIST, || {
            self.wecom.tag_library(corp, self.app)
        });
        let fetched: Vec<TagGroup> = fetched.await?;
        let stored = self.store.tag_groups(corp).await?;
        let changed: Vec<TagGroup> = fetched
            .iter()
            .filter(|group| trigger == Trigger::Event || !stored.contains(group))
            .cloned()
            .collect();
        let is_listed = |id: &TagGroupId| fetched.iter().any(|group| group.group_id == *id);
        let gone: Vec<TagGroupId> = stored
            .into_iter()
            .map(|group| group.group_id)
            .filter(|id| !is_listed(id))
            .collect();
        self.progress
            .change(|run| run.writes += count(changed.len() + gone.len()));
        self.store.put_tag_groups(corp, &changed, &gone, at).await?;
        Ok(())
    }

    /// Reads what is left of the uses of acquisition links. A corp without the feature is refused, and has none.
    pub(crate) async fn read_balance(&self) -> Result<(), SyncError> {
        let (corp, at) = (self.corp, self.clock.now());
        let fetched = self.call(path::ACQUISITION_QUOTA, || {
            self.wecom.acquisition_quota(corp, self.app)
        });
        let quota = match fetched.await {
            Ok(quota) => quota,
            Err(SyncError::Wecom(error)) if error.is_refusal() => {
                self.progress
                    .note_skipped("the balance of acquisition links", &error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let stored = self.store.balance(corp).await?;
        if stored.is_none_or(|stored| stored.quota != quota) {
            self.progress.change(|run| run.writes += 1);
            let read_at = UnixSeconds::of(at);
            let balance = Balance { quota, read_at };
            self.store.put_balance(corp, &balance, at).await?;
        }
        Ok(())
    }
}
