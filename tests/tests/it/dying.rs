//! A function that is killed between two of its steps: ports that, at a chosen point, never answer. A function may
//! also wait there, while a test does something else.
//!
//! Every call of a port is two points, one before it takes effect and one after. A function that waits there
//! for ever and is then dropped has died exactly there: nothing after that point has happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::channel::{Channel, ChannelId, Remote};
use domain::event::{EventId, InboxEvent};
use domain::outcome::{TagsOutcome, WelcomeOutcome};
use domain::ports::{
    ChangeRelation, CountDay, CountFacts, KeepChannels, KeepRemoteChannel, LeaveWork, MarkTags,
    ReadChannel, ReadNames, ReadRelation, ReadWelcomes, RecordTags, RecordWelcome, SendWelcome,
    StoreError, Subject, WriteRemark,
};
use domain::relation::{Arrival, Change, Relation};
use domain::tally::{DayAdds, Fact};
use domain::welcome::Candidates;
use futures::future::BoxFuture;
use jiff::civil::Date;
use platform::store::Store;
use platform::wecom_api::WecomApi;
use tokio::sync::watch;
use wecom::{
    AppName, CorpId, Error, ExternalUserId, LinkId, TagId, UserId, WelcomeCode, WelcomeMessage,
};

/// The point at which something happens to a function, and how far it has come.
#[derive(Clone)]
pub(crate) struct Fate {
    place: Place,
    end: End,
    passed: Arc<AtomicUsize>,
    met: watch::Sender<Option<String>>,
    released: watch::Sender<bool>,
}

/// Which of the points it is.
#[derive(Clone)]
enum Place {
    /// Counted from 0.
    Number(usize),
    /// The first of this name: "before observe", "after customers".
    Named(&'static str),
}

/// What happens there.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Dies,
    Panics,
    Waits,
}

/// A port that dies with its function.
pub(crate) struct Dying<T> {
    pub(crate) inner: T,
    fate: Fate,
}

impl Fate {
    fn new(place: Place, end: End) -> Self {
        Self {
            place,
            end,
            passed: Arc::default(),
            met: watch::Sender::new(None),
            released: watch::Sender::new(false),
        }
    }

    /// Dies at this point, counted from 0.
    pub(crate) fn at(point: usize) -> Self {
        Self::new(Place::Number(point), End::Dies)
    }

    /// Panics at this point, which ends one record and not the function.
    pub(crate) fn panic_at(point: usize) -> Self {
        Self::new(Place::Number(point), End::Panics)
    }

    /// Waits at the first point of this name until it is [released](Self::release), as a process does that is paused.
    pub(crate) fn wait_at(name: &'static str) -> Self {
        Self::new(Place::Named(name), End::Waits)
    }

    /// Never dies.
    pub(crate) fn none() -> Self {
        Self::at(usize::MAX)
    }

    /// Gives a port this fate.
    pub(crate) fn of<T>(&self, inner: T) -> Dying<T> {
        Dying {
            inner,
            fate: self.clone(),
        }
    }

    /// Waits for the death, or for the point at which the function waits, and says where it was.
    pub(crate) async fn death(&self) -> String {
        let mut met = self.met.subscribe();
        let place = met.wait_for(Option::is_some).await.unwrap().clone();
        place.unwrap_or_default()
    }

    /// Lets a function that waits go on.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// The points that were passed.
    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    async fn pass(&self, when: &str, step: &str) {
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        let name = format!("{when} {step}");
        let is_it = match self.place {
            Place::Number(place) => number == place,
            Place::Named(place) => name == place && self.met.borrow().is_none(),
        };
        if !is_it {
            return;
        }
        assert!(self.end != End::Panics, "a panic that the test asked for");
        self.met.send_replace(Some(name));
        let mut released = self.released.subscribe();
        // A sender that is gone has died with the test.
        let _gone = released.wait_for(|released| *released).await;
    }
}

impl<T: Sync> Dying<T> {
    /// Boxed, because the functions are large enough without this.
    pub(crate) fn step<'a, O: Send>(
        &'a self,
        name: &'a str,
        step: impl Future<Output = O> + Send + 'a,
    ) -> BoxFuture<'a, O> {
        Box::pin(async move {
            self.fate.pass("before", name).await;
            let done = step.await;
            self.fate.pass("after", name).await;
            done
        })
    }
}

impl ReadWelcomes for Dying<Store> {
    async fn candidates(
        &self,
        corp: &CorpId,
        channel: Option<&ChannelId>,
        member: &UserId,
    ) -> Result<Candidates, StoreError> {
        let step = self.inner.candidates(corp, channel, member);
        self.step("candidates", step).await
    }
}

impl ReadRelation for Dying<Store> {
    async fn relation(
        &self,
        corp: &CorpId,
        pair: (&UserId, &ExternalUserId),
    ) -> Result<Option<Relation>, StoreError> {
        self.step("relation", self.inner.relation(corp, pair)).await
    }
}

impl RecordWelcome for Dying<Store> {
    async fn record_welcome(
        &self,
        subject: &Subject<'_>,
        outcome: &WelcomeOutcome,
    ) -> Result<(), StoreError> {
        let step = self.inner.record_welcome(subject, outcome);
        self.step("record_welcome", step).await
    }
}

impl ChangeRelation for Dying<Store> {
    async fn change(
        &self,
        corp: &CorpId,
        change: &Change,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        self.step("change", self.inner.change(corp, change)).await
    }

