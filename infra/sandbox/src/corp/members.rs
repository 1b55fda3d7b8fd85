//! What happens in the address book. An ordinary app gets no event about it (WeCom doc 90970).

use std::ops::Bound;

use super::{Corp, VerbError};
use crate::model::{GroupStatus, Id, Member, Range, Standing};
use crate::setup::{MemberSetup, MemberStatus, SetupError};

impl Corp {
    /// Somebody joins the company.
    ///
    /// # Errors
    ///
    /// When there is a member with this userid, or a department is not there.
    pub fn member_joins(&self, member: MemberSetup) -> Result<(), SetupError> {
        self.sandbox.change(|state| {
            let Some(corp) = state.corps.get_mut(&self.id) else {
                return Ok(());
            };
            if corp.member(&member.userid).is_some() {
                return Err(SetupError::DuplicateMember(member.userid));
            }
            corp.add_member(member)
        })
    }

    /// The member takes another name.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_is_renamed(&self, userid: &str, name: &str) -> Result<(), VerbError> {
        self.change_member(userid, |member| name.clone_into(&mut member.name))
    }

    /// The member goes to other departments; none means the root.
    ///
    /// # Errors
    ///
    /// When the member or a department is not there.
    pub fn member_moves(&self, userid: &str, departments: &[u32]) -> Result<(), VerbError> {
        let departments = self.adjust(|corp| {
            let own = corp.own_departments(departments.to_vec());
            own.map_err(|_| VerbError::NoDepartment)
        })?;
        self.change_member(userid, |member| member.departments = departments)
    }

    /// The member takes another alias.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_takes_alias(&self, userid: &str, alias: &str) -> Result<(), VerbError> {
        self.change_member(userid, |member| alias.clone_into(&mut member.alias))
    }

    /// The member gets another job title.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_gets_position(&self, userid: &str, position: &str) -> Result<(), VerbError> {
        self.change_member(userid, |member| position.clone_into(&mut member.position))
    }

    /// The member's account is disabled, or used again.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_gets_status(&self, userid: &str, status: MemberStatus) -> Result<(), VerbError> {
        self.change_member(userid, |member| member.status = status)
    }

    /// The member gets the customer-contact function, or loses it. Without it the list APIs show neither the member nor
    /// the member's customers, who all come back with it (WeCom docs 92571, 92113).
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_gets_function(&self, userid: &str, function: bool) -> Result<(), VerbError> {
        self.change_member(userid, |member| member.has_function = function)
    }

    /// The member gets the licence for the APIs, or loses it. Without it the list by members names the member as
    /// unlicensed and lists no customer (WeCom doc 92994).
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_gets_licence(&self, userid: &str, licensed: bool) -> Result<(), VerbError> {
        self.change_member(userid, |member| member.licensed = licensed)
    }

    /// The member leaves the company. The relations end without an event, and the groups of the member wait for another
    /// owner.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn member_leaves(&self, userid: &str) -> Result<(), VerbError> {
        self.adjust(|corp| {
            let member = corp.members.remove(&userid.to_lowercase());
            let userid = member.ok_or(VerbError::NoMember)?.userid;
            let start = Bound::Excluded((userid.clone(), Id::from("")));
            let own = corp.relations.range_mut((start, Bound::Unbounded));
            for (_, relation) in own.take_while(|((of, _), _)| *of == userid) {
                relation.standing = Standing::Removed;
            }
            let own = corp.groups.values_mut();
            for group in own.filter(|group| group.owner == userid) {
                group.status = GroupStatus::OwnerLeft;
            }
            Ok(())
        })
    }

    /// From now on the app sees these members, and the members of these departments and of all below them. An app
    /// without such a list sees everybody: [`app_sees_everybody`](Self::app_sees_everybody).
    ///
    /// # Errors
    ///
    /// When the app, a member or a department is not there.
    pub fn app_sees(
        &self,
        app: &str,
        users: &[&str],
        departments: &[u32],
    ) -> Result<(), VerbError> {
        self.adjust(|corp| {
            corp.app(app).ok_or(VerbError::NoApp)?;
            let users = users.iter().map(|userid| {
                let member = corp.member(userid).ok_or(VerbError::NoMember)?;
                Ok(member.userid.clone())
            });
            let users = users.collect::<Result<_, _>>()?;
            let is_there = |id: &u32| corp.departments.contains_key(id);
            if !departments.iter().all(is_there) {
                return Err(VerbError::NoDepartment);
            }
            let departments = departments.iter().copied().collect();
            let range = Range { users, departments };
            corp.ranges.insert(app.to_owned(), range);
            Ok(())
        })
    }

    /// From now on the app sees the root department, as it did at first.
    ///
    /// # Errors
    ///
    /// When there is no such app.
    pub fn app_sees_everybody(&self, app: &str) -> Result<(), VerbError> {
        self.adjust(|corp| {
            corp.app(app).ok_or(VerbError::NoApp)?;
            corp.ranges.remove(app);
            Ok(())
        })
    }

    fn change_member(
        &self,
        userid: &str,
        change: impl FnOnce(&mut Member),
    ) -> Result<(), VerbError> {
        self.adjust(|corp| {
            let member = corp.members.get_mut(&userid.to_lowercase());
            change(member.ok_or(VerbError::NoMember)?);
            Ok(())
        })
    }
}
