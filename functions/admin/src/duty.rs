//! Who of a channel is on duty when it is made or changed, and whether WeCom knows the others too.

use domain::channel::Channel;
use domain::field::FieldError;
use futures::{StreamExt, stream};
use operations::duty::plan;
use wecom::UserId;

use crate::refusal::{Refusal, blames_members};
use crate::{Admin, Scope, Store, Wecom};

/// Members who are looked up at the same time: welcomes ask the same API for names, and have 20 seconds.
const MAX_CONCURRENT_READS: usize = 3;

impl<S: Store, W: Wecom> Admin<S, W> {
    /// Sets the members on duty in `channel`, so that WeCom gets them with all other changes. `before` is the
    /// channel as it is stored.
    pub(crate) async fn put_on_duty(
        &self,
        scope: &Scope,
        channel: &mut Channel,
        before: Option<&Channel>,
    ) -> Result<(), Refusal> {
        let (now, timezone) = (self.clock.now(), &scope.timezone);
        let plan = plan(&self.store, &scope.corp, channel, timezone, now).await?;
        channel.on_duty = plan.on_duty;
        channel.duty_until = plan.until;
        // This update sends WeCom the whole list.
        channel.update_lease_until = None;
        self.check_off_duty(scope, channel, before).await
    }

    /// Refuses members that WeCom does not know. WeCom checks those who are on duty now; a mistyped id among the others
    /// would show only at the hour at which their shift begins.
    async fn check_off_duty(
        &self,
        scope: &Scope,
        channel: &Channel,
        before: Option<&Channel>,
    ) -> Result<(), Refusal> {
        let known: Vec<&UserId> = before
            .into_iter()
            .flat_map(members)
            .map(|(_, user)| user)
            .collect();
        let new = members(channel)
            .filter(|(_, user)| !channel.members().contains(user) && !known.contains(user));
        let looked_up = stream::iter(new.collect::<Vec<_>>()).map(|(field, user)| async move {
            let name = self.wecom.member_name(&scope.corp, &scope.app, user).await;
            // A look-up that fails for another reason refuses no member.
            let is_unknown = name.is_err_and(|error| blames_members(&error));
            is_unknown.then_some(field)
        });
        let mut unknown = looked_up
            .buffered(MAX_CONCURRENT_READS)
            .filter_map(async |field| field)
            .boxed();
        match unknown.next().await {
            Some(field) => {
                let message = "is not a member that the app may see: add the member to the app's visible range";
                Err(FieldError::new(field, message).into())
            }
            None => Ok(()),
        }
    }
}

/// All members who may be on duty at some time, with the name of the field. Without a schedule, all of them are on duty
/// now.
fn members(channel: &Channel) -> impl Iterator<Item = (String, &UserId)> {
    let users = channel.spec.users.iter().enumerate();
    let schedule = channel.spec.schedule.iter();
    let backup = schedule.flat_map(|schedule| schedule.backup.iter().enumerate());
    let users = users.map(|(at, user)| (format!("users[{at}]"), user));
    users.chain(backup.map(|(at, user)| (format!("schedule.backup[{at}]"), user)))
}
