//! Attributes a customer to its channel, counts it, puts the channel's tags and remark on, and notes losses.
//!
//! It knows nothing of the welcome: an add without a welcome code is tagged all the same. What it writes
//! first, the relation and the counts, needs no WeCom; what WeCom has to do comes after. An error about
//! WeCom as a whole brings the record again and so holds the stream back; an error about one customer is
//! written down and repaired later. A channel with limits counts the add for its member's day as well, and lets
//! WeCom know at once when the member is full.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use domain::channel::ChannelId;
use domain::event::InboxEvent;
use domain::outcome::TagsOutcome;
use domain::ports::{
    ChangeRelation, CountDay, CountFacts, KeepChannels, KeepRemoteChannel, MarkTags, ReadNames,
    RecordTags, StoreError, Subject, WriteRemark,
};
use domain::relation::{Change, ChangeKind, Relation};
use domain::tally::Fact;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lambda_runtime::{Error, LambdaEvent};
use platform::in_flight::InFlight;
use platform::metrics::{Metrics, Unit};
use platform::secret::ConfigSource;
use platform::stream::{self, Verdict};
use wecom::CorpId;

mod limits;
mod putting;

/// Records that are handled at the same time.
const AT_ONCE: usize = 16;
/// Tags and remarks in flight per corp, together: WeCom publishes no number (error 45033), and this one is known to
/// be taken.
const IN_FLIGHT: usize = 5;
/// Names for remarks that are asked for at the same time, per corp: few, for welcomes ask the same API, and they
/// are in a hurry.
const NAMES_IN_FLIGHT: usize = 3;

/// What tagging asks of its store.
pub trait Store: ChangeRelation + CountDay + CountFacts + KeepChannels + RecordTags + Sync {}
impl<T: ChangeRelation + CountDay + CountFacts + KeepChannels + RecordTags + Sync> Store for T {}

/// What tagging asks of WeCom.
pub trait Wecom: KeepRemoteChannel + MarkTags + ReadNames + WriteRemark + Sync {}
impl<T: KeepRemoteChannel + MarkTags + ReadNames + WriteRemark + Sync> Wecom for T {}

/// The function with what it needs.
pub struct Tagger<S, W> {
    config: Arc<ConfigSource>,
    store: S,
    wecom: W,
    metrics: Metrics,
    in_flight: InFlight,
    names: InFlight,
}

/// Why a record is not done.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// WeCom as a whole cannot take calls now.
    #[error("WeCom takes no calls now: {0}")]
    Wecom(wecom::Error),
    /// Another record of the batch found out that WeCom takes no calls of this corp now.
    #[error("WeCom took no call of this corp a moment ago")]
    Held,
}

/// The corps of which WeCom takes no calls now, as far as this batch has found out. Without it, an outage
/// would cost every record of the batch its time-outs, and the function its own.
#[derive(Debug, Default)]
struct Held(Mutex<HashSet<CorpId>>);

impl Held {
    fn hold(&self, corp: &CorpId) {
        let mut corps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        corps.insert(corp.clone());
    }

    fn holds(&self, corp: &CorpId) -> bool {
        let corps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        corps.contains(corp)
    }
}

/// A customer's channel, and why it is this one.
struct Attribution {
    relation: Relation,
    channel: Option<ChannelId>,
}

impl<S: Store, W: Wecom> Tagger<S, W> {
    /// Reads from and writes to `store`, puts tags on through `wecom`.
    pub fn new(config: Arc<ConfigSource>, store: S, wecom: W, metrics: Metrics) -> Self {
        Self {
            config,
            store,
            wecom,
            metrics,
            in_flight: InFlight::new(IN_FLIGHT),
            names: InFlight::new(NAMES_IN_FLIGHT),
        }
    }

    /// Handles one batch of the inbox's stream.
    ///
    /// # Errors
    /// When there is no configuration, or the store cannot say what is done already; Lambda then brings the whole batch
    /// again.
    pub async fn handle(
        &self,
        batch: LambdaEvent<StreamEvent>,
    ) -> Result<DynamoDbEventResponse, Error> {
        // Without one the corp's days are unknown, and no tag can be put on.
        self.config.current().await?;
        let mut events = stream::events(batch.payload, &self.metrics);
        // A batch comes again as a whole from its first failed record on. What has an outcome is done; to
        // repeat it would spend WeCom's quota just when it is short.
        let asked: Vec<&InboxEvent> = events
            .iter()
            .map(|(_, event)| event)
            .filter(|event| event.asks_for_tags())
            .collect();
        let done = self.store.tags_done(&asked).await?;
        events.retain(|(_, event)| !done.iter().any(|(id, _)| *id == event.id));
        let held = Held::default();
        let handle = |event| self.handle_event(event, &held);
        Ok(stream::handle_each(events, AT_ONCE, &self.metrics, handle).await)
    }

