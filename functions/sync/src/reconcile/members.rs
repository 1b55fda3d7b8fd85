//! Departments, members, and who of them may have customers.

use std::collections::{BTreeMap, BTreeSet};

use domain::instant::UnixSeconds;
use domain::member::{Department, Member};
use jiff::Timestamp;
use wecom::UserId;
use wecom::api::path;

use crate::concurrent;
use crate::error::SyncError;
use crate::pass::{Pass, count};
use crate::{Store, Wecom};

/// Members whose details are read before the position is stored.
const MEMBERS_PER_CHECKPOINT: usize = 100;

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Syncs the members in the app's visible range. An app need not be allowed to see the whole address book; what it
    /// may not see is skipped and reported, and the customers of the members who may have some are read all the same.
    pub(crate) async fn read_members(&self) -> Result<(), SyncError> {
        let begun = self.clock.now();
        let (corp, app) = (self.corp, self.app);
        let follow = self.call(path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(corp, app)
        });
        let follow: BTreeSet<UserId> = follow.await?.into_iter().collect();
        self.progress.change(|run| run.total = count(follow.len()));
        let mut ids = follow.clone();
        let complete = match self.visible_members().await {
            Ok(visible) => {
                ids.extend(visible);
                true
            }
            Err(SyncError::Wecom(error)) if error.is_refusal() => {
                self.progress.note_skipped("the address book", &error);
                false
            }
            Err(error) => return Err(error),
        };
        let stored = self.store.members(corp).await?;
        let known: BTreeMap<&UserId, &Member> = stored
            .iter()
            .map(|member| (&member.userid, member))
            .collect();
        self.read_details(&ids, &follow, &known).await?;
        let gone = stored.iter().filter(|member| !ids.contains(&member.userid));
        for member in gone.filter(|member| complete && member.gone_at.is_none()) {
            let gone = Member {
                follows: false,
                gone_at: Some(UnixSeconds::of(begun)),
                ..member.clone()
            };
            self.put(&gone, begun).await?;
        }
        Ok(())
    }

    /// The members of the app's range: those of its departments and those who are named.
    async fn visible_members(&self) -> Result<Vec<UserId>, SyncError> {
        let (corp, app) = (self.corp, self.app);
        let range = self
            .call(path::GET_AGENT, || self.wecom.visible_range(corp, app))
            .await?;
        let departments = self.read_departments().await?;
        let members = departments.into_iter().map(|id| async move {
            self.call(path::LIST_USERS, || {
                self.wecom.department_members(corp, app, id)
            })
            .await
        });
        let members = concurrent::try_join_bounded(
            members.collect(),
            self.config.limits.concurrent_objects(),
        )
        .await?;
        let listed = members.into_iter().flatten().map(|entry| entry.user_id);
        Ok(range.users.into_iter().chain(listed).collect())
    }

    /// Reads the departments, stores what differs, and returns their ids.
    async fn read_departments(&self) -> Result<Vec<u64>, SyncError> {
        let (corp, at) = (self.corp, self.clock.now());
        let fetched = self.call(path::LIST_DEPARTMENTS, || {
            self.wecom.departments(corp, self.app)
        });
        let fetched: Vec<Department> = fetched
            .await?
            .into_iter()
            .map(|department| Department {
                id: department.id,
                name: department.name,
                parent_id: department.parentid,
            })
            .collect();
        let stored = self.store.departments(corp).await?;
        let changed = fetched
            .iter()
            .filter(|department| !stored.contains(department));
        let changed: Vec<Department> = changed.cloned().collect();
        let is_listed = |id: u64| fetched.iter().any(|department| department.id == id);
        let gone: Vec<u64> = stored
            .iter()
            .map(|department| department.id)
            .filter(|id| !is_listed(*id))
            .collect();
        self.progress
            .change(|run| run.writes += count(changed.len() + gone.len()));
        self.store
            .put_departments(corp, &changed, &gone, at)
            .await?;
        Ok(fetched.iter().map(|department| department.id).collect())
    }

    /// Reads the details of members in the order of their ids, so that a run that was stopped resumes after the last.
    async fn read_details(
        &self,
        ids: &BTreeSet<UserId>,
        follow: &BTreeSet<UserId>,
        known: &BTreeMap<&UserId, &Member>,
    ) -> Result<(), SyncError> {
        let after = self
            .progress
            .with(|run| run.resume_after.clone())
            .map(UserId::from);
        let left: Vec<&UserId> = ids
            .iter()
            .filter(|id| after.as_ref().is_none_or(|after| *id > after))
            .collect();
        for members in left.chunks(MEMBERS_PER_CHECKPOINT) {
            let read = members
                .iter()
                .map(|id| self.read_member(id, follow.contains(*id), known.get(*id).copied()));
            concurrent::try_join_bounded(read.collect(), self.concurrency()).await?;
            let last = members.last().map(|id| id.as_str().to_owned());
            self.progress.change(|run| run.resume_after = last);
        }
        Ok(())
    }

    pub(crate) async fn read_member(
        &self,
        id: &UserId,
        follows: bool,
        known: Option<&Member>,
    ) -> Result<(), SyncError> {
        let at = self.clock.now();
        let response = self.call(path::GET_USER, || {
            self.wecom.member(self.corp, self.app, id)
        });
        let user = match response.await {
            Ok(user) => user,
            // A member who has left meanwhile, or is out of sight, does not stop the run.
            Err(SyncError::Wecom(error)) if error.is_refusal() => return Ok(()),
            Err(error) => return Err(error),
        };
        let member = Member {
            userid: id.clone(),
            name: user.name,
            departments: user.department,
            alias: user.alias,
            position: user.position,
            status: user.status,
            follows,
            gone_at: None,
        };
        if known == Some(&member) {
            return Ok(());
        }
        self.put(&member, at).await
    }

    async fn put(&self, member: &Member, at: Timestamp) -> Result<(), SyncError> {
        if self.store.put_member(self.corp, member, at).await? {
            self.progress.change(|run| run.writes += 1);
        }
        Ok(())
    }
}
