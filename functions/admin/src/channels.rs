//! Channels: the calls that make, list, read, change and delete them. What becomes of a channel at WeCom is
//! in [`remote`](crate::remote).

use domain::channel::{Channel, ChannelId, ChannelSpec, Remote};
use domain::error::StoreError;
use domain::field::FieldError;
use domain::instant::UnixSeconds;
use serde_json::{Value, json};

use crate::input::{self, Input};
use crate::refusal::Refusal;
use crate::view::ChannelView;
use crate::{Admin, Answer, Scope, Store, Wecom};

/// Channels of a page.
const PAGE: i32 = 50;
/// The largest page.
const LARGEST_PAGE: i32 = 100;

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn create_channel(&self, scope: &Scope, input: &Input) -> Answer {
        let mut spec: ChannelSpec = input::read(input.json()?)?;
        spec.check()?;
        self.check_tags(scope, &spec, &[]).await?;
        if let Some(welcome) = &mut spec.welcome {
            self.upload_sources(scope, welcome, None)
                .await
                .map_err(|refusal| refusal.prefixed("welcome"))?;
        }
        let now = UnixSeconds::of(self.clock.now());
        let mut channel = Channel {
            id: new_id()?,
            spec,
            app: scope.app.clone(),
            remote: Remote::Creating,
            on_duty: None,
            duty_until: None,
            update_lease_until: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.put_on_duty(scope, &mut channel, None).await?;
        if !self.store.put_channel(&scope.corp, &channel, None).await? {
            return Err(Refusal::Conflict);
        }
        let remote = self.make(scope, &channel).await?;
        Ok((
            201,
            view(
                &self
                    .save(scope, channel, |channel| channel.remote = remote)
                    .await?,
            ),
        ))
    }

    pub(crate) async fn list_channels(&self, scope: &Scope, input: &Input) -> Answer {
        let limit = input.limit(PAGE, LARGEST_PAGE)?;
        let cursor = input.parameter("cursor").map(|cursor| {
            ChannelId::parse(cursor).ok_or_else(|| {
                Refusal::Query(FieldError::new(
                    "cursor",
                    "is not a next_cursor of this list",
                ))
            })
        });
        let (channels, next) = self
            .store
            .channels(&scope.corp, cursor.transpose()?.as_ref(), limit)
            .await?;
        let shown = channels
            .iter()
            .filter(|channel| !is_deleted(channel))
            .map(view);
        Ok((
            200,
            json!({"channels": shown.collect::<Vec<_>>(), "next_cursor": next}),
        ))
    }

    pub(crate) async fn read_channel(&self, scope: &Scope, id: &str) -> Answer {
        Ok((200, view(&self.settled(scope, id).await?)))
    }

    /// Changes what the body names (JSON merge patch, RFC 7396); `null` takes a field away.
    pub(crate) async fn change_channel(&self, scope: &Scope, id: &str, input: &Input) -> Answer {
        let before = self.made(scope, id).await?;
        let mut spec =
            serde_json::to_value(&before.spec).map_err(|e| Refusal::Body(e.to_string()))?;
        let patch = input.json()?;
        if !patch.is_object() {
            return Err(Refusal::Body("is not an object of fields to change".into()));
        }
        json_patch::merge(&mut spec, &patch);
        let mut spec: ChannelSpec = input::read(spec)?;
        spec.check()?;
        if spec.kind != before.spec.kind {
            return Err(FieldError::new("kind", "cannot be changed: make a new channel").into());
        }
        self.check_tags(scope, &spec, &before.spec.tag_ids).await?;
        if let Some(welcome) = &mut spec.welcome {
            let known = before.spec.welcome.as_ref();
            self.upload_sources(scope, welcome, known)
                .await
                .map_err(|refusal| refusal.prefixed("welcome"))?;
        }
        let mut after = Channel {
            spec,
            ..before.clone()
        };
        self.put_on_duty(scope, &mut after, Some(&before)).await?;
        if after == before {
            return Ok((200, view(&before)));
        }
        let changed = self.update(scope, &before, after).await?;
        Ok((200, view(&changed)))
    }

    pub(crate) async fn delete_channel(&self, scope: &Scope, id: &str) -> Answer {
        let channel = self.made(scope, id).await?;
        self.wecom.delete(&scope.corp, &channel).await?;
        let deleted_at = UnixSeconds::of(self.clock.now());
        self.save(scope, channel, |channel| {
            channel.remote = Remote::Deleted { deleted_at }
        })
        .await?;
        Ok((204, Value::Null))
    }

    /// Stores the channel unless another call has changed it since it was read.
    pub(crate) async fn save(
        &self,
        scope: &Scope,
        mut channel: Channel,
        change: impl FnOnce(&mut Channel),
    ) -> Result<Channel, Refusal> {
        let read = channel.version;
        change(&mut channel);
        channel.version += 1;
        channel.updated_at = UnixSeconds::of(self.clock.now());
        if self
            .store
            .put_channel(&scope.corp, &channel, Some(read))
            .await?
        {
            Ok(channel)
        } else {
            Err(Refusal::Conflict)
        }
    }

    /// Refuses tags of which WeCom says that they do not exist. Without this, a mistyped id would show only
    /// with the first customer.
    async fn check_tags(
        &self,
        scope: &Scope,
        spec: &ChannelSpec,
        known: &[wecom::TagId],
    ) -> Result<(), Refusal> {
        let new: Vec<_> = spec
            .tag_ids
            .iter()
            .filter(|tag| !known.contains(tag))
            .cloned()
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let missing = self
            .wecom
            .missing_tags(&scope.corp, &scope.app, &new)
            .await?;
        let Some(tag) = missing.first() else {
            return Ok(());
        };
        let at = spec
            .tag_ids
            .iter()
            .position(|wanted| wanted == tag)
            .unwrap_or_default();
        Err(FieldError::new(format!("tag_ids[{at}]"), "is not a corp tag of this corp").into())
    }
}

fn view(channel: &Channel) -> Value {
    json!(ChannelView::from(channel))
}

pub(crate) fn is_deleted(channel: &Channel) -> bool {
    matches!(channel.remote, Remote::Deleted { .. })
}

fn new_id() -> Result<ChannelId, Refusal> {
    let mut bits = [0; 8];
    let filled = aws_lc_rs::rand::fill(&mut bits);
    filled.map_err(|_| StoreError::Unavailable("the system gave no random bytes".into()))?;
    Ok(ChannelId::from_random(u64::from_le_bytes(bits)))
}
