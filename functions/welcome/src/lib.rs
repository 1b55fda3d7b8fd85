//! Sends the welcome message, within the 20 seconds that its code lives (WeCom doc 92137).
//!
//! It starts from the event itself and does as little as possible before it sends: one read, and names only
//! if the text uses them. Nothing that goes wrong here can be mended after the 20 seconds, so every way ends
//! in an outcome that is written down, and only a store that is away brings a record again.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use clock::Clock;
use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::event::InboxEvent;
use domain::instant::{UnixMillis, UnixSeconds};
use domain::outcome::{Subject, WelcomeOutcome, WelcomeResult};
use domain::ports::{
    AddressBookApi, CustomerApi, OutcomeStore, RelationStore, SendWelcome, WelcomeStore,
};
use domain::quota::Admission;
use domain::relation::RelationKey;
use domain::welcome::WELCOME_CODE_SECONDS;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lambda_runtime::{Error, LambdaEvent};
use platform::metrics::{Group, Metrics, Unit};
use platform::secret::ConfigSource;
use platform::start::Platform;
use platform::store::Store;
use platform::stream::{self, Verdict, outcome_fields};
use platform::wecom_api::WecomApi;
use wecom::api::path;
use wecom::{Event, UserId, WelcomeCode, WelcomeMessage};

mod naming;
mod recording;
mod sending;

/// Customers who are welcomed at the same time by one instance. WeCom's concurrency guard
/// (`API_CONCURRENT_OUT_OF_LIMIT`) has no published number; a batch of the stream is no larger than this.
const MAX_CONCURRENT_RECORDS: usize = 32;
/// What is left of the 20 seconds for the call itself when a time slot is waited for.
const TIME_FOR_CALL: Duration = Duration::from_millis(1500);

/// The function with what it needs.
pub struct Welcomer<S, W> {
    config: Arc<ConfigSource>,
    store: S,
    wecom: W,
    metrics: Metrics,
    clock: Clock,
}

impl Welcomer<Store, WecomApi> {
    /// The function as it is deployed, over these adapters.
    #[must_use]
    pub fn on(platform: Platform) -> Self {
        Self::through(platform, |store, wecom| (store, wecom))
    }
}

impl<S, W> Welcomer<S, W> {
    /// The same function, which reaches its ports through what `wrap` makes of them.
    pub fn through(platform: Platform, wrap: impl FnOnce(Store, WecomApi) -> (S, W)) -> Self {
        let wecom = platform.wecom.latency_critical(platform.store.clone());
        let (store, wecom) = wrap(platform.store, wecom);
        Self {
            config: platform.config,
            store,
            wecom,
            metrics: platform.metrics,
            clock: platform.clock,
        }
    }
}

