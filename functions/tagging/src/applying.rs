//! Applies tags and remark to one customer, and decides what each answer of WeCom means for the record.

use domain::channel::Channel;
use domain::error::{StoreError, VendorError};
use domain::event::InboxEvent;
use domain::outcome::{TagsOutcome, TagsResult};
use domain::relation::{AddRecord, Observation, RelationKey};
use jiff::Timestamp;
use platform::retry::{self, passes_soon};
use wecom::api::contact::{ExternalContact, FollowUser};
use wecom::{Class, ErrorCode, TagId};

use crate::{Add, Applied, Store, Tagger, Wecom};

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
            Err((error, attempts)) => return Ok(Applied::Postponed(error, attempts)),
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
            Err(error) if affects_whole_tenant(&error) => {
                return Ok(Applied::Postponed(error, outcome.attempts));
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

    /// Applies the channel's tags. The error is one of the whole tenant, with the number of calls that met it.
    async fn mark(&self, add: &Add<'_>, key: &RelationKey) -> Result<Marked, (VendorError, u32)> {
        let event = add.event;
        let tags = match &add.channel {
            Some(channel) if !channel.spec.tag_ids.is_empty() => &channel.spec.tag_ids,
            channel => return Ok(without_tags(event, channel.as_ref()).into()),
        };
        let mark = || self.wecom.mark_tags(&event.corp, &event.app, key, tags);
        let (answer, attempts) = self.call(mark).await;
        let mut marked = match answer {
            Ok(()) => Marked {
                outcome: TagsOutcome::new(TagsResult::Tagged),
                tagged: Some((tags.clone(), self.clock.now())),
            },
            Err(error) if affects_whole_tenant(&error) => return Err((error, attempts)),
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
        let customer = match read {
            Ok(read) => Some(read.contact.name.expose()),
            // Without the name the remark would replace a better one.
            Err(error) if spec.remark_names_customer() => return Err(error.clone()),
            Err(_) => None,
        };
        let (remark, description) = (spec.remark_for(customer), spec.description.clone());
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

/// The outcome of an add for which no call is to be made: it has no channel, or a channel without tags and texts.
pub(crate) fn without_calls(add: &Add<'_>) -> Option<TagsOutcome> {
    let spec = add.channel.as_ref().map(|channel| &channel.spec);
    let needs_calls = spec.is_some_and(|spec| {
        !spec.tag_ids.is_empty() || spec.remark.is_some() || spec.description.is_some()
    });
    (!needs_calls).then(|| without_tags(add.event, add.channel.as_ref()))
}

/// The outcome of an add without tags.
fn without_tags(event: &InboxEvent, channel: Option<&Channel>) -> TagsOutcome {
    if channel.is_some() {
        return TagsOutcome::new(TagsResult::NoTags);
    }
    let why = match event.event.state() {
        None => "the customer came by search, card or group, and not through a channel",
        Some(_) => "the event's state is not one of a channel of this corp",
    };
    TagsOutcome::new(TagsResult::NoChannel).because(why)
}

/// Whether WeCom takes no calls of the corp now: other customers of it would meet the same error.
fn affects_whole_tenant(error: &VendorError) -> bool {
    // Every other code of the retry class is about this pair.
    let of_all = error.code().is_none_or(ErrorCode::concerns_tenant);
    error.class() == Class::Retry && of_all
}

#[cfg(test)]
mod tests {
    use domain::instant::UnixSeconds;
    use wecom::Error;

    use super::*;

    #[test]
    fn errors_about_the_tenant_postpone_and_errors_about_one_customer_do_not() {
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
            until: UnixSeconds(seconds),
        };
        for (error, postpones, soon) in [
            (paused(60), true, false),
            (paused(3_600), true, false),
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
                (affects_whole_tenant(&error), passes_soon(&error)),
                (postpones, soon),
                "{error}"
            );
        }
    }
}
