//! Applies tags and remark to one customer, and decides what each answer of WeCom means for the record.

use domain::channel::Channel;
use domain::error::{StoreError, VendorError};
use domain::event::InboxEvent;
use domain::instant::UnixSeconds;
use domain::outcome::{TagsOutcome, TagsResult};
use domain::placeholder::{Names, Placeholder, render_within};
use domain::relation::{AddRecord, Observation, RelationKey};
use jiff::Timestamp;
use platform::retry::{self, passes_soon};
use wecom::api::contact::{ExternalContact, FollowUser, REMARK_MAX_CHARS};
use wecom::{Class, ErrorCode, TagId};

use crate::{Add, Applied, RetryReason, Store, Tagger, Wecom};

/// A customer as WeCom returns it.
struct Read {
    contact: ExternalContact,
    /// What the member has on the customer; `None` if it is not on the first page of followers.
    follow: Option<FollowUser>,
    /// When the call began.
    at: Timestamp,
}

/// What the bundle wrote on a customer.
#[derive(Default)]
struct Texts {
    remark: Option<String>,
    description: Option<String>,
}

/// Tags that were applied, and when; with the outcome.
struct Marked {
    outcome: TagsOutcome,
    tagged: Option<(Vec<TagId>, Timestamp)>,
}

impl From<TagsOutcome> for Marked {
    fn from(outcome: TagsOutcome) -> Self {
        Self {
            outcome,
            tagged: None,
        }
    }
}

/// Seconds for which a pause of WeCom's quota may hold the stream: the one of a minute, and the next batch.
const LONGEST_PAUSE_WAITED: i64 = 90;

impl<S: Store, W: Wecom> Tagger<S, W> {
    /// Applies tags and remark, reads the customer, and notes in `record` what was done.
    pub(crate) async fn apply(
        &self,
        add: &Add<'_>,
        record: &mut AddRecord,
    ) -> Result<Applied, StoreError> {
        let key = record.change.key.clone();
        let (marked, read) = tokio::join!(self.mark(add, &key), self.read(add.event, &key));
        let Marked {
            mut outcome,
            tagged,
        } = match marked {
            Ok(marked) => marked,
            Err(reason) => return Ok(Applied::Postponed(reason)),
        };
        let written = match &add.channel {
            Some(channel) if is_tagged(&outcome) => {
                self.write_texts(add.event, &key, channel, &read).await
            }
            _ => Ok(Texts::default()),
        };
        record.tagged = tagged;
        match written {
            Ok(texts) => {
                record.remark = texts.remark;
                record.description = texts.description;
            }
            Err(error) if affects_whole_tenant(&error, UnixSeconds::of(self.clock.now())) => {
                return Ok(Applied::Postponed(RetryReason::Wecom(error)));
            }
            Err(error) => {
                outcome.remark_errcode = error.code();
                outcome
                    .reason
                    .get_or_insert_with(|| format!("the remark was not written: {error}"));
            }
        }
        match read {
            Ok(Read {
                contact,
                follow: Some(follow),
                at,
            }) => record.read = Some((Observation { contact, follow }, at)),
            // The relation has ended since, or waits for the member.
            Err(error) if error.is(ErrorCode::NOT_EXTERNAL_CONTACT) => {}
            unread => {
                let error = unread.err().map(|error| error.to_string());
                tracing::info!(
                    event = "tagging.left_to_sync",
                    event.id = %add.event.id,
                    corp.id = %add.event.corp,
                    wecom.error = error,
                    "the customer of an add is left to the sync"
                );
                self.store.mark_pending(add.event).await?;
            }
        }
        Ok(Applied::Done(outcome))
    }

    /// Applies the channel's tags.
    async fn mark(&self, add: &Add<'_>, key: &RelationKey) -> Result<Marked, RetryReason> {
        let event = add.event;
        let Some(channel) = &add.channel else {
            let why = match event.event.state() {
                None => "the customer came by search, card or group, and not through a channel",
                Some(_) => "the event's state is not one of a channel of this corp",
            };
            return Ok(TagsOutcome::new(TagsResult::NoChannel).because(why).into());
        };
        let tags = &channel.spec.tag_ids;
        if tags.is_empty() {
            return Ok(TagsOutcome::new(TagsResult::NoTags).into());
        }
        let mark = || self.wecom.mark_tags(&event.corp, &event.app, key, tags);
        let (answer, attempts) = self.call(mark).await;
        let mut marked = match answer {
            Ok(()) => Marked {
                outcome: TagsOutcome::new(TagsResult::Tagged),
                tagged: Some((tags.clone(), self.clock.now())),
            },
            Err(error) if affects_whole_tenant(&error, UnixSeconds::of(self.clock.now())) => {
                return Err(RetryReason::Wecom(error));
            }
            Err(error) if error.is(ErrorCode::NOT_EXTERNAL_CONTACT) && add.half => {
                let waiting = TagsOutcome::new(TagsResult::Pending).with_error(&error);
                let why =
                    "the member has to confirm the customer first; the add that follows is tagged";
                waiting.because(why).into()
            }
            Err(error) => TagsOutcome::new(TagsResult::Failed)
                .with_error(&error)
                .into(),
        };
        marked.outcome.attempts = attempts;
        Ok(marked)
    }

