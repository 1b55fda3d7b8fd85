//! Relations as WeCom returns them, for a run or because of an event: compared, counted, stored.

use domain::instant::UnixSeconds;
use domain::relation::{Attributed, Comparison, Counted, Observation, Reading, Relation, Trigger};
use domain::tally::Fact;
use platform::metrics::Unit;

use crate::error::SyncError;
use crate::pass::Pass;
use crate::{Store, Wecom};

/// Seconds after an add within which its event may still come or be applied.
const EVENT_SECONDS: i64 = 900;
/// Seconds after an add within which a reconcile finds out that its event was lost: they come daily.
const LOST_SECONDS: i64 = 2 * 86_400;

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
        self.report_unnoticed(&compared, reading);
        self.store.keep(self.corp, rows, &compared, reading).await?;
        Ok(compared)
    }

    /// Counts the adds of which no event came: relations that a reconcile found first. An event may still be on its way
    /// or pending for a while, and of customers from before the installation there never was one.
    fn report_unnoticed(&self, compared: &[Comparison], reading: Reading) {
        if reading.trigger != Trigger::Scheduled {
            return;
        }
        let now = UnixSeconds::of(self.clock.now());
        let (newest, oldest) = (
            now.plus_seconds(-EVENT_SECONDS),
            now.plus_seconds(-LOST_SECONDS),
        );
        let is_unnoticed = |compared: &&Comparison| {
            compared.replaces_version == Some(0)
                && compared
                    .relation
                    .lifecycle
                    .added_at
                    .is_some_and(|added| (oldest..newest).contains(&added))
        };
        let unnoticed = compared.iter().filter(is_unnoticed).count();
        if unnoticed > 0 {
            let unnoticed = i64::try_from(unnoticed).unwrap_or(i64::MAX);
            self.metrics
                .put("adds_unnoticed", Unit::Count, unnoticed, &[]);
        }
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
