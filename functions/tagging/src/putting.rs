//! Putting tags and remark on one customer, and what each answer of WeCom means for the record.

use domain::channel::Channel;
use domain::error::{StoreError, VendorError};
use domain::event::InboxEvent;
use domain::outcome::{TagsOutcome, TagsResult};
use domain::placeholder::{Names, Placeholder, render_within};
use domain::relation::{Arrival, Change, Observation};
use jiff::Timestamp;
use platform::in_flight::InFlight;
use platform::retry::{self, passes_soon};
use wecom::api::contact::{ExternalContact, FollowUser, REMARK_MAX_CHARS};
use wecom::api::path;
use wecom::{Class, ErrorCode, ExternalUserId, TagId, UserId};

use crate::{Add, Store, Tagger, Unfinished, Wecom};

/// Member and customer.
type Pair<'a> = (&'a UserId, &'a ExternalUserId);
/// A customer, what the member has on it, and when WeCom was asked.
type Read = Result<(ExternalContact, Option<FollowUser>, Timestamp), VendorError>;
/// Remark and description that were written.
type Texts = (Option<String>, Option<String>);

/// The APIs that share the calls in flight for what is written.
const WRITES: &str = "mark_tag and remark";
/// Seconds for which a pause of WeCom's quota may hold the stream: the one of a minute, and the next batch.
const LONGEST_HOLD: i64 = 90;

impl<S: Store, W: Wecom> Tagger<S, W> {
    /// Puts tags and remark on and reads the customer, and notes in `arrival` what was done. The outer error is the
    /// store's; the inner one brings the record again.
    pub(crate) async fn put(
        &self,
        add: &Add<'_>,
        arrival: &mut Arrival,
    ) -> Result<Result<TagsOutcome, Unfinished>, StoreError> {
        let pair = pair(&arrival.change);
        let (marked, read) = tokio::join!(self.mark(add, pair), self.read(add.event, pair));
        let (mut outcome, tagged) = match marked {
            Ok(marked) => marked,
            Err(cause) => return Ok(Err(cause)),
        };
        let written = match &add.channel {
            Some(channel) if is_well(&outcome) => {
                self.remark(add.event, pair, channel, &read).await
            }
            _ => Ok((None, None)),
        };
        arrival.tagged = tagged;
        match written {
            Ok(texts) => (arrival.remark, arrival.description) = texts,
            Err(error) if holds_the_stream(&error, self.clock.unix_seconds()) => {
                return Ok(Err(Unfinished::Wecom(error)));
            }
            Err(error) => {
                outcome.remark_errcode = error.code();
                outcome
                    .reason
                    .get_or_insert_with(|| format!("the remark was not written: {error}"));
            }
        }
        match read {
            Ok((contact, Some(follow), at)) => {
                arrival.told = Some((Observation { contact, follow }, at));
            }
            // The relation has ended since, or waits for the member.
            Err(error) if error.is(ErrorCode::NOT_EXTERNAL_CONTACT) => {}
            unread => {
                let error = unread.err().map(|error| error.to_string());
                tracing::info!(event.id = %add.event.id, corp.id = %add.event.corp, wecom.error = error, "the customer of an add is left to the sync");
                self.store.leave_to_sync(add.event).await?;
            }
        }
        Ok(Ok(outcome))
    }

