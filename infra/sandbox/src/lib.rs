//! A stateful WeCom for one machine: what is asked of its API, what happens to its customers and what its callbacks say
//! all agree.
//!
//! [`Sandbox`] is the whole; [`Corp`] is one company, and has the verbs of a dialogue: customers scan, leave and write,
//! members come, confirm, edit, remove and go, groups begin and end, the console changes tags. Everything that reached
//! the API and every delivery can be read back. The API side shares no code with the bundle, so that it cannot agree
//! with the bundle's own mistakes.
//!
//! Start with [`Sandbox::new`], [`Sandbox::add_corp`] and [`serve_on`]. [`Corp::grow`] makes a corp large, and
//! [`Corp::truth`] is what a copy of it has to agree with.

mod api;
mod callback;
mod corp;
pub mod crypto;
mod faults;
mod journal;
mod keeping;
mod limits;
mod model;
mod phone;
mod server;
mod setup;

pub use callback::{DeliveryMode, VerifyError};
pub use corp::{
    AppliedTag, ConsoleTag, ConsoleTagGroup, Corp, CustomerTruth, GroupHappening, GroupMemberView,
    GroupView, Grown, Growth, Happening, JoinScene, MemberEdit, MemberTruth, OtherApp, QuitScene,
    RelationTruth, RelationView, Scan, TagGroupTruth, TagTruth, Truth, VerbError,
};
pub use faults::{Fault, Faults};
pub use journal::{Call, Delivery, Event, EventId};
pub use keeping::{KeepError, Kept};
pub use limits::RateLimits;
pub use model::{Body, GroupStatus, Message, Sender};
pub use server::{Served, serve_on};
pub use setup::{
    AppSetup, CorpSetup, DepartmentSetup, MemberSetup, MemberStatus, SandboxOptions, SetupError,
};

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use clock::Clock;
use tokio::sync::watch;

use callback::Clients;
use model::{CorpState, State};

/// The shortest time between two looks at a condition that is waited for.
const BREATH: Duration = Duration::from_millis(2);

/// A WeCom. Clones are the same one.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    options: SandboxOptions,
    state: Mutex<State>,
    /// Ticks after every change, for those who wait for one.
    changes: watch::Sender<()>,
    clients: Clients,
}

/// A condition that did not come true in time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {waited:?} in vain for: {what}")]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// For how long.
    pub waited: Duration,
}

impl Sandbox {
    /// An empty sandbox.
    ///
    /// # Errors
    ///
    /// When the HTTP client of the callbacks cannot be built.
    pub fn new(options: SandboxOptions) -> Result<Self, reqwest::Error> {
        let inner = Inner {
            state: Mutex::new(State::new(&options)),
            options,
            changes: watch::Sender::new(()),
            clients: Clients::new()?,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Sets up a company.
    ///
    /// # Errors
    ///
    /// When there is one of this id, a key is not a key, or a department is not there.
    pub fn add_corp(&self, setup: CorpSetup) -> Result<Corp, SetupError> {
        let corp = CorpState::set_up(setup, self.now())?;
        let id = corp.id.clone();
        self.change(|state| {
            if state.corps.contains_key(&id) {
                return Err(SetupError::DuplicateCorp(id.clone()));
            }
            state.corps.insert(id.clone(), corp);
            Ok(())
        })?;
        Ok(Corp::new(self.clone(), id))
    }

    /// The company of this id.
    #[must_use]
    pub fn corp(&self, corp_id: &str) -> Option<Corp> {
        let exists = self.read(|state| state.corps.contains_key(corp_id));
        exists.then(|| Corp::new(self.clone(), corp_id.to_owned()))
    }

    /// The clock of the options.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.options.clock
    }

    /// The API below `/cgi-bin/`, the phone page at `/`, and the JSON behind the page below `/api/`. To mount it
    /// elsewhere than at the root use `nest_service`, which the page needs: `Router::new().nest_service("/sandbox",
    /// sandbox.router())`.
    pub fn router(&self) -> axum::Router {
        server::router(self.clone())
    }

    /// Faults for the calls to come.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults { sandbox: self }
    }

