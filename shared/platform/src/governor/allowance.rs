//! Calls that can wait: blocks of what a minute and an hour allow, which all processes take from one row.

use std::sync::{Arc, PoisonError};

use domain::error::VendorError;
use domain::quota::{Limits, QuotaGrant};
use wecom::CorpId;

use super::{CorpLimits, Governor, report_uncounted};

/// Calls of an API that a process makes in a minute before it takes a block are one in so many of the limit: 10 by
/// default, too few to matter among thousands, and a quiet corp would pay a write for nearly every call.
const UNCOUNTED: QuotaFraction = QuotaFraction {
    of_minute: 500,
    of_hour: 7_500,
};
/// Calls that a process takes at once are one in so many of the limit, 50 by default. What it does not make of them is
/// lost for that minute.
const BLOCK: QuotaFraction = QuotaFraction {
    of_minute: 100,
    of_hour: 1_500,
};

/// A part of the limits, so that a small limit is kept as strictly as a large one.
struct QuotaFraction {
    of_minute: u32,
    of_hour: u32,
}

impl QuotaFraction {
    fn of(&self, limits: &Limits) -> u32 {
        let (minute, hour) = (limits.per_minute, limits.per_hour);
        (minute / self.of_minute).min(hour / self.of_hour)
    }
}

/// What a process may still call in the present minute.
#[derive(Default)]
pub(super) struct Allowance {
    minute: i64,
    uncounted: u32,
    left: u32,
    /// Whose turn it is to take a block: of calls that come together one takes it, and the others have part in it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Governor {
    /// Waits until a call may be made.
    ///
    /// # Errors
    /// [`VendorError::Paused`] while WeCom blocks the API, or what the bundle takes of a minute or an hour is spent.
    pub(super) async fn admit(
        &self,
        corp: &CorpId,
        limits: &CorpLimits,
        api: &'static str,
    ) -> Result<(), VendorError> {
        if let Some(until) = self.paused_until(corp, api).await {
            return Err(VendorError::Paused { api, until });
        }
        if self.has_taken(corp, api, UNCOUNTED.of(&limits.rate)) {
            return Ok(());
        }
        let turn = self.taken(corp, api, |taken| Arc::clone(&taken.turn));
        let _turn = turn.lock().await;
        if self.has_taken(corp, api, 0) {
            return Ok(());
        }
        let block = BLOCK.of(&limits.rate).max(1);
        let taken = self
            .store
            .take_quota(corp, api, block, &limits.rate, self.now());
        match taken.await {
            Ok(QuotaGrant::Granted(granted)) => {
                // The call that asked is one of them.
                self.taken(corp, api, |taken| taken.left += granted.saturating_sub(1));
                Ok(())
            }
            Ok(QuotaGrant::SpentUntil(until)) => Err(VendorError::Paused { api, until }),
            Err(error) => {
                report_uncounted(corp, api, &error);
                Ok(())
            }
        }
    }

    /// Takes a call of those that the process has, of which so many are not counted.
    fn has_taken(&self, corp: &CorpId, api: &'static str, uncounted: u32) -> bool {
        self.taken(corp, api, |taken| {
            if taken.uncounted < uncounted {
                taken.uncounted += 1;
                return true;
            }
            let has = taken.left > 0;
            taken.left = taken.left.saturating_sub(1);
            has
        })
    }

    fn taken<T>(
        &self,
        corp: &CorpId,
        api: &'static str,
        change: impl FnOnce(&mut Allowance) -> T,
    ) -> T {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry((corp.clone(), api)).or_default();
        let minute = self.now().get().div_euclid(60);
        if taken.minute != minute {
            *taken = Allowance {
                minute,
                turn: Arc::clone(&taken.turn),
                ..Allowance::default()
            };
        }
        change(taken)
    }
}
