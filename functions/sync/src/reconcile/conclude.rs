//! Who is missing in a complete reading of a member's customers, and what follows from that.

use std::collections::HashSet;

use domain::relation::RelationKey;
use domain::sync::{Chunk, Seen};
use wecom::api::path;
use wecom::{ExternalUserId, UserId};

use crate::error::SyncError;
use crate::pass::Pass;
use crate::{Store, Wecom};

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Concludes that the active relations which a complete reading did not list are lost. For a member who has lost
    /// the function meanwhile nothing is listed either, which means nothing: so the list of those who have it is read
    /// again first.
    pub(super) async fn conclude(
        &self,
        chunk: &Chunk,
        seen: &Seen,
        unlicensed: &HashSet<UserId>,
    ) -> Result<(), SyncError> {
        let since = chunk.since.unwrap_or_else(|| self.clock.now());
        let mut missing = Vec::new();
        for member in &chunk.members {
            if !unlicensed.contains(member) {
                let customers = self.missing(member, seen).await?;
                let key = |customer| RelationKey::new(member.clone(), customer);
                missing.extend(customers.into_iter().map(key));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let follow = self.call(path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(self.corp, self.app)
        });
        let follow: HashSet<UserId> = follow.await?.into_iter().collect();
        for key in missing {
            let lost = follow.contains(&key.member)
                && self.store.conclude_lost(self.corp, &key, since).await?;
            if lost {
                self.progress.change(|run| {
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
        member: &UserId,
        seen: &Seen,
    ) -> Result<Vec<ExternalUserId>, SyncError> {
        let (mut missing, mut after) = (Vec::new(), None);
        loop {
            let (customers, more) = self
                .store
                .active_customers(self.corp, member, after.as_ref())
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
