//! Attributes a customer to its channel, counts it, applies the channel's tags and remark, and records losses.
//!
//! It does not depend on the welcome: an add without a welcome code is tagged all the same. The customer is read from
//! WeCom at the same time, so that the relation with everything that is known of it is written once. While WeCom takes
//! no calls of a corp, its records do not wait in the stream, where those of other corps are behind them: relation and
//! counts are written as the event reports them, and the outcome is stored as pending with the time at which the sync
//! applies the rest. An error about one customer is stored as the outcome, and repaired later. For a channel with daily
//! limits, the add is counted for the member's day as well, and a member who reaches the limit is removed from the
//! contact way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use clock::Clock;
use domain::channel::{Channel, ChannelId};
use domain::error::{StoreError, VendorError};
use domain::event::InboxEvent;
use domain::instant::{UnixMillis, UnixSeconds};
use domain::outcome::{Subject, TagsOutcome, TagsResult};
use domain::ports::{
    ChannelStore, CountStore, CustomerApi, EventStore, OutcomeStore, ProvisionChannel,
    RelationStore,
};
use domain::relation::{AddRecord, Change, ChangeKind, Counted, Relation};
use domain::tally::Fact;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lambda_runtime::{Error, LambdaEvent};
use operations::ending;
use platform::metrics::{Group, Metrics, Unit};
use platform::secret::ConfigSource;
use platform::start::Platform;
use platform::stream::{self, Verdict, outcome_fields};
use platform::wecom_api::WecomApi;
use wecom::{CorpId, ErrorCode, State};

mod applying;
mod limits;

/// Records that are handled at the same time.
const MAX_CONCURRENT_RECORDS: usize = 32;

domain::port_set! {
    /// What tagging asks of its store.
    pub trait Store: ChannelStore, CountStore, EventStore, OutcomeStore, RelationStore
}

domain::port_set! {
    /// What tagging asks of WeCom.
    pub trait Wecom: CustomerApi, ProvisionChannel
}

/// The function with what it needs.
pub struct Tagger<S, W> {
    config: Arc<ConfigSource>,
    store: S,
    wecom: W,
    metrics: Metrics,
    clock: Clock,
}

/// The corps of which WeCom takes no calls now, as far as this batch has found out, with the error that said so.
/// Without it, an outage would cost every record of the batch its time-outs, and the function its own.
#[derive(Debug, Default)]
struct OutageGuard(Mutex<HashMap<CorpId, VendorError>>);

impl OutageGuard {
    fn trip(&self, corp: &CorpId, error: &VendorError) {
        let mut corps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        corps.entry(corp.clone()).or_insert_with(|| error.clone());
    }

    fn error_of(&self, corp: &CorpId) -> Option<VendorError> {
        let corps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        corps.get(corp).cloned()
    }
}

/// What applying tags and remark came to.
enum Applied {
    /// It ended, in success or in a refusal.
    Done(TagsOutcome),
    /// WeCom takes no calls of the corp now, after so many of them.
    Postponed(VendorError, u32),
}

/// An add whose tags are to be applied.
struct Add<'a> {
    event: &'a InboxEvent,
    /// Whether the member has yet to confirm the customer.
    half: bool,
    /// The channel that brought the customer, if it is one of this corp.
    channel: Option<Channel>,
}

impl Tagger<platform::store::Store, WecomApi> {
    /// The function as it is deployed, over these adapters.
    #[must_use]
    pub fn on(platform: Platform) -> Self {
        Self::through(platform, |store, wecom| (store, wecom))
    }
}

impl<S, W> Tagger<S, W> {
    /// The same function, which reaches its ports through what `wrap` makes of them.
    pub fn through(
        platform: Platform,
        wrap: impl FnOnce(platform::store::Store, WecomApi) -> (S, W),
    ) -> Self {
        let (store, wecom) = wrap(platform.store, platform.wecom);
        Self {
            config: platform.config,
            store,
            wecom,
            metrics: platform.metrics,
            clock: platform.clock,
        }
    }
}

