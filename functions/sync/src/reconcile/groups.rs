//! Customer groups: all that there are, and those that are no more.

use std::collections::{BTreeMap, BTreeSet};

use domain::group::Group;
use wecom::api::group::{GroupChat, GroupStatus, GroupStatusKind, OWNERS_MAX};
use wecom::api::path;
use wecom::{ChatId, Class, ErrorCode, UserId};

use super::Why;
use super::members::count;
use crate::calls::call;
use crate::meter::Meter;
use crate::together;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

/// Groups that are read before the place is written down.
const TOGETHER: usize = 100;

type Statuses = BTreeMap<ChatId, GroupStatusKind>;

impl<S: Store, W: Wecom> Syncer<S, W> {
    pub(crate) async fn read_groups(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<(), Trouble> {
        let statuses = match self.list_groups(scope, meter).await {
            Ok(statuses) => statuses,
            // An app without the permission for groups has none to keep.
            Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => {
                meter.skipped("customer groups", &error);
                return Ok(());
            }
            Err(trouble) => return Err(trouble),
        };
        let members = meter.run().chunks.map_or(0, |_| meter.run().done);
        let after = meter.run().resume_after.map(ChatId::from);
        let (before, left): (Vec<_>, Vec<_>) = statuses
            .iter()
            .partition(|(id, _)| after.as_ref().is_some_and(|after| *id <= after));
        if after.is_none() {
            meter.change(|run| run.total = members + count(statuses.len()));
        } else {
            meter.change(|run| {
                run.total = run.done.saturating_sub(count(before.len())) + count(statuses.len());
            });
        }
        for groups in left.chunks(TOGETHER) {
            let read = groups
                .iter()
                .map(|(id, status)| self.read_group(scope, meter, id, (Some(**status), Why::Run)));
            together::all(read.collect(), scope.config.limits.in_flight).await?;
            let last = groups.last().map(|(id, _)| id.as_str().to_owned());
            meter.change(|run| {
                run.done += count(groups.len());
                run.resume_after = last;
            });
        }
        self.read_missing_groups(scope, meter, &statuses).await
    }

    /// The ids of all groups: in one list, or owner by owner if that is too long, and those of owners who have left,
    /// which are in neither.
    async fn list_groups(&self, scope: &Scope<'_>, meter: &Meter) -> Result<Statuses, Trouble> {
        let mut statuses = match self.list_groups_of(scope, meter, &[]).await {
            // More members are in range than a list without owners takes (WeCom doc 92120).
            Err(Trouble::Wecom(error)) if error.is(ErrorCode::TOO_MANY_ITEMS) => {
                self.list_by_owners(scope, meter).await?
            }
            listed => listed?,
        };
        let left = self.owners_who_left(scope, &statuses).await?;
        for owners in left.chunks(OWNERS_MAX) {
            match self.list_groups_of(scope, meter, owners).await {
                Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => {
                    statuses.extend(self.list_each(scope, meter, owners).await?);
                }
                listed => statuses.extend(listed?),
            }
        }
        Ok(statuses)
    }

    async fn list_by_owners(&self, scope: &Scope<'_>, meter: &Meter) -> Result<Statuses, Trouble> {
        let owners = call(scope, meter, path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(scope.corp, scope.app)
        });
        let mut statuses = Statuses::new();
        for owners in owners.await?.chunks(OWNERS_MAX) {
            statuses.extend(self.list_groups_of(scope, meter, owners).await?);
        }
        Ok(statuses)
    }

    /// Owner by owner, for one who is there and out of the app's sight has the whole list refused.
    async fn list_each(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owners: &[UserId],
    ) -> Result<Statuses, Trouble> {
        let mut statuses = Statuses::new();
        for owner in owners.chunks(1) {
            match self.list_groups_of(scope, meter, owner).await {
                Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => {}
                listed => statuses.extend(listed?),
            }
        }
        Ok(statuses)
    }

