//! Brings WeCom's list of a channel in line with who is on duty.
//!
//! The update of WeCom is stored first, as a claim that expires: of many who find at the same moment
//! that a member is full, one calls WeCom and the others leave it to that one, who looks again when it is done.
//! Whatever ends in between, a claim stays behind; after it has expired the next look sends WeCom the list again.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wecom::{Class, CorpId};

use super::plan::{Plan, plan};
use crate::channel::{Channel, ChannelId};
use crate::ports::{CountDay, KeepChannels, KeepRemoteChannel, StoreError, VendorError};

/// Seconds for which a claim holds: a call with its retries takes some 20 at most.
const CLAIM_SECONDS: i64 = 60;
/// Seconds until a list that WeCom refused is tried again. Somebody has to change something first, such as a
/// member who left the corp; a change of the channel is sent immediately.
const REFUSED_SECONDS: i64 = 3600;
/// Only a handful of operators and the sync change one channel at the same time.
const ROUNDS: usize = 8;

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aligned {
    /// Whether WeCom was sent another list.
    pub changed: bool,
    /// When the channel has to be looked at next, in Unix seconds.
    pub due: Option<i64>,
}

/// Why WeCom's list may not be as it should.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unaligned {
    /// The store is away, or others kept changing the channel.
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
/// A list that could not be sent is retried by the next call; see [`Unaligned`].
pub async fn align<S, W>(
    store: &S,
    wecom: &W,
    corp: &CorpId,
    id: &ChannelId,
    timezone: &TimeZone,
    now: Timestamp,
) -> Result<Aligned, Unaligned>
where
    S: KeepChannels + CountDay,
    W: KeepRemoteChannel,
{
    let mut run = Run {
        store,
        wecom,
        corp,
        now: now.as_second(),
        unclear: false,
        changed: false,
    };
    for _ in 0..ROUNDS {
        let stored = store.channel(corp, id).await?;
        let Some(channel) = stored.filter(Channel::is_made) else {
            return Ok(run.ends(None));
        };
        if run.is_others(&channel) {
            return Ok(run.ends(channel.telling_until));
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
    /// Unix seconds.
    now: i64,
    /// Whether WeCom was sent a list that could not be stored, because somebody else changed the channel
    /// meanwhile. It is not known then which list WeCom has, so it is sent again.
    unclear: bool,
    changed: bool,
}

impl<S: KeepChannels, W: KeepRemoteChannel> Run<'_, S, W> {
    /// Whether somebody else is telling WeCom just now. That one looks at the channel again afterwards, and then
    /// sees all that was counted before this moment.
    fn is_others(&self, channel: &Channel) -> bool {
        let claimed = channel.telling_until.is_some_and(|until| self.now < until);
        claimed && !self.unclear
    }

    /// Does what is to be done for `channel` as it was read, and says whether nothing is left to look at.
    async fn round(&mut self, channel: &Channel, plan: &Plan) -> Result<bool, Unaligned> {
        let told = channel.on_duty == plan.on_duty && channel.telling_until.is_none();
        if !told || self.unclear {
            self.tell(channel, plan).await?;
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

    /// Claims the channel, updates WeCom, and stores that it was updated.
    async fn tell(&mut self, channel: &Channel, plan: &Plan) -> Result<(), Unaligned> {
        let until = self.now + CLAIM_SECONDS;
        let claim = Channel {
            telling_until: Some(until),
            duty_until: Some(until),
            ..channel.clone()
        };
        let Some(claim) = self.put(claim).await? else {
            return Ok(());
        };
        // After a claim that nobody ended, the list is always sent.
        let before = if self.unclear { &claim } else { channel };
        let after = Channel {
            on_duty: plan.on_duty.clone(),
            duty_until: plan.until,
            telling_until: None,
            ..claim.clone()
        };
        if let Err(error) = self.wecom.update(self.corp, before, &after).await {
            self.give_up(claim.clone(), channel, plan, &error).await?;
            return Err(error.into());
        }
        self.unclear = self.put(after).await?.is_none();
        self.changed = true;
        Ok(())
    }

    /// After an answer that WeCom may have acted upon, or none, the claim stays. A clear refusal changed nothing.
    async fn give_up(
        &self,
        claim: Channel,
        channel: &Channel,
        plan: &Plan,
        error: &VendorError,
    ) -> Result<(), StoreError> {
        if error.code().is_none() || error.class() == Class::Retry {
            return Ok(());
        }
        let again = self.now + REFUSED_SECONDS;
        // What was unclear before is so still, and nobody is at it any more.
        let telling_until = if self.unclear {
            Some(self.now)
        } else {
            channel.telling_until
        };
        let refused = Channel {
            telling_until,
            duty_until: Some(plan.until.map_or(again, |until| until.min(again))),
            ..claim
        };
        self.put(refused).await.map(|_| ())
    }

    /// Writes `channel` as the next version, if the stored one is still the one that was read.
    async fn put(&self, mut channel: Channel) -> Result<Option<Channel>, StoreError> {
        let read = channel.version;
        channel.version += 1;
        let put = self.store.put_channel(self.corp, &channel, Some(read));
        Ok(put.await?.then_some(channel))
    }

    fn ends(&self, due: Option<i64>) -> Aligned {
        Aligned {
            changed: self.changed,
            due,
        }
    }
}
