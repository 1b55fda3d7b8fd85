//! Who of a channel is on duty now, with the counts that the store has of today.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wecom::{CorpId, UserId};

use domain::channel::Channel;
use domain::duty::recheck_at;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use domain::ports::CountStore;
use domain::tally::DayAdds;

/// Who shall stand in a channel's contact way or link, and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The members in the order in which WeCom gets them; `None` without a schedule, for then it is all users.
    pub on_duty: Option<Vec<UserId>>,
    /// When the clock may change the list; `None` if it does not.
    pub until: Option<UnixSeconds>,
}

/// Finds out who of `channel` is on duty at `now`. Adds are counted before they are compared with a limit, so
/// the counts include every add that was stored.
///
/// # Errors
/// If the counts of the day cannot be read.
pub async fn plan<S: CountStore>(
    store: &S,
    corp: &CorpId,
    channel: &Channel,
    timezone: &TimeZone,
    now: Timestamp,
) -> Result<Plan, StoreError> {
    let Some(schedule) = &channel.spec.schedule else {
        return Ok(Plan::default());
    };
    let local = timezone.to_datetime(now);
    let adds = if schedule.has_limits() {
        store.adds_on(corp, &channel.id, local.date()).await?
    } else {
        DayAdds::new()
    };
    let full = |user: &UserId| {
        let added = adds.get(user).copied().unwrap_or_default();
        let limit = schedule.limit_of(user);
        limit.is_some_and(|limit| added >= u64::from(limit))
    };
    let next = schedule.next_change(local);
    Ok(Plan {
        on_duty: Some(schedule.on_duty(&channel.spec.users, local, &full)),
        until: next.map(|next| recheck_at(next, now, timezone)),
    })
}
