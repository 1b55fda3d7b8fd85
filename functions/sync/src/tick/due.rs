//! Things that are due at a time: channels at a boundary of their schedule, media that expire, tags to try again.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::channel::{Channel, ChannelId, Remote};
use domain::due::Due;
use domain::event::EventId;
use domain::instant::UnixSeconds;
use domain::welcome::WelcomeOwner;
use futures::FutureExt;
use operations::duty;
use serde_json::{Value, json};

use super::Findings;
use crate::concurrent;
use crate::error::SyncError;
use crate::pass::Pass;
use crate::repair::{MAX_CONCURRENT_REPAIRS, is_outage};
use crate::{Store, Wecom};

/// Items of one query of the index.
const DUE_PER_QUERY: i32 = 500;
/// Adds of one tick whose tags are tried again; the rest is left to the next tick. No tick has the time for as many,
/// and their keys fit into a megabyte or two.
const MAX_TAGS_PER_TICK: usize = 10_000;
/// Adds that are prepared together: what is in work has its place in memory.
const TAGS_PER_STEP: usize = 200;

/// Media that are refreshed at the same time: a source that does not answer takes a minute of a tick, and must not be
/// all that the tick comes to.
const MAX_CONCURRENT_MEDIA: usize = 4;

/// What is due in one tick.
#[derive(Default)]
struct DueItems {
    /// Channels, and media of welcomes.
    others: Vec<Due>,
    /// Adds whose tags are tried again.
    tags: Vec<Due>,
    /// How many of those there are, also those that are left to the next tick.
    tags_waiting: usize,
}

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Does what is due, and returns how many items. One item's failure does not affect another. Channels come first: a
    /// boundary of a schedule does not wait for tags. Media come last: nothing waits for a web server.
    pub(super) async fn do_due(&self, findings: &Findings) -> Result<Value, SyncError> {
        let due = self.collect_due().await?;
        findings.tags_waiting.get_or_init(|| due.tags_waiting);
        let (mut done, mut first_error) = (0, None);
        let mut media = Vec::new();
        for due in due.others {
            let one = match &due {
                Due::Channel(id) => self.align(id).await,
                Due::Tags { .. } | Due::Welcome(_) => Ok(()),
            };
            match one {
                Ok(()) => media.push(due),
                Err(error) => first_error = first_error.or(Some(reported(&due, error))),
            }
        }
        let outage = AtomicBool::new(false);
        for step in due.tags.chunks(TAGS_PER_STEP) {
            let tried = step.iter().map(|due| self.try_tags(due, &outage));
            let tried = concurrent::try_join_bounded(
                tried.map(|it| it.map(Ok::<_, SyncError>)).collect(),
                MAX_CONCURRENT_REPAIRS,
            )
            .await?;
            for tried in tried {
                match tried {
                    Ok(()) => done += 1,
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            if outage.load(Ordering::Relaxed) || !self.has_time() {
                break;
            }
        }
        let refreshed = media.iter().map(|due| async move {
            let refreshed = self.refresh_media_of(due).await;
            Ok::<_, SyncError>(refreshed.map_err(|error| reported(due, error)))
        });
        for refreshed in
            concurrent::try_join_bounded(refreshed.collect(), MAX_CONCURRENT_MEDIA).await?
        {
            match refreshed {
                Ok(()) => done += 1,
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(json!(done)), Err)
    }

    /// Everything that is due.
    async fn collect_due(&self) -> Result<DueItems, SyncError> {
        let now = UnixSeconds::of(self.clock.now());
        let (mut items, mut cursor) = (DueItems::default(), None);
        loop {
            let (page, next) = self
                .store
                .due(self.corp, now, cursor.as_ref(), DUE_PER_QUERY)
                .await?;
            for due in page {
                if !matches!(due, Due::Tags { .. }) {
                    items.others.push(due);
                    continue;
                }
                items.tags_waiting += 1;
                if items.tags.len() < MAX_TAGS_PER_TICK {
                    items.tags.push(due);
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// Applies the tags of an add that is due, unless another one has found that WeCom takes no calls of the corp now.
    async fn try_tags(&self, due: &Due, outage: &AtomicBool) -> Result<(), SyncError> {
        let Due::Tags { event, .. } = due else {
            return Ok(());
        };
        if outage.load(Ordering::Relaxed) {
            return Err(SyncError::Outage);
        }
        let tried = self.do_tags(event).await;
        if matches!(&tried, Err(SyncError::Wecom(error)) if is_outage(error)) {
            outage.store(true, Ordering::Relaxed);
        }
        tried.map_err(|error| reported(due, error))
    }

    /// Sends WeCom the members on duty, if they are others than before.
    async fn align(&self, id: &ChannelId) -> Result<(), SyncError> {
        let (corp, now) = (self.corp, self.clock.now());
        duty::align(self.store, self.wecom, corp, id, self.timezone, now).await?;
        Ok(())
    }

    async fn refresh_media_of(&self, due: &Due) -> Result<(), SyncError> {
        if !self.has_time() {
            return Err(SyncError::OutOfTime);
        }
        match due {
            Due::Channel(id) => match self.store.channel(self.corp, id).await? {
                Some(channel) => self.refresh_channel_media(channel).await,
                None => Ok(()),
            },
            Due::Welcome(owner) => self.refresh_welcome_media(owner).await,
            Due::Tags { .. } => Ok(()),
        }
    }

    /// Media of a channel's welcome. The change of an operator in the meantime wins; it is due by its own media.
    async fn refresh_channel_media(&self, mut channel: Channel) -> Result<(), SyncError> {
        if matches!(channel.remote, Remote::Deleted { .. }) {
            return Ok(());
        }
        let expected_version = channel.version;
        let Some(welcome) = &mut channel.spec.welcome else {
            return Ok(());
        };
        let (changed, refreshed) = self.refresh_media(welcome).await;
        if changed {
            channel.version += 1;
            self.store
                .put_channel(self.corp, &channel, Some(expected_version))
                .await?;
        }
        refreshed
    }

    async fn refresh_welcome_media(&self, owner: &WelcomeOwner) -> Result<(), SyncError> {
        let Some(before) = self.store.welcome(self.corp, owner).await? else {
            return Ok(());
        };
        let mut welcome = before.clone();
        let (changed, refreshed) = self.refresh_media(&mut welcome).await;
        // Uploads take their time; what was stored meanwhile is not overwritten.
        if changed && self.store.welcome(self.corp, owner).await?.as_ref() == Some(&before) {
            self.store
                .put_welcome(self.corp, owner, Some(&welcome))
                .await?;
        }
        refreshed
    }

    async fn do_tags(&self, id: &EventId) -> Result<(), SyncError> {
        let Some(event) = self.store.event(id).await? else {
            return Ok(());
        };
        let done = self.store.tags_done(&[&event]).await?;
        match done.first() {
            Some((_, before)) if before.retryable => self.retry_tags(&event, before).await,
            _ => Ok(()),
        }
    }
}

/// Logs what failed, and returns it.
fn reported(due: &Due, error: SyncError) -> SyncError {
    tracing::warn!(
        event = "due.failed",
        due.kind = kind(due),
        due.error = %error,
        wecom.errcode = error.errcode(),
        "a due item failed, and will be retried"
    );
    error
}

fn kind(due: &Due) -> &'static str {
    match due {
        Due::Channel(_) => "channel",
        Due::Welcome(_) => "welcome",
        Due::Tags { .. } => "tags",
    }
}
