//! One company and the verbs of its dialogue: what customers, members and the console do, and what can be seen of it
//! afterwards.

mod adding;
mod apps;
mod console;
mod customers;
mod group_view;
mod groups;
mod growth;
mod members;
mod quota;
mod sight;
mod truth;

pub use apps::OtherApp;
pub use console::{ConsoleTag, ConsoleTagGroup};
pub use customers::{MemberEdit, Scan};
pub use group_view::{GroupMemberView, GroupView};
pub use groups::{GroupHappening, JoinScene, QuitScene};
pub use growth::{Grown, Growth};
pub(crate) use sight::applied_tags;
pub use sight::{AppliedTag, RelationView};
pub use truth::{CustomerTruth, MemberTruth, RelationTruth, TagGroupTruth, TagTruth, Truth};

use serde::Serialize;

use super::callback::{self, Happened};
use super::journal::EventId;
use super::model::moment::unix_s_of;
use super::model::{CorpState, Ids, Pair};
use super::{Sandbox, SandboxOptions};

/// A company of a sandbox. Verbs return as soon as the thing has happened; its callbacks go out as tasks, so verbs need
/// a Tokio runtime. Wait for them with [`Sandbox::settled`] or [`Sandbox::wait_for`].
#[derive(Clone, Debug)]
pub struct Corp {
    sandbox: Sandbox,
    id: String,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Happening {
    /// The customer.
    pub external_userid: String,
    /// The member, as the address book spells the userid.
    pub userid: String,
    /// The callbacks about it, one per app with a callback that sees the member; none if it is nothing new.
    pub events: Vec<EventId>,
}

/// Why something cannot happen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerbError {
    /// No channel has this id, URL or state.
    #[error("no such channel")]
    NoChannel,
    /// The channel has no members, or not this one.
    #[error("no such member in the channel")]
    NotInChannel,
    /// The corp has no such member.
    #[error("no such member")]
    NoMember,
    /// The corp has no such customer, or the member does not have this customer.
    #[error("no such relation")]
    NoRelation,
    /// A half add needs a channel that skips verification.
    #[error("the channel does not skip verification, so there is no half add")]
    NotSkippingVerification,
    /// The relation does not stand so that this could happen.
    #[error("the relation does not stand so that this could happen")]
    WrongStanding,
    /// The corp has no such app.
    #[error("no such app")]
    NoApp,
    /// No such tag or tag group.
    #[error("no such tag")]
    NoTag,
    /// No such customer group, or it is dissolved.
    #[error("no such customer group")]
    NoGroup,
    /// Not a customer of the corp, or not in the group.
    #[error("no such person in the corp or in the group")]
    NoPerson,
    /// A department is not there.
    #[error("no such department")]
    NoDepartment,
}

impl Corp {
    pub(crate) fn new(sandbox: Sandbox, id: String) -> Self {
        Self { sandbox, id }
    }

    /// The corp id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The time of day in whole Unix seconds.
    fn now_s(&self) -> u64 {
        unix_s_of(self.sandbox.now())
    }

    /// Something between a member and a customer, and its callbacks.
    fn happen(
        &self,
        verb: impl FnOnce(&mut CorpState, &mut Ids) -> Result<(Pair, Vec<Happened>), VerbError>,
    ) -> Result<Happening, VerbError> {
        let ((userid, external_userid), events) = self.publish(verb)?;
        Ok(Happening {
            external_userid: external_userid.to_string(),
            userid: userid.to_string(),
            events,
        })
    }

    /// Changes the corp, then delivers the events of the change.
    fn publish<T>(
        &self,
        verb: impl FnOnce(&mut CorpState, &mut Ids) -> Result<(T, Vec<Happened>), VerbError>,
    ) -> Result<(T, Vec<EventId>), VerbError> {
        let SandboxOptions { journal_length, .. } = *self.sandbox.options();
        let (value, ids, ready) = self.sandbox.change(|state| {
            let corp = state.corps.get_mut(&self.id).ok_or(VerbError::NoMember)?;
            let (value, happened) = verb(corp, &mut state.ids)?;
            let now = self.sandbox.now();
            let (ids, ready) = callback::publish(state, &self.id, happened, now, journal_length);
            Ok((value, ids, ready))
        })?;
        self.sandbox.send(ready);
        Ok((value, ids))
    }

    /// Changes the corp without an event.
    fn adjust<T>(
        &self,
        change: impl FnOnce(&mut CorpState) -> Result<T, VerbError>,
    ) -> Result<T, VerbError> {
        self.sandbox.change(|state| {
            let corp = state.corps.get_mut(&self.id).ok_or(VerbError::NoMember)?;
            change(corp)
        })
    }
}