    async fn handle_event(&self, event: InboxEvent, held: &Held) -> Verdict {
        match self.relate_and_tag(&event, held).await {
            Ok(()) => Verdict::Done,
            Err(cause) => {
                if matches!(cause, Unfinished::Wecom(_)) {
                    held.hold(&event.corp);
                }
                tracing::warn!(event.id = %event.id, corp.id = %event.corp, record.cause = %cause, "a record comes again");
                self.metrics.put("tags_held", Unit::Count, 1, &[]);
                Verdict::Retry
            }
        }
    }

    async fn relate_and_tag(&self, event: &InboxEvent, held: &Held) -> Result<(), Unfinished> {
        let Some(change) = Change::of(event) else {
            return Ok(());
        };
        let timezone = self.config.timezone(&event.corp).await;
        let attribution = self.attribute(event, &change).await?;
        let channel = match &attribution.channel {
            Some(id) => self.store.channel(&event.corp, id).await?,
            None => None,
        };
        self.count(event, &change, &attribution, &timezone).await?;
        if let Some(channel) = &channel {
            self.keep_limits(event, &change, channel, &timezone).await?;
        }
        if !event.asks_for_tags() {
            return Ok(());
        }
        if held.holds(&event.corp) {
            return Err(Unfinished::Held);
        }
        let mut outcome = self.tag(event, &attribution, channel).await?;
        let now = Timestamp::now();
        outcome.at = now.as_second();
        outcome.latency_ms = Some(now.as_millisecond() - event.received_at_ms);
        let subject = Subject {
            event,
            userid: &change.userid,
            external_userid: &change.external_userid,
            channel: attribution.channel.as_ref(),
            day: local_day(now.as_second(), &timezone),
        };
        self.store.record_tags(&subject, &outcome).await?;
        self.report(event, &outcome);
        Ok(())
    }

    /// Changes the relation. The channel is the one of the event's own `State`; a full add that completes a
    /// half add may come without one, and then keeps the half add's.
    async fn attribute(
        &self,
        event: &InboxEvent,
        change: &Change,
    ) -> Result<Attribution, StoreError> {
        let (before, relation) = self.store.change(&event.corp, change).await?;
        let of_event = match &change.kind {
            ChangeKind::Added {
                state: Some(state), ..
            } => ChannelId::parse(state.as_str()),
            ChangeKind::Added { state: None, .. } => {
                // The second half of the condition is for a record that comes again.
                let completes = before
                    .is_some_and(|before| before.unconfirmed || before.status_at == change.at);
                relation.present_channel().filter(|_| completes).cloned()
            }
            ChangeKind::CustomerLeft | ChangeKind::MemberRemoved => None,
        };
        Ok(Attribution {
            relation,
            channel: of_event,
        })
    }

    async fn count(
        &self,
        event: &InboxEvent,
        change: &Change,
        attribution: &Attribution,
        timezone: &TimeZone,
    ) -> Result<(), StoreError> {
        let pair = (&change.userid, &change.external_userid);
        if let Some(channel) = &attribution.channel {
            let day = local_day(change.at, timezone);
            self.store
                .count(&event.corp, channel, pair, Fact::Added, day)
                .await?;
        }
        if let Some((channel, lost_at)) = attribution.relation.loss() {
            let day = local_day(lost_at, timezone);
            self.store
                .count(&event.corp, channel, pair, Fact::Lost, day)
                .await?;
        }
        Ok(())
    }

    fn report(&self, event: &InboxEvent, outcome: &TagsOutcome) {
        let word = outcome.word();
        self.metrics
            .put("tags", Unit::Count, 1, &[("outcome", &word)]);
        tracing::info!(
            event.id = %event.id,
            corp.id = %event.corp,
            tags.outcome = word,
            tags.errcode = outcome.errcode,
            tags.attempts = outcome.attempts,
            tags.latency_ms = outcome.latency_ms,
            "tagged an add"
        );
    }
}

fn local_day(unix_seconds: i64, timezone: &TimeZone) -> Date {
    let at = Timestamp::from_second(unix_seconds).unwrap_or_default();
    at.to_zoned(timezone.clone()).date()
}