    /// Members who are gone, and owners of groups that are known and not listed: the groups of an owner who has left
    /// are returned by a list of that owner's groups (WeCom doc 92120).
    async fn owners_who_left(
        &self,
        scope: &Scope<'_>,
        listed: &Statuses,
    ) -> Result<Vec<UserId>, Trouble> {
        let members = self.store.members(scope.corp).await?.into_iter();
        let gone = members.filter(|member| member.gone_at.is_some());
        let mut owners: BTreeSet<UserId> = gone.map(|member| member.userid).collect();
        let mut after = None;
        loop {
            let (living, more) = self.store.living_groups(scope.corp, after.as_ref()).await?;
            for id in living.iter().filter(|id| !listed.contains_key(*id)) {
                let group = self.store.group(scope.corp, id).await?;
                owners.extend(group.map(|group| group.chat.owner));
            }
            match living.last() {
                Some(last) if more => after = Some(last.clone()),
                _ => break,
            }
        }
        owners.retain(|owner| !owner.is_empty());
        Ok(owners.into_iter().collect())
    }

    async fn list_groups_of(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owners: &[UserId],
    ) -> Result<Statuses, Trouble> {
        let (mut statuses, mut cursor) = (Statuses::new(), None::<String>);
        loop {
            let page = call(scope, meter, path::LIST_GROUPS, || {
                self.wecom
                    .groups(scope.corp, scope.app, owners, cursor.as_deref())
            });
            let page = page.await?;
            let listed = page.items.into_iter();
            statuses.extend(listed.map(
                |GroupStatus {
                     chat_id, status, ..
                 }| (chat_id, status),
            ));
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(statuses),
            }
        }
    }

    /// Groups that are stored as living and are in no list are asked for one by one: a list may be shorter because the
    /// owner has left, and only WeCom's own word dissolves a group.
    async fn read_missing_groups(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        listed: &Statuses,
    ) -> Result<(), Trouble> {
        let mut after = None;
        loop {
            let (living, more) = self.store.living_groups(scope.corp, after.as_ref()).await?;
            for id in living.iter().filter(|id| !listed.contains_key(*id)) {
                self.read_group(scope, meter, id, (None, Why::Run)).await?;
            }
            match living.last() {
                Some(last) if more => after = Some(last.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Reads one group and stores it, for a run if it differs. Without a `status` the stored one stays.
    pub(crate) async fn read_group(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        id: &ChatId,
        (status, why): (Option<GroupStatusKind>, Why),
    ) -> Result<(), Trouble> {
        let read_at = self.clock.now();
        let told = call(scope, meter, path::GET_GROUP, || {
            self.wecom.group_chat(scope.corp, scope.app, id)
        });
        let told = told.await;
        let stored = self.store.group(scope.corp, id).await?;
        let status = status
            .or_else(|| stored.as_ref().map(|stored| stored.status))
            .unwrap_or_default();
        let group = match told {
            Ok(chat) => Group {
                chat: ordered(chat),
                status,
                dissolved_at: None,
                read_at,
            },
            Err(Trouble::Wecom(error)) if error.code().is_some_and(ErrorCode::is_group_gone) => {
                let before = stored.clone();
                let group = before.unwrap_or_else(|| Group::dissolved(id, read_at));
                Group {
                    dissolved_at: group.dissolved_at.or(Some(read_at.as_second())),
                    read_at,
                    ..group
                }
            }
            Err(trouble) => return Err(trouble),
        };
        // One that is known to be dissolved is asked for because it is still in the list of those that live.
        let stays = stored.is_some_and(|stored| Group { read_at, ..stored } == group)
            && group.dissolved_at.is_none()
            && why == Why::Run;
        if !stays && self.store.put_group(scope.corp, &group).await? {
            meter.change(|run| run.writes += 1);
        }
        Ok(())
    }
}

/// The order in which WeCom lists members says nothing, and a change of it is no change.
fn ordered(mut chat: GroupChat) -> GroupChat {
    chat.member_list
        .sort_by(|one, other| one.userid.cmp(&other.userid));
    chat.admin_list.sort();
    chat
}