    /// Applies the channel's tags; returns which, and when.
    async fn mark(
        &self,
        add: &Add<'_>,
        pair: Pair<'_>,
    ) -> Result<(TagsOutcome, Option<(Vec<TagId>, Timestamp)>), Unfinished> {
        let event = add.event;
        let Some(channel) = &add.channel else {
            let why = match event.event.state() {
                None => "the customer came by search, card or group, and not through a channel",
                Some(_) => "the event's state is not one of a channel of this corp",
            };
            return Ok((TagsOutcome::new(TagsResult::NoChannel).because(why), None));
        };
        let tags = &channel.spec.tag_ids;
        if tags.is_empty() {
            return Ok((TagsOutcome::new(TagsResult::NoTags), None));
        }
        let mark = || self.wecom.mark_tags(&event.corp, &event.app, pair, tags);
        let (answer, attempts) = self.call(event, (&self.in_flight, WRITES), mark).await;
        let (mut outcome, tagged) = match answer {
            Ok(()) => (
                TagsOutcome::new(TagsResult::Tagged),
                Some((tags.clone(), self.clock.now())),
            ),
            Err(error) if holds_the_stream(&error, self.clock.unix_seconds()) => {
                return Err(Unfinished::Wecom(error));
            }
            Err(error) if error.is(ErrorCode::NOT_EXTERNAL_CONTACT) && add.half => {
                let waiting = TagsOutcome::new(TagsResult::Pending).after(&error);
                let waiting = waiting.because(
                    "the member has to confirm the customer first; the add that follows is tagged",
                );
                (waiting, None)
            }
            Err(error) => (TagsOutcome::new(TagsResult::Failed).after(&error), None),
        };
        outcome.attempts = attempts;
        Ok((outcome, tagged))
    }

    /// The customer with what the member has on it, as WeCom returns it now. One page is read: of a customer with more
    /// than 500 followers, the member may be on another.
    async fn read(&self, event: &InboxEvent, (member, customer): Pair<'_>) -> Read {
        let at = self.clock.now();
        let (corp, app) = (&event.corp, &event.app);
        let get = || self.wecom.followers(corp, app, customer, None);
        let detail = self
            .call(event, (&self.reads, path::GET_EXTERNAL_CONTACT), get)
            .await
            .0?;
        let mut followers = detail.follow_user.into_iter();
        let follow = followers.find(|follow| follow.user_id == *member);
        Ok((detail.external_contact, follow, at))
    }

    /// Writes the channel's remark and description; returns what was written.
    async fn remark(
        &self,
        event: &InboxEvent,
        pair: Pair<'_>,
        channel: &Channel,
        read: &Read,
    ) -> Result<Texts, VendorError> {
        let spec = &channel.spec;
        let template = spec.remark.as_ref();
        let remark = template.map(|template| remark_of(template, &spec.name, read));
        let (remark, description) = (remark.transpose()?, spec.description.clone());
        if remark.is_some() || description.is_some() {
            let write = || {
                let texts = (remark.as_deref(), description.as_deref());
                self.wecom
                    .write_remark(&event.corp, &event.app, pair, texts.0, texts.1)
            };
            let written = self.call(event, (&self.in_flight, WRITES), write);
            written.await.0?;
        }
        Ok((remark, description))
    }

    /// Makes a call with its corp's share of calls in flight, again after errors that pass within seconds.
    async fn call<T, F: Future<Output = Result<T, VendorError>>>(
        &self,
        event: &InboxEvent,
        (in_flight, apis): (&InFlight, &'static str),
        make: impl Fn() -> F,
    ) -> (Result<T, VendorError>, u32) {
        let make = || in_flight.call(&event.corp, apis, make());
        retry::call(&self.clock, passes_soon, make).await
    }
}

fn pair(change: &Change) -> Pair<'_> {
    (&change.userid, &change.external_userid)
}

/// Whether tags were no trouble: a customer that WeCom refuses to tag is left unchanged.
fn is_well(outcome: &TagsOutcome) -> bool {
    matches!(outcome.outcome, TagsResult::Tagged | TagsResult::NoTags)
}

/// The remark that `template` makes. Without the name it is made of it would replace a better one: there is no neutral
/// form here.
fn remark_of(template: &str, channel: &str, read: &Read) -> Result<String, VendorError> {
    let customer = match read {
        Ok((contact, ..)) => Some(contact.name.expose()),
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
fn holds_the_stream(error: &VendorError, now: i64) -> bool {
    if matches!(error, VendorError::Paused { until, .. } if *until > now + LONGEST_HOLD) {
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

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn errors_about_wecom_hold_the_stream_and_errors_about_one_customer_do_not() {
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
            until: NOW + seconds,
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
                (holds_the_stream(&error, NOW), passes_soon(&error)),
                (holds, soon),
                "{error}"
            );
        }
    }
}
