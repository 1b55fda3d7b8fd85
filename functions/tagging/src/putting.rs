//! Putting tags and remark on one customer, and what each answer of WeCom means for the record.

use std::time::Duration;

use domain::channel::{Channel, REMARK_CHARS};
use domain::event::InboxEvent;
use domain::outcome::{TagsOutcome, TagsResult};
use domain::placeholder::{Names, Placeholder, render_within};
use domain::quota::passes_soon;
use jiff::Timestamp;
use platform::in_flight::{InFlight, TOO_MANY};
use wecom::{Class, Error, ExternalUserId, UserId};

use crate::{Attribution, Store, Tagger, Unfinished, Wecom};

/// No relation; after a half add: not until the member confirms (WeCom error 84061).
const NO_RELATION: i64 = 84061;
/// Codes that say that WeCom as a whole takes no calls now: rate, concurrency, restricted access,
/// maintenance. Every other code of the retry class is about this pair.
const WHOLE: [i64; 4] = [45009, TOO_MANY, 45036, 81026];
/// The APIs that share the calls in flight for what is written.
const WRITES: &str = "mark_tag and remark";
/// Calls for one thing, the first included. WeCom asks for three at most after -1 (doc 90313).
const TRIES: u32 = 3;
/// Seconds for which a pause of WeCom's quota may hold the stream: the one of a minute, and the next batch.
const LONGEST_HOLD: i64 = 90;
/// First pause between two tries; it doubles (1 to 3 s after 45035).
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl<S: Store, W: Wecom> Tagger<S, W> {
    pub(crate) async fn tag(
        &self,
        event: &InboxEvent,
        attribution: &Attribution,
        channel: Option<Channel>,
    ) -> Result<TagsOutcome, Unfinished> {
        let Some(channel) = channel else {
            let why = match event.event.state() {
                None => "the customer came by search, card or group, and not through a channel",
                Some(_) => "the event's state is not one of a channel of this corp",
            };
            return Ok(TagsOutcome::new(TagsResult::NoChannel).because(why));
        };
        let mut outcome = self.mark(event, attribution, &channel).await?;
        if matches!(outcome.outcome, TagsResult::Tagged | TagsResult::NoTags)
            && let Err(error) = self.remark(event, attribution, &channel).await?
        {
            outcome.remark_errcode = error.code();
            outcome
                .reason
                .get_or_insert_with(|| format!("the remark was not written: {error}"));
        }
        Ok(outcome)
    }

    async fn mark(
        &self,
        event: &InboxEvent,
        attribution: &Attribution,
        channel: &Channel,
    ) -> Result<TagsOutcome, Unfinished> {
        let tags = &channel.spec.tag_ids;
        if tags.is_empty() {
            return Ok(TagsOutcome::new(TagsResult::NoTags));
        }
        let pair = pair(attribution);
        let mark = || self.wecom.mark_tags(&event.corp, &event.app, pair, tags);
        let (answer, attempts) = self.call(event, (&self.in_flight, WRITES), mark).await;
        let mut outcome = match answer {
            Ok(()) => {
                self.store
                    .add_tags(&event.corp, &attribution.relation, tags, now())
                    .await?;
                TagsOutcome::new(TagsResult::Tagged)
            }
            Err(error) if holds_the_stream(&error) => return Err(Unfinished::Wecom(error)),
            Err(error) if error.code() == Some(NO_RELATION) && attribution.relation.unconfirmed => {
                let waiting = TagsOutcome::new(TagsResult::Pending).after(&error);
                waiting.because(
                    "the member has to confirm the customer first; the add that follows is tagged",
                )
            }
            Err(error) => TagsOutcome::new(TagsResult::Failed).after(&error),
        };
        outcome.attempts = attempts;
        Ok(outcome)
    }

    /// Writes remark and description. The outer error brings the record again; the inner one is noted.
    async fn remark(
        &self,
        event: &InboxEvent,
        attribution: &Attribution,
        channel: &Channel,
    ) -> Result<Result<(), Error>, Unfinished> {
        let spec = &channel.spec;
        if spec.remark.is_none() && spec.description.is_none() {
            return Ok(Ok(()));
        }
        match self.write_remark(event, attribution, channel).await {
            Err(error) if holds_the_stream(&error) => Err(Unfinished::Wecom(error)),
            noted => Ok(noted),
        }
    }

    async fn write_remark(
        &self,
        event: &InboxEvent,
        attribution: &Attribution,
        channel: &Channel,
    ) -> Result<(), Error> {
        let (corp, app, pair) = (&event.corp, &event.app, pair(attribution));
        let spec = &channel.spec;
        let remark = match &spec.remark {
            Some(template) => {
                // A remark without the name it is made of would replace a better one: no neutral form here.
                let customer = if Placeholder::Customer.is_in(template) {
                    let name = || self.wecom.customer_name(corp, app, pair.1);
                    Some(
                        self.call(event, (&self.names, "externalcontact/get"), name)
                            .await
                            .0?,
                    )
                } else {
                    None
                };
                let names = Names {
                    customer: customer.as_deref(),
                    channel: Some(&spec.name),
                    member: None,
                };
                Some(render_within(template, names, REMARK_CHARS))
            }
            None => None,
        };
        let (remark, description) = (remark.as_deref(), spec.description.as_deref());
        let write = || {
            self.wecom
                .write_remark(corp, app, pair, remark, description)
        };
        self.call(event, (&self.in_flight, WRITES), write).await.0
    }

    /// Makes a call with its corp's share of calls in flight, again after errors that pass within seconds.
    async fn call<T, F: Future<Output = Result<T, Error>>>(
        &self,
        event: &InboxEvent,
        (in_flight, apis): (&InFlight, &'static str),
        make: impl Fn() -> F,
    ) -> (Result<T, Error>, u32) {
        let (mut attempts, mut pause) = (1, FIRST_PAUSE);
        loop {
            match in_flight.call(&event.corp, apis, make()).await {
                Err(error) if attempts < TRIES && passes_soon(&error) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempts += 1;
                }
                answer => return (answer, attempts),
            }
        }
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn pair(attribution: &Attribution) -> (&UserId, &ExternalUserId) {
    (
        &attribution.relation.userid,
        &attribution.relation.external_userid,
    )
}

/// Whether other customers would meet the same error: then waiting is right, for the whole stream. A pause of an hour
/// is too long for that, because other corps come in the same stream; the sync tries again after it.
fn holds_the_stream(error: &Error) -> bool {
    if matches!(error, Error::Paused { until, .. } if *until > now() + LONGEST_HOLD) {
        return false;
    }
    let of_all = error.code().is_none_or(|code| WHOLE.contains(&code));
    error.class() == Class::Retry && of_all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_wecom_hold_the_stream_and_errors_about_one_customer_do_not() {
        let api = |code| Error::Api {
            api: "mark_tag",
            code,
            message: String::new(),
        };
        let away = Error::Unreachable {
            api: "mark_tag",
            reason: "refused".into(),
            sent: false,
        };
        let paused = |seconds| Error::Paused {
            api: "mark_tag",
            until: now() + seconds,
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
                (holds_the_stream(&error), passes_soon(&error)),
                (holds, soon),
                "{error}"
            );
        }
    }
}
