//! What can be read back: every call that reached the API, every event and every attempt to deliver one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One call that reached the API. `Debug` shows neither what was asked nor what was answered.
#[derive(Clone, Serialize)]
pub struct Call {
    /// Counts from 1 in the order of arrival of answers.
    pub number: u64,
    /// When it arrived; Unix time in milliseconds.
    pub at_ms: u64,
    /// The corp, once it is known by the token or the corp id.
    pub corp: Option<String>,
    /// The name of the calling app, once it is known by the token or the secret.
    pub app: Option<String>,
    /// The path below `/cgi-bin/`, for instance `externalcontact/send_welcome_msg`; for an unknown path the path as it
    /// came.
    pub api: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The JSON body; the query for a GET; kind, file name and size for an upload. Secrets and access tokens are left
    /// out.
    pub request: Value,
    /// The HTTP status of the answer; `None` when the connection was dropped instead.
    pub status: Option<u16>,
    /// The JSON answer, without the access token; null when the answer was no JSON.
    pub answer: Value,
    /// `errcode` of the answer; 0 when there was none.
    pub errcode: i64,
    /// Whether request and answer were too long to keep, or were let go to make room: then the request is null and of
    /// the answer there is only the code.
    pub abridged: bool,
    /// From arrival to answer.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub duration: Duration,
    /// What WeCom would have let pass in silence but is surely a mistake of the caller: fields that this API does not
    /// know.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("number", &self.number)
            .field("api", &self.api)
            .field("app", &self.app)
            .field("status", &self.status)
            .field("errcode", &self.errcode)
            .field("duration", &self.duration)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// The call without what takes room.
    fn abridge(&mut self) {
        self.request = Value::Null;
        self.answer = json!({"errcode": self.errcode});
        self.abridged = true;
    }
}

/// The number of an event; counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EventId(pub u64);

/// One event for one app, and what became of it. `Debug` does not show the message.
#[derive(Clone, Serialize)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// When it happened; Unix time in milliseconds.
    pub at_ms: u64,
    /// The corp.
    pub corp: String,
    /// The name of the app whose callback gets it.
    pub app: String,
    /// `Event/ChangeType` as in the message, or `xml` for a message of the caller's own.
    pub kind: String,
    /// The message before encryption.
    pub xml: String,
    /// Attempts so far, over all copies.
    pub attempts: Vec<Delivery>,
    /// Copies under way; each has up to three attempts.
    pub under_way: u32,
    /// Waiting for `resume`, or for a reorder window to fill.
    pub held: bool,
    /// Dropped by command and never delivered.
    pub lost: bool,
}

impl Event {
    /// Whether any attempt was answered 200.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.attempts.iter().any(Delivery::accepted)
    }

    /// Whether nothing more will happen to it unless it is delivered again by command.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.under_way == 0 && !self.held
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("app", &self.app)
            .field("kind", &self.kind)
            .field("attempts", &self.attempts)
            .field("held", &self.held)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// One attempt to deliver an event.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// The event.
    pub event: EventId,
    /// 1 to 3 within one copy of the event.
    pub attempt: u32,
    /// The nonce, new for each attempt.
    pub nonce: String,
    /// The status of the answer; `None` when none came in time or the connection failed.
    pub status: Option<u16>,
    /// From sending to the answer, or to giving up.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub duration: Duration,
}

impl Delivery {
    /// Only a 200 counts (WeCom doc 90238).
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.status == Some(200)
    }
}

/// The keeper of calls and events.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) calls: VecDeque<Arc<Call>>,
    pub(crate) unexpected: Vec<Arc<Call>>,
    pub(crate) events: VecDeque<Event>,
    last_call: u64,
    last_event: u64,
    /// The numbers of the calls whose bodies are kept, and how long those are.
    bodies: VecDeque<(u64, usize)>,
    bytes: usize,
}

/// How much is kept of calls; from [`SandboxOptions`](super::SandboxOptions).
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) calls: usize,
    pub(crate) body: usize,
    pub(crate) bytes: usize,
}

impl Journal {
    /// Keeps a call whose request and answer have `size` bytes together.
    pub(crate) fn record(&mut self, mut call: Call, size: usize, expected: bool, room: Room) {
        self.last_call += 1;
        call.number = self.last_call;
        if size > room.body {
            call.abridge();
        } else {
            self.bodies.push_back((call.number, size));
            self.bytes += size;
        }
        let call = Arc::new(call);
        if !expected {
            self.unexpected.push(Arc::clone(&call));
        }
        self.calls.push_back(call);
        while self.calls.len() > room.calls {
            self.calls.pop_front();
        }
        self.make_room(room.bytes);
    }

    /// Lets go of the oldest bodies until the rest fits.
    fn make_room(&mut self, bytes: usize) {
        let first = self.calls.front().map_or(0, |call| call.number);
        while let Some((number, size)) = self.bodies.front().copied() {
            if number >= first && self.bytes <= bytes {
                break;
            }
            self.bodies.pop_front();
            self.bytes -= size;
            // Calls are numbered without gaps; one that is not kept has no place.
            let place = number.checked_sub(first);
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(call) = place.and_then(|place| self.calls.get_mut(place)) {
                Arc::make_mut(call).abridge();
            }
        }
    }

    pub(crate) fn next_event(&mut self) -> EventId {
        self.last_event += 1;
        EventId(self.last_event)
    }

    pub(crate) fn add(&mut self, event: Event, keep: usize) {
        self.events.push_back(event);
        while self.events.len() > keep {
            self.events.pop_front();
        }
    }

    pub(crate) fn event(&self, id: EventId) -> Option<&Event> {
        self.events.get(self.place(id)?)
    }

    pub(crate) fn event_mut(&mut self, id: EventId) -> Option<&mut Event> {
        let place = self.place(id)?;
        self.events.get_mut(place)
    }

    /// Events are numbered without gaps, so the place of one follows from the number of the first.
    fn place(&self, id: EventId) -> Option<usize> {
        let first = self.events.front()?.id.0;
        usize::try_from(id.0.checked_sub(first)?).ok()
    }
}

/// Reads what [`millis`] wrote.
pub(crate) fn from_millis<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let millis = f64::deserialize(from)?;
    Duration::try_from_secs_f64(millis / 1000.0).map_err(serde::de::Error::custom)
}

pub(crate) fn millis<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    // Tenths are enough for the page and for percentiles of a run.
    to.serialize_f64((duration.as_secs_f64() * 10_000.0).round() / 10.0)
}
