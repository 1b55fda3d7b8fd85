//! Relations as WeCom returns them, for a run or because of an event: compared, counted, stored.

use domain::relation::{Attributed, Comparison, Counted, Observation, Reading, Relation};
use domain::tally::Fact;

use crate::error::SyncError;
use crate::pass::Pass;
use crate::{Store, Wecom};

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Stores what WeCom returned. Adds that no event reported are counted first: a process that ends in between finds
    /// them again, and counts them once.
    pub(crate) async fn observe(
        &self,
        rows: &[Observation],
        reading: Reading,
    ) -> Result<Vec<Comparison>, SyncError> {
        let mut compared = self.store.compare(self.corp, rows, reading).await?;
        for Comparison {
            relation,
            newly_attributed,
            ..
        } in &mut compared
        {
            if let Some(attributed) = newly_attributed {
                self.count_added(relation, *attributed).await?;
            }
        }
        self.store.keep(self.corp, rows, &compared, reading).await?;
        Ok(compared)
    }

    /// The add that brought a customer of a channel counts, also if its event was lost.
    async fn count_added(
        &self,
        relation: &mut Relation,
        attributed: Attributed,
    ) -> Result<(), SyncError> {
        let (Some(channel), Some(added_at)) =
            (relation.present_channel(), relation.lifecycle.added_at)
        else {
            return Ok(());
        };
        let add = Counted {
            channel: channel.clone(),
            day: added_at.timestamp().to_zoned(self.timezone.clone()).date(),
        };
        if attributed == Attributed::First {
            relation.counted.get_or_insert_with(|| add.clone());
        }
        if relation.counts(&add.channel) {
            return Ok(());
        }
        let count = self
            .store
            .count(self.corp, &add.channel, &relation.key, Fact::Added, add.day);
        Ok(count.await?)
    }
}