    /// The customer with what the member has on it, as WeCom returns it now. One page is read: of a customer with more
    /// than 500 followers, the member may be on another.
    async fn read(&self, event: &InboxEvent, key: &RelationKey) -> Result<Read, VendorError> {
        let at = self.clock.now();
        let (corp, app) = (&event.corp, &event.app);
        let get = || self.wecom.followers(corp, app, &key.customer, None);
        let detail = self.call(get).await.0?;
        let mut followers = detail.follow_user.into_iter();
        let follow = followers.find(|follow| follow.user_id == key.member);
        Ok(Read {
            contact: detail.external_contact,
            follow,
            at,
        })
    }

    /// Writes the channel's remark and description; returns what was written.
    async fn write_texts(
        &self,
        event: &InboxEvent,
        key: &RelationKey,
        channel: &Channel,
        read: &Result<Read, VendorError>,
    ) -> Result<Texts, VendorError> {
        let spec = &channel.spec;
        let template = spec.remark.as_ref();
        let remark = template.map(|template| remark_of(template, &spec.name, read));
        let (remark, description) = (remark.transpose()?, spec.description.clone());
        if remark.is_some() || description.is_some() {
            let write = || {
                let (remark, description) = (remark.as_deref(), description.as_deref());
                self.wecom
                    .write_remark(&event.corp, &event.app, key, remark, description)
            };
            self.call(write).await.0?;
        }
        Ok(Texts {
            remark,
            description,
        })
    }

    /// Makes a call, again after errors that pass within seconds.
    async fn call<T, F: Future<Output = Result<T, VendorError>>>(
        &self,
        make: impl Fn() -> F,
    ) -> (Result<T, VendorError>, u32) {
        retry::call(&self.clock, passes_soon, make).await
    }
}

/// Whether the customer has the tags of the channel. A customer that WeCom refuses to tag is left unchanged.
fn is_tagged(outcome: &TagsOutcome) -> bool {
    matches!(outcome.outcome, TagsResult::Tagged | TagsResult::NoTags)
}

/// The remark that `template` makes. Without the name it is made of it would replace a better one: there is no neutral
/// form here.
fn remark_of(
    template: &str,
    channel: &str,
    read: &Result<Read, VendorError>,
) -> Result<String, VendorError> {
    let customer = match read {
        Ok(read) => Some(read.contact.name.expose()),
        Err(error) if Placeholder::Customer.is_in(template) => return Err(error.clone()),
        Err(_) => None,
    };
    let names = Names {
        customer,
        channel: Some(channel),
        member: None,
    };
    Ok(render_within(template, names, REMARK_MAX_CHARS))
}

/// Whether other customers would meet the same error: then waiting is right, for the whole stream. A pause of an hour
/// is too long for that, because other corps come in the same stream; the sync tries again after it.
fn affects_whole_tenant(error: &VendorError, now: UnixSeconds) -> bool {
    if matches!(error, VendorError::Paused { until, .. } if *until > now.plus_seconds(LONGEST_PAUSE_WAITED))
    {
        return false;
    }
    // Every other code of the retry class is about this pair.
    let of_all = error.code().is_none_or(ErrorCode::concerns_tenant);
    error.class() == Class::Retry && of_all
}

#[cfg(test)]
mod tests {
    use wecom::Error;

    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

    #[test]
    fn errors_about_the_tenant_stop_the_stream_and_errors_about_one_customer_do_not() {
        let api = |code: i64| {
            VendorError::from(Error::Api {
                api: "mark_tag",
                code: code.into(),
                message: String::new(),
            })
        };
        let away = VendorError::from(Error::Unreachable {
            api: "mark_tag",
            reason: "refused".into(),
            sent: false,
        });
        let paused = |seconds| VendorError::Paused {
            api: "mark_tag",
            until: NOW.plus_seconds(seconds),
        };
        for (error, holds, soon) in [
            (paused(60), true, false),
            (paused(3_600), false, false),
            (api(45009), true, false),
            (api(45033), true, true),
            (api(-1), false, true),
            (api(45035), false, true),
            (api(40068), false, false),
            (api(84061), false, false),
            (api(40001), false, false),
            (away, true, true),
        ] {
            assert_eq!(
                (affects_whole_tenant(&error, NOW), passes_soon(&error)),
                (holds, soon),
                "{error}"
            );
        }
    }
}
