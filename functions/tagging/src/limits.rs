//! Daily limits: an add is counted first and compared afterwards, so of many at once the last to be counted sees
//! them all. Beyond a limit come only those who scanned before WeCom had the new list.

use domain::channel::Channel;
use domain::error::StoreError;
use domain::event::InboxEvent;
use domain::relation::Change;
use jiff::tz::TimeZone;
use operations::duty::{self, AlignError};

use crate::{Store, Tagger, Wecom, local_day};

impl<S: Store, W: Wecom> Tagger<S, W> {
    /// Counts an add through a channel with limits. Who is full by it leaves the contact way at once.
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
        let pair = (&change.userid, &change.external_userid);
        let day = local_day(change.at, timezone);
        let added = self
            .store
            .count_today(&event.corp, &channel.id, pair, day)
            .await?;
        // The backup has no limit, and who is no longer in the list was taken out of it by who counted before.
        let member = &change.userid;
        let stands = channel.spec.users.contains(member) && channel.members().contains(member);
        let limit = schedule.limit_of(member).filter(|_| stands);
        if limit.is_some_and(|limit| added >= u64::from(limit)) {
            self.align(event, channel, timezone).await?;
        }
        Ok(())
    }

    /// Sends WeCom the members on duty now. What WeCom does not take must not hold the stream: the channel is due then,
    /// and the sync tries again.
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
                    tracing::info!(corp.id = %corp, channel.id = %id, duty.due_at = aligned.due, "a member is full, and WeCom has the others");
                }
                Ok(())
            }
            Err(AlignError::Store(error)) => Err(error),
            Err(AlignError::Wecom(error)) => {
                tracing::warn!(event.id = %event.id, corp.id = %corp, channel.id = %id, wecom.error = %error, "a member is full and stays in the contact way for now");
                Ok(())
            }
        }
    }
}