impl<S, W> Welcomer<S, W>
where
    S: WelcomeStore + RelationStore + OutcomeStore + Sync,
    W: SendWelcome + CustomerApi + AddressBookApi + Sync,
{
    /// Handles one batch of the inbox's stream.
    ///
    /// # Errors
    /// When there is no configuration; Lambda then brings the whole batch again. A single record that has to come
    /// again is named in the answer.
    pub async fn handle(
        &self,
        batch: LambdaEvent<StreamEvent>,
    ) -> Result<DynamoDbEventResponse, Error> {
        // Without a configuration no welcome can be sent, and an outcome that says so would be final.
        self.config.current().await?;
        let events = stream::events(batch.payload, &self.metrics);
        Ok(
            stream::handle_each(events, MAX_CONCURRENT_RECORDS, &self.metrics, |event| {
                self.welcome(event)
            })
            .await,
        )
    }

    async fn welcome(&self, event: InboxEvent) -> Verdict {
        if !event.asks_for_welcome() {
            return Verdict::Done;
        }
        match self.welcome_and_record(&event).await {
            Ok(()) => Verdict::Done,
            Err(error) => {
                tracing::error!(
                    event = "welcome.retry",
                    store.error = %error,
                    "the store failed; the record will be retried"
                );
                Verdict::Retry
            }
        }
    }

    async fn welcome_and_record(&self, event: &InboxEvent) -> Result<(), StoreError> {
        let Some(relation) = RelationKey::of(&event.event) else {
            return Ok(());
        };
        let channel = self.channel(event, &relation).await?;
        let timezone = self.config.timezone(&event.corp).await;
        let mut outcome = self
            .answer(event, &relation.member, channel.as_ref(), &timezone)
            .await?;
        let now = self.clock.now();
        outcome.at = UnixSeconds::of(now);
        outcome.latency_ms = Some(UnixMillis::of(now).millis_since(event.received_at));
        let day = now.to_zoned(timezone).date();
        let subject = Subject {
            event,
            relation: &relation,
            channel: channel.as_ref(),
            day,
        };
        let write = || self.store.record_welcome(&subject, &outcome);
        if outcome.outcome == WelcomeResult::Sent {
            recording::write_in_place(&self.clock, write).await?;
        } else {
            write().await?;
        }
        self.report(event, &outcome);
        Ok(())
    }

    /// The channel of the event's `State`; a consent has none, but the relation remembers it.
    async fn channel(
        &self,
        event: &InboxEvent,
        key: &RelationKey,
    ) -> Result<Option<ChannelId>, StoreError> {
        if !matches!(event.event, Event::MsgAuditApproved(_)) {
            let state = event.event.state();
            return Ok(state.and_then(|state| ChannelId::parse(state.as_str())));
        }
        let relation = self.store.relation(&event.corp, key).await?;
        Ok(relation.and_then(|relation| relation.channel().cloned()))
    }

    async fn answer(
        &self,
        event: &InboxEvent,
        member: &UserId,
        channel: Option<&ChannelId>,
        timezone: &TimeZone,
    ) -> Result<WelcomeOutcome, StoreError> {
        let Some(code) = &event.welcome_code else {
            return Ok(WelcomeOutcome::new(WelcomeResult::NoCode).because(
                "WeCom sent no welcome code: a welcome in the console, or a chat that had begun",
            ));
        };
        if self.time_left(event).is_none() {
            return Ok(WelcomeOutcome::new(WelcomeResult::TooLate)
                .because("the 20 seconds were over before sending"));
        }
        let read_at = self.clock.now();
        let candidates = self.store.candidates(&event.corp, channel, member).await?;
        let now = self.clock.now();
        if let Some(until) = candidates
            .guard
            .paused_until(path::SEND_WELCOME_MSG, UnixSeconds::of(now))
        {
            return Ok(sending::paused(until));
        }
        let message = match candidates.choose(now.to_zoned(timezone.clone()).datetime()) {
            Some(chosen) => self.render(event, &chosen, &candidates.guard).await,
            None => None,
        };
        match message {
            Some(message) => {
                let admission = Admission {
                    guard: &candidates.guard,
                    read_at,
                    latest: code_ends(event) - TIME_FOR_CALL,
                };
                Ok(self.send(event, admission, code, message).await)
            }
            None => Ok(WelcomeOutcome::new(WelcomeResult::NoTemplate).because(
                "neither the channel nor the member nor the corp has a welcome for this hour",
            )),
        }
    }

    async fn send(
        &self,
        event: &InboxEvent,
        admission: Admission<'_>,
        code: &WelcomeCode,
        message: WelcomeMessage,
    ) -> WelcomeOutcome {
        let send = |message: WelcomeMessage| async move {
            let (corp, app) = (&event.corp, &event.app);
            self.wecom
                .send_welcome(corp, app, admission, code, &message)
                .await
        };
        let left = || self.time_left(event);
        sending::send_in_time(&self.clock, left, send, message).await
    }

    /// What is left of the 20 seconds, counted from the event's own time.
    fn time_left(&self, event: &InboxEvent) -> Option<Duration> {
        let left = code_ends(event).duration_since(self.clock.now());
        let left = Duration::try_from(left).ok()?;
        (!left.is_zero()).then_some(left)
    }

    /// Writes one metric line with the outcome of a welcome.
    fn report(&self, event: &InboxEvent, outcome: &WelcomeOutcome) {
        let measured = Group {
            dimensions: &[("outcome", outcome.outcome.as_str())],
            measured: &[
                ("welcomes", Unit::Count, 1),
                (
                    "welcome_ms",
                    Unit::Milliseconds,
                    outcome.latency_ms.unwrap_or_default(),
                ),
            ],
            totalled: false,
        };
        self.metrics
            .write(&[measured], &outcome_fields(event, outcome));
    }
}

/// When the welcome code ends, counted from the event's own time.
fn code_ends(event: &InboxEvent) -> Timestamp {
    UnixSeconds(event.created_at.get() + WELCOME_CODE_SECONDS).timestamp()
}
