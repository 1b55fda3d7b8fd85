//! What a channel is at WeCom, kept in step with what is stored.
//!
//! WeCom has no idempotency key, so a channel is written down as `creating` before WeCom is asked. If the
//! answer is lost, or the process ends in between, a later look at the channel settles it: what WeCom made
//! is found again, and only what is not there is made.

use domain::channel::{Channel, ChannelId, ChannelKind, Remote};
use domain::error::VendorError;
use domain::instant::UnixSeconds;
use wecom::api::path;
use wecom::{Error, LinkId};

use crate::channels::is_deleted;
use crate::refusal::Refusal;
use crate::{Admin, Scope, Store, Wecom};

/// Seconds after which a channel that is still `creating` belongs to no running call any more.
const CREATING_SECONDS: i64 = 60;
/// Channels that one page of the store brings.
const PAGE: i32 = 100;
/// Only a handful of operators change one channel at the same time.
const REALIGNMENTS: usize = 8;

impl<S: Store, W: Wecom> Admin<S, W> {
    /// The stored channel. One that a call left in `creating` is settled first.
    pub(crate) async fn settled(&self, scope: &Scope, id: &str) -> Result<Channel, Refusal> {
        let id = ChannelId::parse(id).ok_or(Refusal::NotFound("channel"))?;
        let channel = self
            .store
            .channel(&scope.corp, &id)
            .await?
            .filter(|channel| !is_deleted(channel));
        let channel = channel.ok_or(Refusal::NotFound("channel"))?;
        let abandoned =
            channel.updated_at.plus_seconds(CREATING_SECONDS) < UnixSeconds::of(self.clock.now());
        if channel.remote != Remote::Creating || !abandoned {
            return Ok(channel);
        }
        // Of several who look at the same time one settles it: two would make two contact ways.
        let claimed = match self.save(scope, channel.clone(), |_| ()).await {
            Err(Refusal::Conflict) => return Ok(channel),
            claimed => claimed?,
        };
        let remote = self.find_or_make(scope, &claimed).await?;
        self.save(scope, claimed, |channel| channel.remote = remote)
            .await
    }

    /// The stored channel, if it is known what it is at WeCom: before that it can be neither changed nor
    /// deleted there.
    pub(crate) async fn made(&self, scope: &Scope, id: &str) -> Result<Channel, Refusal> {
        let channel = self.settled(scope, id).await?;
        if channel.remote == Remote::Creating {
            return Err(Refusal::Creating);
        }
        Ok(channel)
    }

    /// Asks WeCom for the contact way or link. What WeCom refused was not made, and is forgotten.
    pub(crate) async fn make(&self, scope: &Scope, channel: &Channel) -> Result<Remote, Refusal> {
        let error = match self.wecom.make(&scope.corp, channel).await {
            Ok(remote) => return Ok(remote),
            Err(error) => error,
        };
        if is_unclear(&error) {
            return self.find_or_make(scope, channel).await;
        }
        self.store.forget_channel(&scope.corp, &channel.id).await?;
        Err(error.into())
    }

    async fn find_or_make(&self, scope: &Scope, channel: &Channel) -> Result<Remote, Refusal> {
        let unclear = |_| Refusal::Unclear(channel.id.to_string());
        let taken = match channel.spec.kind {
            ChannelKind::ContactWay => Vec::new(),
            ChannelKind::AcquisitionLink => self.links(scope).await?,
        };
        let found = self.wecom.find(&scope.corp, channel, &taken).await;
        if let Some(remote) = found.map_err(unclear)? {
            return Ok(remote);
        }
        let made = self.wecom.make(&scope.corp, channel).await;
        made.map_err(|error| {
            if is_unclear(&error) {
                unclear(error)
            } else {
                error.into()
            }
        })
    }

    /// The links of all channels of the corp.
    async fn links(&self, scope: &Scope) -> Result<Vec<LinkId>, Refusal> {
        let (mut links, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.store.channels(&scope.corp, cursor.as_ref(), PAGE);
            let (channels, next) = page.await?;
            links.extend(
                channels
                    .into_iter()
                    .filter_map(|channel| match channel.remote {
                        Remote::AcquisitionLink { link_id, .. } => Some(link_id),
                        _ => None,
                    }),
            );
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(links),
            }
        }
    }

    /// Changes the channel at WeCom, then here: a change that ends in between is repeated as a whole.
    pub(crate) async fn update(
        &self,
        scope: &Scope,
        before: &Channel,
        after: Channel,
    ) -> Result<Channel, Refusal> {
        self.wecom.update(&scope.corp, before, &after).await?;
        let saved = self.save(scope, after.clone(), |_| ()).await;
        if matches!(saved, Err(Refusal::Conflict)) {
            self.realign(scope, after).await?;
        }
        saved
    }

    /// Takes back at WeCom what was `sent` for a change that another call made first: sends what is
    /// stored, until nothing newer is stored.
    async fn realign(&self, scope: &Scope, mut sent: Channel) -> Result<(), Refusal> {
        for _ in 0..REALIGNMENTS {
            let stored = self.store.channel(&scope.corp, &sent.id).await?;
            let Some(stored) = stored.filter(|stored| stored.version > sent.version) else {
                break;
            };
            self.wecom.update(&scope.corp, &sent, &stored).await?;
            sent = stored;
        }
        Ok(())
    }
}

/// Whether WeCom may have made something although no answer came. Calls before it, for a token, make nothing.
fn is_unclear(error: &VendorError) -> bool {
    match error {
        VendorError::Wecom(
            Error::Unreachable {
                api, sent: true, ..
            }
            | Error::Unreadable { api, .. },
        ) => *api != path::GET_TOKEN,
        _ => false,
    }
}
