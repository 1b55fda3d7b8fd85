//! Things that are due at a time: channels at a boundary of their schedule, media that expire, tags to try again.

use domain::channel::{Channel, ChannelId, Remote};
use domain::due::Due;
use domain::event::EventId;
use domain::welcome::WelcomeOwner;
use operations::duty;
use serde_json::{Value, json};

use super::Noticed;
use crate::meter::Meter;
use crate::together;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

/// Things of one tick; the rest is done by the next.
const TOGETHER: i32 = 200;

/// Media that are refreshed at the same time: a source that does not answer takes a minute of a tick, and must not be
/// all that the tick comes to.
const MEDIA_AT_ONCE: usize = 4;

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Does what is due; answers how much. One thing's trouble is not another's, and media come last: a boundary of a
    /// schedule does not wait for somebody's web server.
    pub(super) async fn do_due(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        noticed: &Noticed,
    ) -> Result<Value, Trouble> {
        let now = self.clock.unix_seconds();
        let due = self.store.due(scope.corp, now, TOGETHER).await?;
        let tags = due.iter().filter(|due| matches!(due, Due::Tags { .. }));
        noticed.tags_waiting.get_or_init(|| tags.count());
        let (mut done, mut trouble) = (0, None);
        let mut media = Vec::new();
        for due in due {
            let one = match &due {
                Due::Channel(id) => self.align(scope, id).await,
                Due::Tags { event, .. } => self.do_tags(scope, meter, event).await,
                Due::Welcome(_) => Ok(()),
            };
            match (one, due) {
                (Ok(()), Due::Tags { .. }) => done += 1,
                (Ok(()), due) => media.push(due),
                (Err(found), due) => trouble = trouble.or(Some(told(scope, &due, found))),
            }
        }
        let refreshed = media.iter().map(|due| async move {
            let refreshed = self.refresh(scope, due).await;
            Ok::<_, Trouble>(refreshed.map_err(|found| told(scope, due, found)))
        });
        for refreshed in together::all(refreshed.collect(), MEDIA_AT_ONCE).await? {
            match refreshed {
                Ok(()) => done += 1,
                Err(found) => trouble = trouble.or(Some(found)),
            }
        }
        trouble.map_or(Ok(json!(done)), Err)
    }

    /// Lets WeCom know who is on duty.
    async fn align(&self, scope: &Scope<'_>, id: &ChannelId) -> Result<(), Trouble> {
        let (corp, now) = (scope.corp, self.clock.now());
        duty::align(&self.store, &self.wecom, corp, id, scope.timezone, now).await?;
        Ok(())
    }

    async fn refresh(&self, scope: &Scope<'_>, due: &Due) -> Result<(), Trouble> {
        if !scope.has_time() {
            return Err(Trouble::OutOfTime);
        }
        match due {
            Due::Channel(id) => match self.store.channel(scope.corp, id).await? {
                Some(channel) => self.refresh_channel(scope, channel).await,
                None => Ok(()),
            },
            Due::Welcome(owner) => self.refresh_welcome(scope, owner).await,
            Due::Tags { .. } => Ok(()),
        }
    }

    /// Media of a channel's welcome. An operator who changes the channel meanwhile has the last word; what he wrote is
    /// due by its own media.
    async fn refresh_channel(
        &self,
        scope: &Scope<'_>,
        mut channel: Channel,
    ) -> Result<(), Trouble> {
        if matches!(channel.remote, Remote::Deleted { .. }) {
            return Ok(());
        }
        let read = channel.version;
        let Some(welcome) = &mut channel.spec.welcome else {
            return Ok(());
        };
        let (changed, refreshed) = self.refresh_media(scope, welcome).await;
        if changed {
            channel.version += 1;
            self.store
                .put_channel(scope.corp, &channel, Some(read))
                .await?;
        }
        refreshed
    }

    async fn refresh_welcome(
        &self,
        scope: &Scope<'_>,
        owner: &WelcomeOwner,
    ) -> Result<(), Trouble> {
        let Some(before) = self.welcome_of(scope, owner).await? else {
            return Ok(());
        };
        let mut welcome = before.clone();
        let (changed, refreshed) = self.refresh_media(scope, &mut welcome).await;
        // Uploads take their time; what was stored meanwhile is not overwritten.
        if changed && self.welcome_of(scope, owner).await?.as_ref() == Some(&before) {
            self.store
                .put_welcome(scope.corp, owner, Some(&welcome))
                .await?;
        }
        refreshed
    }

    async fn welcome_of(
        &self,
        scope: &Scope<'_>,
        owner: &WelcomeOwner,
    ) -> Result<Option<domain::welcome::Welcome>, Trouble> {
        let welcomes = self.store.welcomes(scope.corp).await?;
        let found = welcomes.into_iter().find(|(of, _)| of == owner);
        Ok(found.map(|(_, welcome)| welcome))
    }

    async fn do_tags(&self, scope: &Scope<'_>, meter: &Meter, id: &EventId) -> Result<(), Trouble> {
        let Some(event) = self.store.event(id).await? else {
            return Ok(());
        };
        let done = self.store.tags_done(&[&event]).await?;
        match done.first() {
            Some((_, before)) if before.retryable => {
                self.retry_tags(scope, meter, &event, before).await
            }
            _ => Ok(()),
        }
    }
}

/// Says what could not be done, and hands it on.
fn told(scope: &Scope<'_>, due: &Due, trouble: Trouble) -> Trouble {
    tracing::warn!(corp.id = %scope.corp, due.kind = kind(due), due.trouble = %trouble, "something that is due could not be done");
    trouble
}

fn kind(due: &Due) -> &'static str {
    match due {
        Due::Channel(_) => "channel",
        Due::Welcome(_) => "welcome",
        Due::Tags { .. } => "tags",
    }
}
