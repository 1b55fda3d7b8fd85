//! The library of corp tags, and the balance of acquisition links.

use domain::acquisition::Balance;
use domain::channel::ChannelKind;
use wecom::api::path;
use wecom::api::tag::TagGroup;
use wecom::{Class, TagGroupId};

use super::Why;
use super::members::count;
use crate::calls::call;
use crate::meter::Meter;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

impl<S: Store, W: Wecom> Syncer<S, W> {
    pub(crate) async fn read_tags(&self, scope: &Scope<'_>, meter: &Meter) -> Result<(), Trouble> {
        match self.read_tag_library(scope, meter, Why::Run).await {
            Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => {
                meter.skipped("the library of corp tags", &error);
            }
            read => read?,
        }
        let channels = self.channels(scope).await?;
        let has_links = channels
            .iter()
            .any(|channel| channel.spec.kind == ChannelKind::AcquisitionLink);
        if has_links {
            self.read_balance(scope, meter).await?;
        }
        Ok(())
    }

    /// Reads all tags and stores the groups that differ. The answer is whole or an error, so what is not in it is gone.
    pub(crate) async fn read_tag_library(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        why: Why,
    ) -> Result<(), Trouble> {
        let (corp, at) = (scope.corp, self.clock.now());
        let told = call(scope, meter, path::GET_CORP_TAG_LIST, || {
            self.wecom.tag_library(corp, scope.app)
        });
        let told: Vec<TagGroup> = told.await?;
        let stored = self.store.tag_groups(corp).await?;
        let changed: Vec<TagGroup> = told
            .iter()
            .filter(|group| why == Why::Event || !stored.contains(group))
            .cloned()
            .collect();
        let is_told = |id: &TagGroupId| told.iter().any(|group| group.group_id == *id);
        let gone: Vec<TagGroupId> = stored
            .into_iter()
            .map(|group| group.group_id)
            .filter(|id| !is_told(id))
            .collect();
        meter.change(|run| run.writes += count(changed.len() + gone.len()));
        self.store.put_tag_groups(corp, &changed, &gone, at).await?;
        Ok(())
    }

    /// Reads what is left of the uses of acquisition links. A corp without the feature is refused, and has none.
    pub(crate) async fn read_balance(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<(), Trouble> {
        let (corp, at) = (scope.corp, self.clock.now());
        let told = call(scope, meter, path::ACQUISITION_QUOTA, || {
            self.wecom.acquisition_quota(corp, scope.app)
        });
        let quota = match told.await {
            Ok(quota) => quota,
            Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => {
                meter.skipped("the balance of acquisition links", &error);
                return Ok(());
            }
            Err(trouble) => return Err(trouble),
        };
        let stored = self.store.balance(corp).await?;
        if stored.is_none_or(|stored| stored.quota != quota) {
            meter.change(|run| run.writes += 1);
            let read_at = at.as_second();
            let balance = Balance { quota, read_at };
            self.store.put_balance(corp, &balance, at).await?;
        }
        Ok(())
    }
}
