//! Things that are due at a time: channels at a boundary of their schedule, media that expire, tags to try again.

use domain::channel::{Channel, ChannelId, Remote};
use domain::duty;
use domain::event::EventId;
use domain::ports::{Due, WelcomeOwner};
use serde_json::{Value, json};

use crate::meter::Meter;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom, now};

/// Things of one tick; the rest is done by the next.
const TOGETHER: i32 = 200;

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Does what is due; answers how much. One thing's trouble is not another's.
    pub(super) async fn do_due(&self, scope: &Scope<'_>, meter: &Meter) -> Result<Value, Trouble> {
        let (mut done, mut trouble) = (0, None);
        for due in self.store.due(scope.corp, now(), TOGETHER).await? {
            if !scope.has_time() {
                return Err(trouble.unwrap_or(Trouble::OutOfTime));
            }
            match self.do_one(scope, meter, &due).await {
                Ok(()) => done += 1,
                Err(found) => {
                    tracing::warn!(corp.id = %scope.corp, due.kind = kind(&due), due.trouble = %found, "something that is due could not be done");
                    trouble = trouble.or(Some(found));
                }
            }
        }
        trouble.map_or(Ok(json!(done)), Err)
    }

    async fn do_one(&self, scope: &Scope<'_>, meter: &Meter, due: &Due) -> Result<(), Trouble> {
        match due {
            Due::Channel(id) => self.do_channel(scope, id).await,
            Due::Welcome(owner) => self.do_welcome(scope, owner).await,
            Due::Tags { event, .. } => self.do_tags(scope, meter, event).await,
        }
    }

    async fn do_channel(&self, scope: &Scope<'_>, id: &ChannelId) -> Result<(), Trouble> {
        let now = jiff::Timestamp::now();
        duty::align(
            &self.store,
            &self.wecom,
            scope.corp,
            id,
            scope.timezone,
            now,
        )
        .await?;
        let Some(channel) = self.store.channel(scope.corp, id).await? else {
            return Ok(());
        };
        self.refresh_channel_media(scope, channel).await
    }

    /// Media of a channel's welcome. An operator who changes the channel meanwhile has the last word; what he wrote is
    /// due by its own media.
    async fn refresh_channel_media(
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
        if !self.refresh_media(scope, welcome).await? {
            return Ok(());
        }
        channel.version += 1;
        self.store
            .put_channel(scope.corp, &channel, Some(read))
            .await?;
        Ok(())
    }

    async fn do_welcome(&self, scope: &Scope<'_>, owner: &WelcomeOwner) -> Result<(), Trouble> {
        let Some(before) = self.welcome_of(scope, owner).await? else {
            return Ok(());
        };
        let mut welcome = before.clone();
        if !self.refresh_media(scope, &mut welcome).await? {
            return Ok(());
        }
        // Uploads take their time; what was stored meanwhile is not overwritten.
        if self.welcome_of(scope, owner).await?.as_ref() == Some(&before) {
            self.store
                .put_welcome(scope.corp, owner, Some(&welcome))
                .await?;
        }
        Ok(())
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

fn kind(due: &Due) -> &'static str {
    match due {
        Due::Channel(_) => "channel",
        Due::Welcome(_) => "welcome",
        Due::Tags { .. } => "tags",
    }
}
