//! Who is missing in a complete reading of a member's customers, and what follows from that.

use std::collections::HashSet;

use domain::sync::{Chunk, Seen};
use wecom::api::path;
use wecom::{ExternalUserId, UserId};

use super::customers::Reading;
use crate::calls::call;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Concludes that the active relations which a complete reading did not list are lost. For a member who has lost
    /// the function meanwhile nothing is listed either, which means nothing: so the list of those who have it is read
    /// again first.
    pub(super) async fn conclude(
        &self,
        reading: &Reading<'_>,
        chunk: &Chunk,
        seen: &Seen,
        unlicensed: &HashSet<UserId>,
    ) -> Result<(), Trouble> {
        let Reading { scope, meter, .. } = *reading;
        let since = chunk.since.unwrap_or_else(|| self.clock.now());
        let mut missing = Vec::new();
        for member in &chunk.members {
            if !unlicensed.contains(member) {
                let customers = self.missing(scope, member, seen).await?;
                missing.extend(customers.into_iter().map(|customer| (member, customer)));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let follow = call(scope, meter, path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(scope.corp, scope.app)
        });
        let follow = follow.await?;
        for (member, customer) in missing {
            let lost = follow.contains(member)
                && self
                    .store
                    .conclude_lost(scope.corp, (member, &customer), since)
                    .await?;
            if lost {
                meter.change(|run| {
                    run.lost += 1;
                    run.writes += 1;
                });
            }
        }
        Ok(())
    }

    /// The customers that the member has as far as is known, and that the reading did not list.
    async fn missing(
        &self,
        scope: &Scope<'_>,
        member: &UserId,
        seen: &Seen,
    ) -> Result<Vec<ExternalUserId>, Trouble> {
        let (mut missing, mut after) = (Vec::new(), None);
        loop {
            let (customers, more) = self
                .store
                .active_customers(scope.corp, member, after.as_ref())
                .await?;
            after = customers.last().cloned().filter(|_| more);
            let unseen = customers.into_iter();
            missing.extend(unseen.filter(|customer| !seen.holds(member, customer)));
            if after.is_none() {
                return Ok(missing);
            }
        }
    }
}