    /// Answers every API call so much later from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.change(|state| state.latency = latency);
    }

    /// Makes every cursor that was handed out so far stale: a call with it is answered 50100.
    pub fn stale_cursors(&self) {
        self.change(|state| state.cursor_generation += 1);
    }

    /// Every call that reached the API, in the order of the answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Arc<Call>> {
        self.read(|state| state.journal.calls.iter().cloned().collect())
    }

    /// The calls of one API, named by its path below `/cgi-bin/` or the end of it.
    #[must_use]
    pub fn calls_of(&self, api: &str) -> Vec<Arc<Call>> {
        self.read(|state| {
            let calls = state.journal.calls.iter();
            calls
                .filter(|call| faults::names(api, &call.api))
                .cloned()
                .collect()
        })
    }

    /// Calls of paths that the sandbox does not know; they were answered 404.
    #[must_use]
    pub fn unexpected(&self) -> Vec<Arc<Call>> {
        self.read(|state| state.journal.unexpected.clone())
    }

    /// The most calls of an API that one corp ever had in flight at once.
    #[must_use]
    pub fn peak_in_flight(&self, api: &str) -> usize {
        self.read(|state| state.limits.peak(api))
    }

    /// Calls of `gettoken` with a secret of no app.
    #[must_use]
    pub fn wrong_secrets(&self) -> u32 {
        self.read(|state| state.wrong_secrets)
    }

    /// Whether WeCom would have banned the caller for its wrong secrets by now. The sandbox only reports it and
    /// keeps answering.
    #[must_use]
    pub fn ip_banned(&self) -> bool {
        self.wrong_secrets() >= self.inner.options.wrong_secret_limit
    }

    /// Every event with its attempts.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.read(|state| state.journal.events.iter().cloned().collect())
    }

    /// One event.
    #[must_use]
    pub fn event(&self, id: EventId) -> Option<Event> {
        self.read(|state| state.journal.event(id).cloned())
    }

    /// Every attempt to deliver an event, by event.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.read(|state| {
            let events = state.journal.events.iter();
            events
                .flat_map(|event| event.attempts.iter().cloned())
                .collect()
        })
    }

    /// How events are delivered at present.
    #[must_use]
    pub fn delivery_mode(&self) -> DeliveryMode {
        self.read(|state| state.delivery.mode.clone())
    }

    /// Delivers otherwise from now on, and delivers what the old mode held unless the new one is paused. Needs a Tokio
    /// runtime.
    pub fn set_delivery_mode(&self, mode: DeliveryMode) {
        let ready = self.change(|state| callback::set_mode(state, mode));
        self.send(ready);
    }

    /// Holds events back until [`Self::resume`].
    pub fn pause(&self) {
        let paused = true;
        self.set_delivery_mode(DeliveryMode {
            paused,
            ..self.delivery_mode()
        });
    }

    /// Delivers what was held, and what comes after it.
    pub fn resume(&self) {
        let paused = false;
        self.set_delivery_mode(DeliveryMode {
            paused,
            ..self.delivery_mode()
        });
    }

    /// Delivers an event once more, whatever became of it before. Answers whether it is known.
    pub fn redeliver(&self, id: EventId) -> bool {
        let ready = self.change(|state| callback::again(state, id));
        self.send(ready);
        ready.is_some()
    }

    /// Waits until the condition holds, looking again after every change. `limit` is time of the machine, whatever the
    /// clock of the options shows.
    ///
    /// # Errors
    ///
    /// When it does not hold within `limit`.
    pub async fn wait_for(
        &self,
        what: &str,
        limit: Duration,
        condition: impl Fn(&Self) -> bool,
    ) -> Result<(), TimedOut> {
        // The pause between two looks and the patience are about the speed of the machine and no part of what the
        // sandbox plays, so they are real time. They are the only ones: a clock that a test has stopped would never end
        // them.
        let mut changes = self.inner.changes.subscribe();
        let watch = async {
            // The sender lives as long as `self`, so there is always another change to wait for.
            while !condition(self) && changes.changed().await.is_ok() {
                // Under load there is always a change, and looking takes the lock.
                tokio::time::sleep(BREATH).await;
            }
        };
        let waited = tokio::time::timeout(limit, watch).await;
        waited.map_err(|_| TimedOut {
            what: what.to_owned(),
            waited: limit,
        })
    }

    /// Waits until no event is held or under way.
    ///
    /// # Errors
    ///
    /// When that takes longer than `limit`.
    pub async fn settled(&self, limit: Duration) -> Result<(), TimedOut> {
        let settled = |state: &State| state.journal.events.iter().all(Event::settled);
        self.wait_for("all events are delivered", limit, |sandbox| {
            sandbox.read(settled)
        })
        .await
    }

    pub(crate) fn options(&self) -> &SandboxOptions {
        &self.inner.options
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.inner.clients
    }

    /// The time of day, as it is kept in the state.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock().now().into()
    }

    /// Reads the state under its lock.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        // A panic while the lock was held must not take every later test down with it.
        read(
            &self
                .inner
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Changes the state under its lock and wakes whoever waits for a change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(
            &mut self
                .inner
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.inner.changes.send_replace(());
        changed
    }

    /// Starts to deliver events that are counted as under way.
    pub(crate) fn send(&self, ready: impl IntoIterator<Item = EventId>) {
        for id in ready {
            tokio::spawn(callback::deliver(self.clone(), id));
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