impl<S: Store, W: Wecom> Tagger<S, W> {
    /// Handles one batch of the inbox's stream.
    ///
    /// # Errors
    /// When there is no configuration, or the store cannot say what is done already; Lambda then brings the whole batch
    /// again.
    pub async fn handle(
        &self,
        batch: LambdaEvent<StreamEvent>,
    ) -> Result<DynamoDbEventResponse, Error> {
        // Without one the corp's days are unknown, and no tag can be applied.
        self.config.current().await?;
        let mut events = stream::events(batch.payload, &self.metrics);
        // A batch is retried as a whole from its first failed record on. What has an outcome is done; to
        // repeat it would spend WeCom's quota just when it is short.
        let asked: Vec<&InboxEvent> = events
            .iter()
            .map(|(_, event)| event)
            .filter(|event| event.asks_for_tags())
            .collect();
        let done = self.store.tags_done(&asked).await?;
        let done: HashSet<_> = done.iter().map(|(id, _)| id).collect();
        events.retain(|(_, event)| !done.contains(&event.id));
        let outages = OutageGuard::default();
        let handle = |event| self.handle_event(event, &outages);
        Ok(stream::handle_each(events, MAX_CONCURRENT_RECORDS, &self.metrics, handle).await)
    }

    async fn handle_event(&self, event: InboxEvent, outages: &OutageGuard) -> Verdict {
        match self.relate_and_tag(&event, outages).await {
            Ok(()) => Verdict::Done,
            Err(error) => {
                tracing::warn!(
                    event = "tagging.retry",
                    store.error = %error,
                    "the store failed; the record will be retried"
                );
                self.metrics.put("tags_held", Unit::Count, 1, &[]);
                Verdict::Retry
            }
        }
    }

    async fn relate_and_tag(
        &self,
        event: &InboxEvent,
        outages: &OutageGuard,
    ) -> Result<(), StoreError> {
        let Some(change) = Change::of(event) else {
            return Ok(());
        };
        let timezone = self.config.timezone(&event.corp).await;
        match &change.kind {
            ChangeKind::Added { state, half } => {
                let id = self.channel_of(event, &change, state.as_ref()).await?;
                let channel = match &id {
                    Some(id) => self.store.channel(&event.corp, id).await?,
                    None => None,
                };
                let add = Add {
                    event,
                    half: *half,
                    channel,
                };
                self.add(&add, id, &change, &timezone, outages).await
            }
            ChangeKind::CustomerLeft | ChangeKind::MemberRemoved => {
                ending::apply(&self.store, &event.corp, &change, &timezone).await
            }
        }
    }

    /// Does what an add asks for, and writes the relation down whatever became of it.
    async fn add(
        &self,
        add: &Add<'_>,
        channel: Option<ChannelId>,
        change: &Change,
        timezone: &TimeZone,
        outages: &OutageGuard,
    ) -> Result<(), StoreError> {
        let event = add.event;
        let counted = channel.clone().map(|channel| Counted {
            channel,
            day: local_day(change.at, timezone),
        });
        if let Some(channel) = &add.channel {
            self.keep_limits(event, change, channel, timezone).await?;
        }
        let mut record = AddRecord::new(change.clone(), counted);
        let outage = outages.error_of(&event.corp);
        let is_outage = outage.is_some();
        let applied = match outage {
            Some(error) => {
                applying::without_calls(add).map_or(Applied::Postponed(error, 0), Applied::Done)
            }
            None => self.apply(add, &mut record).await?,
        };
        if is_outage || matches!(applied, Applied::Postponed(..)) {
            // The customer was not read.
            self.store.mark_pending(event).await?;
        }
        self.relate(event, &record, timezone).await?;
        let mut outcome = match applied {
            Applied::Done(outcome) => outcome,
            Applied::Postponed(error, attempts) => {
                outages.trip(&event.corp, &error);
                self.postponed(event, &error, attempts)
            }
        };
        let now = self.clock.now();
        outcome.at = UnixSeconds::of(now);
        outcome.latency_ms = Some(UnixMillis::of(now).millis_since(event.received_at));
        let subject = Subject {
            event,
            relation: &change.key,
            channel: channel.as_ref(),
            day: local_day(UnixSeconds::of(now), timezone),
        };
        self.store.record_tags(&subject, &outcome).await?;
        self.report(event, &outcome);
        Ok(())
    }

