//! The end of a relation as an event reports it, and its count.
//!
//! `tagging` applies each end as it comes. The sync applies it once more, because WeCom still lists a customer who
//! left: without the event, nothing would ever say so. Both may be done any number of times.

use domain::error::StoreError;
use domain::ports::{CountStore, RelationStore};
use domain::relation::{Change, Relation};
use domain::tally::Fact;
use jiff::tz::TimeZone;
use wecom::CorpId;

/// Applies the end of a relation and counts it, on the day that it has in `timezone`.
///
/// # Errors
/// If the store fails; then it may be done in part, and is to be repeated.
pub async fn apply<S: RelationStore + CountStore + Sync>(
    store: &S,
    corp: &CorpId,
    change: &Change,
    timezone: &TimeZone,
) -> Result<(), StoreError> {
    let relation = store.change(corp, change).await?;
    count(store, corp, &relation, timezone).await
}

/// Counts that the customer left, if an event has reported it, for the channel that brought the customer: once, also if
/// the loss was reported before the add.
///
/// # Errors
/// If the store fails.
pub async fn count<S: CountStore + Sync>(
    store: &S,
    corp: &CorpId,
    relation: &Relation,
    timezone: &TimeZone,
) -> Result<(), StoreError> {
    let Some((channel, lost_at)) = relation.loss() else {
        return Ok(());
    };
    let day = lost_at.timestamp().to_zoned(timezone.clone()).date();
    store
        .count(corp, channel, &relation.key, Fact::Lost, day)
        .await
}
