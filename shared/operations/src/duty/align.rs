//! Brings WeCom's list of a channel in line with who is on duty.
//!
//! A lease is stored before WeCom is updated: of many processes that find at the same moment that a member has reached
//! the daily limit, one calls WeCom, and the others leave the update to it; it reads the channel again when the call is
//! done. If the process ends in between, the lease expires, and the next process sends WeCom the list again.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wecom::{Class, CorpId};

use super::plan::{Plan, plan};
use domain::channel::{Channel, ChannelId};
use domain::error::{StoreError, VendorError};
use domain::instant::UnixSeconds;
use domain::ports::{ChannelStore, CountStore, ProvisionChannel};

/// Seconds after which a lease expires: a call with its retries takes some 20 at most.
const LEASE_SECONDS: i64 = 60;
/// Seconds until a list that WeCom refused is tried again. Somebody has to change something first, such as a
/// member who left the corp; a change of the channel is sent immediately.
const REFUSED_SECONDS: i64 = 3600;
/// Only a handful of operators and the sync change one channel at the same time.
const ROUNDS: usize = 8;

/// The result of [`align`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aligned {
    /// Whether WeCom was sent another list.
    pub changed: bool,
    /// When the channel has to be looked at next.
    pub due: Option<UnixSeconds>,
}

/// Why WeCom may not have the list that it should have.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AlignError {
    /// The store is unavailable, or others kept changing the channel.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// WeCom did not take the list. The channel is stored as due, so the next tick of the sync tries again: after a
    /// minute, or after an hour if WeCom refused the list as such.
    #[error("WeCom did not take the list of who is on duty: {0}")]
    Wecom(#[from] VendorError),
}

/// Sends WeCom the members of a channel who are on duty at `now`, if that list differs from the last one, and stores
/// when the channel is due next. A channel that is not there, or not yet made, is not due.
///
/// # Errors
/// A list that could not be sent is retried by the next call; see [`AlignError`].
pub async fn align<S, W>(
    store: &S,
    wecom: &W,
    corp: &CorpId,
    id: &ChannelId,
    timezone: &TimeZone,
    now: Timestamp,
) -> Result<Aligned, AlignError>
where
    S: ChannelStore + CountStore,
    W: ProvisionChannel,
{
    let mut run = Run {
        store,
        wecom,
        corp,
        now: UnixSeconds::of(now),
        unclear: false,
        changed: false,
    };
    for _ in 0..ROUNDS {
        let stored = store.channel(corp, id).await?;
        let Some(channel) = stored.filter(Channel::is_made) else {
            return Ok(run.ends(None));
        };
        if run.is_leased_by_other(&channel) {
            return Ok(run.ends(channel.update_lease_until));
        }
        let plan = plan(store, corp, &channel, timezone, now).await?;
        if run.round(&channel, &plan).await? {
            return Ok(run.ends(plan.until));
        }
    }
    Err(StoreError::Contended("a channel").into())
}

/// One call of [`align`].
struct Run<'a, S, W> {
    store: &'a S,
    wecom: &'a W,
    corp: &'a CorpId,
    now: UnixSeconds,
    /// Whether WeCom was sent a list that could not be stored, because another process has changed the
    /// channel. It is not known then which list WeCom has, so it is sent again.
    unclear: bool,
    changed: bool,
}

impl<S: ChannelStore, W: ProvisionChannel> Run<'_, S, W> {
    /// Whether another process is updating WeCom at the moment. It looks at the channel again afterwards, and then sees
    /// every add that was counted before this moment.
    fn is_leased_by_other(&self, channel: &Channel) -> bool {
        let is_leased = channel
            .update_lease_until
            .is_some_and(|until| self.now < until);
        is_leased && !self.unclear
    }

    /// Updates WeCom or the stored row if `channel`, as it was read, differs from `plan`. Returns whether nothing is
    /// left to do.
    async fn round(&mut self, channel: &Channel, plan: &Plan) -> Result<bool, AlignError> {
        let is_current = channel.on_duty == plan.on_duty && channel.update_lease_until.is_none();
        if !is_current || self.unclear {
            self.update(channel, plan).await?;
            return Ok(false);
        }
        if channel.duty_until == plan.until {
            return Ok(true);
        }
        let due = Channel {
            duty_until: plan.until,
            ..channel.clone()
        };
        Ok(self.put(due).await?.is_some())
    }

    /// Takes the lease, updates WeCom, and stores that it was updated.
    async fn update(&mut self, channel: &Channel, plan: &Plan) -> Result<(), AlignError> {
        let until = self.now.plus_seconds(LEASE_SECONDS);
        let leased = Channel {
            update_lease_until: Some(until),
            duty_until: Some(until),
            ..channel.clone()
        };
        let Some(leased) = self.put(leased).await? else {
            return Ok(());
        };
        // After a lease that expired, the list is always sent.
        let before = if self.unclear { &leased } else { channel };
        let after = Channel {
            on_duty: plan.on_duty.clone(),
            duty_until: plan.until,
            update_lease_until: None,
            ..leased.clone()
        };
        if let Err(error) = self.wecom.update(self.corp, before, &after).await {
            self.give_up(leased.clone(), channel, plan, &error).await?;
            return Err(error.into());
        }
        self.unclear = self.put(after).await?.is_none();
        self.changed = true;
        Ok(())
    }

    /// After an answer that WeCom may have acted upon, or none, the lease stays. A clear refusal changed nothing.
    async fn give_up(
        &self,
        leased: Channel,
        channel: &Channel,
        plan: &Plan,
        error: &VendorError,
    ) -> Result<(), StoreError> {
        if error.code().is_none() || error.class() == Class::Retry {
            return Ok(());
        }
        let again = self.now.plus_seconds(REFUSED_SECONDS);
        // What was unclear before is still unclear, and no process is working on it.
        let update_lease_until = if self.unclear {
            Some(self.now)
        } else {
            channel.update_lease_until
        };
        let refused = Channel {
            update_lease_until,
            duty_until: Some(plan.until.map_or(again, |until| until.min(again))),
            ..leased
        };
        self.put(refused).await.map(|_| ())
    }

    /// Writes `channel` as the next version, if the stored one is still the one that was read.
    async fn put(&self, mut channel: Channel) -> Result<Option<Channel>, StoreError> {
        let expected_version = channel.version;
        channel.version += 1;
        let put = self
            .store
            .put_channel(self.corp, &channel, Some(expected_version));
        Ok(put.await?.then_some(channel))
    }

    fn ends(&self, due: Option<UnixSeconds>) -> Aligned {
        Aligned {
            changed: self.changed,
            due,
        }
    }
}
