//! Relations as WeCom returns them, for a run or because of an event: compared, counted, stored.

use domain::relation::{Counted, Observation, Observed, Reading as Asked, Relation};
use domain::tally::Fact;

use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Stores what WeCom returned. Adds that no event reported are counted first: a
    /// process that ends in between finds them again, and counts them once.
    pub(crate) async fn observe(
        &self,
        scope: &Scope<'_>,
        rows: &[Observation],
        asked: Asked,
    ) -> Result<Observed, Trouble> {
        let mut observed = self.store.compare(scope.corp, rows, asked).await?;
        for (place, is_first) in &observed.came {
            if let Some(relation) = observed.relations.get_mut(*place) {
                self.count_added(scope, relation, *is_first).await?;
            }
        }
        self.store.keep(scope.corp, rows, &observed, asked).await?;
        Ok(observed)
    }

    /// The add that brought a customer of a channel counts, also if its event was lost.
    async fn count_added(
        &self,
        scope: &Scope<'_>,
        relation: &mut Relation,
        is_first: bool,
    ) -> Result<(), Trouble> {
        let (Some(channel), Some(added_at)) = (relation.present_channel(), relation.added_at)
        else {
            return Ok(());
        };
        let at = jiff::Timestamp::from_second(added_at).unwrap_or_default();
        let add = Counted {
            channel: channel.clone(),
            day: at.to_zoned(scope.timezone.clone()).date(),
        };
        if is_first {
            relation.counted.get_or_insert_with(|| add.clone());
        }
        if relation.counts(&add.channel) {
            return Ok(());
        }
        let pair = (&relation.userid, &relation.external_userid);
        let count = self
            .store
            .count(scope.corp, &add.channel, pair, Fact::Added, add.day);
        Ok(count.await?)
    }
}
