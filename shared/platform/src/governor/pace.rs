//! Calls with a deadline: time slots, which all processes take from one row.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::error::VendorError;
use domain::instant::UnixSeconds;
use domain::pace::{PaceGrant, PaceLimits, Slots};
use jiff::{SignedDuration, Timestamp};
use wecom::CorpId;

use super::Governor;

/// Calls with a deadline that a process makes in a minute before it takes a time slot are one in so many of the limit,
/// so that a quiet corp pays no write for a welcome.
const UNPACED_OF_MINUTE: u32 = 5_000;
/// How late a slot may be used. One that is older was left by a call that was given up.
const SLOT_AGE: SignedDuration = SignedDuration::from_secs(1);

/// The time slots that a process has for calls with a deadline.
#[derive(Default)]
pub(super) struct PacedCalls {
    minute: i64,
    unpaced: u32,
    slots: Option<Slots>,
    /// Whose turn it is to take slots: of calls that wait together one takes them for all.
    turn: Arc<tokio::sync::Mutex<()>>,
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
        if self.is_unpaced(corp, api, limits) {
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
            paced.slots.as_mut()?.find(|slot| *slot >= oldest)
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
                tracing::warn!(
                    event = "governor.uncounted",
                    corp.id = %corp,
                    wecom.api = api,
                    store.error = %error,
                    "calls could not be counted, and are made all the same"
                );
                Ok(None)
            }
        }
    }

    /// Whether a process may make a call without a time slot: the first few of a minute.
    fn is_unpaced(&self, corp: &CorpId, api: &'static str, limits: &PaceLimits) -> bool {
        let minute = self.now().get().div_euclid(60);
        self.paced(corp, api, |paced| {
            if paced.minute != minute {
                (paced.minute, paced.unpaced) = (minute, 0);
            }
            let is_unpaced = paced.unpaced < limits.per_minute / UNPACED_OF_MINUTE;
            paced.unpaced += u32::from(is_unpaced);
            is_unpaced
        })
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