    /// The outcome while WeCom takes no calls of the corp: the sync applies the rest when it is due.
    fn postponed(&self, event: &InboxEvent, error: &VendorError, attempts: u32) -> TagsOutcome {
        tracing::info!(
            event = "tagging.postponed",
            event.id = %event.id,
            corp.id = %event.corp,
            wecom.error = %error,
            wecom.errcode = error.code().map(ErrorCode::get),
            "WeCom takes no calls of the corp now; the sync applies tags and remark when it does"
        );
        self.metrics.put("tags_held", Unit::Count, 1, &[]);
        // The last try of a paused API is no call.
        let not_called = u32::from(!error.is_of_a_call());
        TagsOutcome {
            attempts: attempts.saturating_sub(not_called),
            retryable: true,
            ..TagsOutcome::new(TagsResult::Pending).with_error(error)
        }
    }

    /// The channel of an add: the one of the event's own `State`. A full add that completes a half add may come without
    /// one, and then keeps the half add's.
    async fn channel_of(
        &self,
        event: &InboxEvent,
        change: &Change,
        state: Option<&State>,
    ) -> Result<Option<ChannelId>, StoreError> {
        if let Some(state) = state {
            return Ok(ChannelId::parse(state.as_str()));
        }
        let before = self.store.relation(&event.corp, &change.key).await?;
        // The second half of the condition is for a record that is retried.
        let completes = |before: &Relation| {
            before.lifecycle.is_unconfirmed() || before.lifecycle.known_at() == change.at
        };
        let completed = before.filter(completes);
        let after = completed.map(|before| change.apply(Some(&before)));
        Ok(after.and_then(|after| after.present_channel().cloned()))
    }

    /// Writes the relation after an add, and counts.
    async fn relate(
        &self,
        event: &InboxEvent,
        record: &AddRecord,
        timezone: &TimeZone,
    ) -> Result<(), StoreError> {
        let relation = self.store.record_add(&event.corp, record).await?;
        // WeCom may know of a channel that the event did not name.
        let named = record.counted.as_ref().map(|add| &add.channel);
        let other = relation
            .present_channel()
            .filter(|channel| Some(*channel) != named);
        let began = other
            .zip(relation.lifecycle.added_at)
            .map(|(channel, at)| Counted {
                channel: channel.clone(),
                day: local_day(at, timezone),
            });
        for add in record.counted.iter().chain(&began) {
            if !relation.counts(&add.channel) {
                self.store
                    .count(
                        &event.corp,
                        &add.channel,
                        &relation.key,
                        Fact::Added,
                        add.day,
                    )
                    .await?;
            }
        }
        ending::count(&self.store, &event.corp, &relation, timezone).await
    }

    /// Writes one metric line with the outcome of an add's tags.
    fn report(&self, event: &InboxEvent, outcome: &TagsOutcome) {
        let measured = Group {
            dimensions: &[("outcome", outcome.outcome.as_str())],
            measured: &[("tags", Unit::Count, 1)],
            totalled: false,
        };
        let mut fields = outcome_fields(event, outcome);
        fields.push(("outcome.latency_ms", outcome.latency_ms.into()));
        self.metrics.write(&[measured], &fields);
    }
}

fn local_day(at: UnixSeconds, timezone: &TimeZone) -> Date {
    at.timestamp().to_zoned(timezone.clone()).date()
}