    async fn arrive(
        &self,
        corp: &CorpId,
        arrival: &Arrival,
    ) -> Result<(Option<Relation>, Relation), StoreError> {
        self.step("arrive", self.inner.arrive(corp, arrival)).await
    }

    async fn add_tags(
        &self,
        corp: &CorpId,
        relation: &Relation,
        tags: &[TagId],
        at: i64,
    ) -> Result<(), StoreError> {
        let step = self.inner.add_tags(corp, relation, tags, at);
        self.step("add_tags", step).await
    }
}

impl LeaveWork for Dying<Store> {
    async fn leave_to_sync(&self, event: &InboxEvent) -> Result<(), StoreError> {
        self.step("leave_to_sync", self.inner.leave_to_sync(event))
            .await
    }
}

impl CountFacts for Dying<Store> {
    async fn count(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        pair: (&UserId, &ExternalUserId),
        fact: Fact,
        day: Date,
    ) -> Result<(), StoreError> {
        let step = self.inner.count(corp, channel, pair, fact, day);
        self.step("count", step).await
    }
}

impl ReadChannel for Dying<Store> {
    async fn channel(&self, corp: &CorpId, id: &ChannelId) -> Result<Option<Channel>, StoreError> {
        self.step("channel", self.inner.channel(corp, id)).await
    }
}

impl KeepChannels for Dying<Store> {
    async fn channels(
        &self,
        corp: &CorpId,
        cursor: Option<&ChannelId>,
        limit: i32,
    ) -> Result<(Vec<Channel>, Option<ChannelId>), StoreError> {
        let step = self.inner.channels(corp, cursor, limit);
        self.step("channels", step).await
    }

    async fn put_channel(
        &self,
        corp: &CorpId,
        channel: &Channel,
        read: Option<u64>,
    ) -> Result<bool, StoreError> {
        let step = self.inner.put_channel(corp, channel, read);
        self.step("put_channel", step).await
    }

    async fn forget_channel(&self, corp: &CorpId, id: &ChannelId) -> Result<(), StoreError> {
        let step = self.inner.forget_channel(corp, id);
        self.step("forget_channel", step).await
    }
}

impl CountDay for Dying<Store> {
    async fn count_today(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        pair: (&UserId, &ExternalUserId),
        day: Date,
    ) -> Result<u64, StoreError> {
        let step = self.inner.count_today(corp, channel, pair, day);
        self.step("count_today", step).await
    }

    async fn days_counts(
        &self,
        corp: &CorpId,
        channel: &ChannelId,
        day: Date,
    ) -> Result<DayAdds, StoreError> {
        let step = self.inner.days_counts(corp, channel, day);
        self.step("days_counts", step).await
    }
}

impl RecordTags for Dying<Store> {
    async fn tags_done(
        &self,
        events: &[&InboxEvent],
    ) -> Result<Vec<(EventId, TagsOutcome)>, StoreError> {
        self.step("tags_done", self.inner.tags_done(events)).await
    }

    async fn record_tags(
        &self,
        subject: &Subject<'_>,
        outcome: &TagsOutcome,
    ) -> Result<(), StoreError> {
        let step = self.inner.record_tags(subject, outcome);
        self.step("record_tags", step).await
    }
}

impl SendWelcome for Dying<WecomApi> {
    async fn send_welcome(
        &self,
        corp: &CorpId,
        app: &AppName,
        code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> Result<(), Error> {
        let step = self.inner.send_welcome(corp, app, code, message);
        self.step("send_welcome", step).await
    }
}

impl ReadNames for Dying<WecomApi> {
    async fn customer_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        customer: &ExternalUserId,
    ) -> Result<String, Error> {
        let step = self.inner.customer_name(corp, app, customer);
        self.step("name", step).await
    }

    async fn member_name(
        &self,
        corp: &CorpId,
        app: &AppName,
        member: &UserId,
    ) -> Result<String, Error> {
        let step = self.inner.member_name(corp, app, member);
        self.step("name", step).await
    }
}

impl MarkTags for Dying<WecomApi> {
    async fn mark_tags(
        &self,
        corp: &CorpId,
        app: &AppName,
        pair: (&UserId, &ExternalUserId),
        tags: &[TagId],
    ) -> Result<(), Error> {
        let step = self.inner.mark_tags(corp, app, pair, tags);
        self.step("mark_tags", step).await
    }
}

impl KeepRemoteChannel for Dying<WecomApi> {
    async fn make(&self, corp: &CorpId, channel: &Channel) -> Result<Remote, Error> {
        self.step("make", self.inner.make(corp, channel)).await
    }

    async fn find(
        &self,
        corp: &CorpId,
        channel: &Channel,
        taken: &[LinkId],
    ) -> Result<Option<Remote>, Error> {
        let step = self.inner.find(corp, channel, taken);
        self.step("find", step).await
    }

    async fn update(&self, corp: &CorpId, before: &Channel, after: &Channel) -> Result<(), Error> {
        let step = self.inner.update(corp, before, after);
        self.step("update", step).await
    }

    async fn delete(&self, corp: &CorpId, channel: &Channel) -> Result<(), Error> {
        self.step("delete", self.inner.delete(corp, channel)).await
    }
}

impl WriteRemark for Dying<WecomApi> {
    async fn write_remark(
        &self,
        corp: &CorpId,
        app: &AppName,
        pair: (&UserId, &ExternalUserId),
        remark: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), Error> {
        let step = self
            .inner
            .write_remark(corp, app, pair, remark, description);
        self.step("write_remark", step).await
    }
}
