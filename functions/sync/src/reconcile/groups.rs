//! Customer groups: all that there are, and those that are no more.

use std::collections::{BTreeMap, BTreeSet};

use domain::group::Group;
use domain::instant::UnixSeconds;
use domain::relation::Trigger;
use wecom::api::group::{GroupChat, GroupStatus, GroupStatusKind, OWNERS_MAX};
use wecom::api::path;
use wecom::{ChatId, ErrorCode, UserId};

use crate::concurrent;
use crate::error::SyncError;
use crate::pass::{Pass, count};
use crate::{Store, Wecom};

/// Groups that are read before the place is written down.
const GROUPS_PER_CHECKPOINT: usize = 100;

type Statuses = BTreeMap<ChatId, GroupStatusKind>;

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    pub(crate) async fn read_groups(&self) -> Result<(), SyncError> {
        let statuses = match self.list_groups().await {
            Ok(statuses) => statuses,
            // An app without the permission for groups has none to keep.
            Err(SyncError::Wecom(error)) if error.is_refusal() => {
                self.progress.note_skipped("customer groups", &error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let members = self
            .progress
            .with(|run| run.chunks)
            .map_or(0, |_| self.progress.with(|run| run.done));
        let after = self
            .progress
            .with(|run| run.resume_after.clone())
            .map(ChatId::from);
        let (before, left): (Vec<_>, Vec<_>) = statuses
            .iter()
            .partition(|(id, _)| after.as_ref().is_some_and(|after| *id <= after));
        if after.is_none() {
            self.progress
                .change(|run| run.total = members + count(statuses.len()));
        } else {
            self.progress.change(|run| {
                run.total = run.done.saturating_sub(count(before.len())) + count(statuses.len());
            });
        }
        for groups in left.chunks(GROUPS_PER_CHECKPOINT) {
            let read = groups
                .iter()
                .map(|(id, status)| self.read_group(id, Some(**status), Trigger::Scheduled));
            concurrent::try_join_bounded(read.collect(), self.config.limits.concurrent_objects())
                .await?;
            let last = groups.last().map(|(id, _)| id.as_str().to_owned());
            self.progress.change(|run| {
                run.done += count(groups.len());
                run.resume_after = last;
            });
        }
        self.read_missing_groups(&statuses).await
    }

    /// The ids of all groups: in one list, or owner by owner if that is too long, and those of owners who have left,
    /// which are in neither.
    async fn list_groups(&self) -> Result<Statuses, SyncError> {
        let mut statuses = match self.list_groups_of(&[]).await {
            // More members are in range than a list without owners takes (WeCom doc 92120).
            Err(SyncError::Wecom(error)) if error.is(ErrorCode::TOO_MANY_ITEMS) => {
                self.list_by_owners().await?
            }
            listed => listed?,
        };
        let left = self.owners_who_left(&statuses).await?;
        for owners in left.chunks(OWNERS_MAX) {
            match self.list_groups_of(owners).await {
                Err(SyncError::Wecom(error)) if error.is_refusal() => {
                    statuses.extend(self.list_each(owners).await?);
                }
                listed => statuses.extend(listed?),
            }
        }
        Ok(statuses)
    }

    async fn list_by_owners(&self) -> Result<Statuses, SyncError> {
        let owners = self.call(path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(self.corp, self.app)
        });
        let mut statuses = Statuses::new();
        for owners in owners.await?.chunks(OWNERS_MAX) {
            statuses.extend(self.list_groups_of(owners).await?);
        }
        Ok(statuses)
    }

    /// Owner by owner, for one who is there and out of the app's sight has the whole list refused.
    async fn list_each(&self, owners: &[UserId]) -> Result<Statuses, SyncError> {
        let mut statuses = Statuses::new();
        for owner in owners.chunks(1) {
            match self.list_groups_of(owner).await {
                Err(SyncError::Wecom(error)) if error.is_refusal() => {}
                listed => statuses.extend(listed?),
            }
        }
        Ok(statuses)
    }

    /// Members who are gone, and owners of groups that are known and not listed: the groups of an owner who has left
    /// are returned by a list of that owner's groups (WeCom doc 92120).
    async fn owners_who_left(&self, listed: &Statuses) -> Result<Vec<UserId>, SyncError> {
        let members = self.store.members(self.corp).await?.into_iter();
        let gone = members.filter(|member| member.gone_at.is_some());
        let mut owners: BTreeSet<UserId> = gone.map(|member| member.userid).collect();
        let mut after = None;
        loop {
            let (living, more) = self.store.living_groups(self.corp, after.as_ref()).await?;
            for id in living.iter().filter(|id| !listed.contains_key(*id)) {
                let group = self.store.group(self.corp, id).await?;
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

    async fn list_groups_of(&self, owners: &[UserId]) -> Result<Statuses, SyncError> {
        let (mut statuses, mut cursor) = (Statuses::new(), None::<String>);
        loop {
            let page = self.call(path::LIST_GROUPS, || {
                self.wecom
                    .groups(self.corp, self.app, owners, cursor.as_deref())
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
    async fn read_missing_groups(&self, listed: &Statuses) -> Result<(), SyncError> {
        let mut after = None;
        loop {
            let (living, more) = self.store.living_groups(self.corp, after.as_ref()).await?;
            for id in living.iter().filter(|id| !listed.contains_key(*id)) {
                self.read_group(id, None, Trigger::Scheduled).await?;
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
        id: &ChatId,
        status: Option<GroupStatusKind>,
        trigger: Trigger,
    ) -> Result<(), SyncError> {
        let read_at = self.clock.now();
        let response = self.call(path::GET_GROUP, || {
            self.wecom.group_chat(self.corp, self.app, id)
        });
        let response = response.await;
        let stored = self.store.group(self.corp, id).await?;
        let status = status
            .or_else(|| stored.as_ref().map(|stored| stored.status))
            .unwrap_or_default();
        let group = match response {
            Ok(chat) => Group {
                chat: ordered(chat),
                status,
                dissolved_at: None,
                read_at,
            },
            Err(SyncError::Wecom(error)) if error.code().is_some_and(ErrorCode::is_group_gone) => {
                let before = stored.clone();
                let group = before.unwrap_or_else(|| Group::dissolved(id, read_at));
                Group {
                    dissolved_at: group.dissolved_at.or(Some(UnixSeconds::of(read_at))),
                    read_at,
                    ..group
                }
            }
            Err(error) => return Err(error),
        };
        // One that is known to be dissolved is asked for because it is still in the list of those that live.
        let stays = stored.is_some_and(|stored| Group { read_at, ..stored } == group)
            && group.dissolved_at.is_none()
            && trigger == Trigger::Scheduled;
        if !stays && self.store.put_group(self.corp, &group).await? {
            self.progress.change(|run| run.writes += 1);
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
