//! Departments, members, and who of them may have customers.

use std::collections::{BTreeMap, BTreeSet};

use domain::member::{Department, Member};
use jiff::Timestamp;
use wecom::api::path;
use wecom::{Class, UserId};

use crate::calls::call;
use crate::meter::Meter;
use crate::together;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

/// Members whose details are read before the place is written down.
const TOGETHER: usize = 100;

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Reads who is there. An app need not be allowed to see the whole address book; what it may not see is left out
    /// and said, and the customers of the members who may have some are read all the same.
    pub(crate) async fn read_members(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<(), Trouble> {
        let begun = self.clock.now();
        let (corp, app) = (scope.corp, scope.app);
        let follow = call(scope, meter, path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(corp, app)
        });
        let follow: BTreeSet<UserId> = follow.await?.into_iter().collect();
        meter.change(|run| run.total = count(follow.len()));
        let mut ids = follow.clone();
        let complete = match self.visible_members(scope, meter).await {
            Ok(visible) => {
                ids.extend(visible);
                true
            }
            Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => {
                meter.skipped("the address book", &error);
                false
            }
            Err(trouble) => return Err(trouble),
        };
        let stored = self.store.members(corp).await?;
        let known: BTreeMap<&UserId, &Member> = stored
            .iter()
            .map(|member| (&member.userid, member))
            .collect();
        self.read_details(scope, meter, (&ids, &follow), &known)
            .await?;
        let gone = stored.iter().filter(|member| !ids.contains(&member.userid));
        for member in gone.filter(|member| complete && member.gone_at.is_none()) {
            let gone = Member {
                follows: false,
                gone_at: Some(begun.as_second()),
                ..member.clone()
            };
            self.put(scope, meter, &gone, begun).await?;
        }
        Ok(())
    }

    /// The members of the app's range: those of its departments and those who are named.
    async fn visible_members(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<Vec<UserId>, Trouble> {
        let (corp, app) = (scope.corp, scope.app);
        let range = call(scope, meter, path::GET_AGENT, || {
            self.wecom.visible_range(corp, app)
        })
        .await?;
        let departments = self.read_departments(scope, meter).await?;
        let members = departments.into_iter().map(|id| async move {
            call(scope, meter, path::LIST_USERS, || {
                self.wecom.department_members(corp, app, id)
            })
            .await
        });
        let members = together::all(members.collect(), scope.config.limits.in_flight).await?;
        let listed = members.into_iter().flatten().map(|entry| entry.user_id);
        Ok(range.users.into_iter().chain(listed).collect())
    }

    /// Reads the departments, stores what differs, and returns their ids.
    async fn read_departments(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<Vec<u64>, Trouble> {
        let (corp, at) = (scope.corp, self.clock.now());
        let told = call(scope, meter, path::LIST_DEPARTMENTS, || {
            self.wecom.departments(corp, scope.app)
        });
        let told: Vec<Department> = told
            .await?
            .into_iter()
            .map(|department| Department {
                id: department.id,
                name: department.name,
                parent_id: department.parentid,
            })
            .collect();
        let stored = self.store.departments(corp).await?;
        let changed = told
            .iter()
            .filter(|department| !stored.contains(department));
        let changed: Vec<Department> = changed.cloned().collect();
        let is_told = |id: u64| told.iter().any(|department| department.id == id);
        let gone: Vec<u64> = stored
            .iter()
            .map(|department| department.id)
            .filter(|id| !is_told(*id))
            .collect();
        meter.change(|run| run.writes += count(changed.len() + gone.len()));
        self.store
            .put_departments(corp, &changed, &gone, at)
            .await?;
        Ok(told.iter().map(|department| department.id).collect())
    }

    /// Reads the details of members in the order of their ids, so that a run that was stopped goes on behind the last.
    async fn read_details(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        (ids, follow): (&BTreeSet<UserId>, &BTreeSet<UserId>),
        known: &BTreeMap<&UserId, &Member>,
    ) -> Result<(), Trouble> {
        let after = meter.run().resume_after.map(UserId::from);
        let left: Vec<&UserId> = ids
            .iter()
            .filter(|id| after.as_ref().is_none_or(|after| *id > after))
            .collect();
        for members in left.chunks(TOGETHER) {
            let read = members.iter().map(|id| {
                self.read_member(
                    scope,
                    meter,
                    id,
                    follow.contains(*id),
                    known.get(*id).copied(),
                )
            });
            together::all(read.collect(), self.pace.in_work(scope)).await?;
            let last = members.last().map(|id| id.as_str().to_owned());
            meter.change(|run| run.resume_after = last);
        }
        Ok(())
    }

    pub(crate) async fn read_member(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        id: &UserId,
        follows: bool,
        known: Option<&Member>,
    ) -> Result<(), Trouble> {
        let at = self.clock.now();
        let told = call(scope, meter, path::GET_USER, || {
            self.wecom.member(scope.corp, scope.app, id)
        });
        let user = match told.await {
            Ok(user) => user,
            // Who has left meanwhile, or is out of sight, is no reason to stop.
            Err(Trouble::Wecom(error)) if error.class() == Class::Configuration => return Ok(()),
            Err(trouble) => return Err(trouble),
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
        self.put(scope, meter, &member, at).await
    }

    async fn put(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        member: &Member,
        at: Timestamp,
    ) -> Result<(), Trouble> {
        if self.store.put_member(scope.corp, member, at).await? {
            meter.change(|run| run.writes += 1);
        }
        Ok(())
    }
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
