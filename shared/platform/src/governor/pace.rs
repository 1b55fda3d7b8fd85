//! Calls with a deadline: time slots, which all processes take from one row.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::error::VendorError;
use domain::instant::UnixSeconds;
use domain::pace::{PaceGrant, PaceLimits, Slots};
use jiff::{SignedDuration, Timestamp};
use wecom::CorpId;

use super::{Governor, report_uncounted};

/// Calls with a deadline that a process makes in a minute without time slots are one in so many of the limit: 9 by
/// default, so that an ordinary welcome waits for no read and no write. Of forty processes, they are few enough for
/// WeCom's minute.
const UNPACED_OF_MINUTE: u32 = 1_000;
/// How late a slot may be used. One that is older was left by a call that was given up.
const SLOT_AGE: SignedDuration = SignedDuration::from_secs(1);

/// The time slots that a process has for calls with a deadline.
#[derive(Default)]
pub(super) struct PacedCalls {
    minute: i64,
    /// Calls of this minute.
    calls: u32,
    /// Whether the minute before had more calls than those without time slots: then this one has none without.
    is_busy: bool,
    slots: Option<Slots>,
    /// Whose turn it is to take slots: of calls that wait together one takes them for all.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl PacedCalls {
    /// Counts a call in this minute since 1970. Returns whether it needs no time slot: the first `most` of a minute do
    /// not, unless the minute before had more.
    fn is_unpaced(&mut self, minute: i64, most: u32) -> bool {
        if self.minute != minute {
            self.is_busy = self.minute + 1 == minute && self.calls > most;
            (self.minute, self.calls) = (minute, 0);
        }
        self.calls = self.calls.saturating_add(1);
        !self.is_busy && self.calls <= most
    }
}

impl Governor {
    /// Waits for a time slot.
    pub(super) async fn wait_for_slot(
        &self,
        corp: &CorpId,
        limits: &PaceLimits,
        api: &'static str,
        latest: Timestamp,
    ) -> Result<(), VendorError> {
        let minute = self.now().get().div_euclid(60);
        let most = limits.per_minute / UNPACED_OF_MINUTE;
        if self.paced(corp, api, |paced| paced.is_unpaced(minute, most)) {
            return Ok(());
        }
        let Some(slot) = self.slot(corp, limits, api, latest).await? else {
            return Ok(());
        };
        if slot > latest {
            let until = UnixSeconds::of(slot);
            return Err(VendorError::Paused { api, until });
        }
        if let Ok(wait) = Duration::try_from(slot.duration_since(self.clock.now())) {
            self.clock.sleep(wait).await;
        }
        Ok(())
    }

    /// The next time slot of this process; none if the store cannot give one.
    async fn slot(
        &self,
        corp: &CorpId,
        limits: &PaceLimits,
        api: &'static str,
        latest: Timestamp,
    ) -> Result<Option<Timestamp>, VendorError> {
        let turn = self.paced(corp, api, |paced| Arc::clone(&paced.turn));
        let _turn = turn.lock().await;
        let now = self.clock.now();
        let oldest = now.checked_sub(SLOT_AGE).unwrap_or(now);
        let left = self.paced(corp, api, |paced| {
            paced.slots.as_mut()?.take_between(oldest, latest)
        });
        if left.is_some() {
            return Ok(left);
        }
        // Each call that waits has the turn as well, and so has the map.
        let wanted = u32::try_from(Arc::strong_count(&turn) - 1).unwrap_or(u32::MAX);
        let times = (now, latest);
        match self
            .store
            .take_slots(corp, api, wanted, limits, times)
            .await
        {
            Ok(PaceGrant::Granted(mut slots)) => {
                let slot = slots.next();
                self.paced(corp, api, |paced| paced.slots = Some(slots));
                Ok(slot)
            }
            Ok(PaceGrant::TakenUntil(until)) => {
                let until = UnixSeconds::of(until);
                Err(VendorError::Paused { api, until })
            }
            Err(error) => {
                report_uncounted(corp, api, &error);
                Ok(None)
            }
        }
    }

    fn paced<T>(
        &self,
        corp: &CorpId,
        api: &'static str,
        change: impl FnOnce(&mut PacedCalls) -> T,
    ) -> T {
        let mut all = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry((corp.clone(), api)).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_calls_of_a_minute_need_no_time_slot_unless_the_minute_before_had_more() {
        let mut paced = PacedCalls::default();
        let mut unpaced = |minute, calls| {
            let calls = (0..calls).map(|_| paced.is_unpaced(minute, 9));
            calls.filter(|is_unpaced| *is_unpaced).count()
        };
        assert_eq!(unpaced(7, 9), 9);
        assert_eq!(unpaced(8, 20), 9);
        assert_eq!(unpaced(9, 5), 0, "the minute before was busy");
        assert_eq!(unpaced(10, 20), 9);
        assert_eq!(unpaced(12, 20), 9, "a minute without calls was between");
    }
}
