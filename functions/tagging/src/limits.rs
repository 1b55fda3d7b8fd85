//! Daily limits: an add is counted first and compared afterwards, so that of many at the same time the last to be
//! counted sees them all. Only customers who scan before WeCom has the new list exceed a limit.

use domain::channel::Channel;
use domain::error::StoreError;
use domain::event::InboxEvent;
use domain::instant::UnixSeconds;
use domain::relation::Change;
use jiff::tz::TimeZone;
use operations::duty::{self, AlignError};
use wecom::ErrorCode;

use crate::{Store, Tagger, Wecom, local_day};

impl<S: Store, W: Wecom> Tagger<S, W> {
    /// Counts an add through a channel with limits. A member who reaches the limit by it is removed from the contact
    /// way.
    pub(crate) async fn keep_limits(
        &self,
        event: &InboxEvent,
        change: &Change,
        channel: &Channel,
        timezone: &TimeZone,
    ) -> Result<(), StoreError> {
        let schedule = channel.spec.schedule.as_ref();
        let Some(schedule) = schedule.filter(|schedule| schedule.has_limits()) else {
            return Ok(());
        };
        let day = local_day(change.at, timezone);
        let added = self
            .store
            .count_add_on(&event.corp, &channel.id, &change.key, day)
            .await?;
        // The backup has no limit. A member who is not in the list any more was removed by an add that was counted
        // before.
        let member = &change.key.member;
        let is_listed = channel.spec.users.contains(member) && channel.members().contains(member);
        let limit = schedule.limit_of(member).filter(|_| is_listed);
        if limit.is_some_and(|limit| added >= u64::from(limit)) {
            self.align(event, channel, timezone).await?;
        }
        Ok(())
    }

    /// Sends WeCom the members on duty now. A refusal must not stop the stream: the channel is due then, and the sync
    /// tries again.
    async fn align(
        &self,
        event: &InboxEvent,
        channel: &Channel,
        timezone: &TimeZone,
    ) -> Result<(), StoreError> {
        let (corp, id, now) = (&event.corp, &channel.id, self.clock.now());
        match duty::align(&self.store, &self.wecom, corp, id, timezone, now).await {
            Ok(aligned) => {
                if aligned.changed {
                    tracing::info!(
                        event = "limit.reached",
                        corp.id = %corp,
                        channel.id = %id,
                        duty.due_at = aligned.due.map(UnixSeconds::get),
                        "a member has reached the daily limit, and was removed from the contact way"
                    );
                }
                Ok(())
            }
            Err(AlignError::Store(error)) => Err(error),
            Err(AlignError::Wecom(error)) => {
                tracing::warn!(
                    event = "limit.not_applied",
                    event.id = %event.id,
                    corp.id = %corp,
                    channel.id = %id,
                    wecom.error = %error,
                    wecom.errcode = error.code().map(ErrorCode::get),
                    "a member has reached the daily limit, and is still in the contact way"
                );
                Ok(())
            }
        }
    }
}
