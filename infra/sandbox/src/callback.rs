//! Callbacks: which events go out, when and how often. As WeCom does it, or as unreliably as a test wants it.

mod client;
mod delivery;
mod event;
mod verify;

pub(crate) use client::Clients;
pub(crate) use delivery::deliver;
pub(crate) use event::{
    Content, Happened, event, event_about_group, event_about_member, event_for_all, listening,
    push_element,
};
pub use verify::VerifyError;
pub(crate) use verify::verify;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::journal::{Event, EventId};
use super::model::State;
use super::model::moment::unix_ms_of;

/// How events are delivered from now on. The default is one copy of each, at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryMode {
    /// Copies of every event, each with attempts of its own. 1 is as it should be; 2 and more play a WeCom that did not
    /// hear the answer.
    pub copies: u32,
    /// Every n-th event is never delivered.
    pub lose_every: Option<u64>,
    /// Events are held until so many are together, and then go out in shuffled order. 0 and 1 keep the order.
    pub reorder: usize,
    /// Events are held until the mode changes.
    pub paused: bool,
}

impl Default for DeliveryMode {
    fn default() -> Self {
        Self {
            copies: 1,
            lose_every: None,
            reorder: 0,
            paused: false,
        }
    }
}

/// The mode and what it holds back.
#[derive(Debug, Default)]
pub(crate) struct DeliveryQueue {
    pub(crate) mode: DeliveryMode,
    held: Vec<EventId>,
    seen: u64,
}

impl DeliveryQueue {
    /// Whether the event is to be lost, by count.
    fn loses_next(&mut self) -> bool {
        self.seen += 1;
        self.mode
            .lose_every
            .is_some_and(|every| every > 0 && self.seen.is_multiple_of(every))
    }

    fn is_ready(&self) -> bool {
        !self.mode.paused && self.held.len() >= self.mode.reorder
    }
}

/// Numbers the events that happened `now`, and decides what goes out.
pub(crate) fn publish(
    state: &mut State,
    corp: &str,
    happened: Vec<Happened>,
    now: SystemTime,
    keep: usize,
) -> (Vec<EventId>, Vec<EventId>) {
    let mut ids = Vec::new();
    let mut ready = Vec::new();
    for Happened { app, kind, content } in happened {
        let id = state.journal.next_event();
        let lost = state.delivery.loses_next();
        let event = Event {
            id,
            at_ms: unix_ms_of(now),
            corp: corp.to_owned(),
            app,
            kind,
            xml: content.into_xml(corp, now),
            attempts: Vec::new(),
            under_way: 0,
            held: !lost,
            lost,
        };
        state.journal.add(event, keep);
        ids.push(id);
        if !lost {
            state.delivery.held.push(id);
        }
        if state.delivery.is_ready() {
            ready.extend(release(state));
        }
    }
    (ids, ready)
}

/// Lets go of everything that is held, with as many copies as the mode says.
fn release(state: &mut State) -> Vec<EventId> {
    let mut held = std::mem::take(&mut state.delivery.held);
    if state.delivery.mode.reorder > 1 {
        state.ids.shuffle(&mut held);
    }
    let copies = state.delivery.mode.copies;
    for id in &held {
        if let Some(event) = state.journal.event_mut(*id) {
            event.held = false;
            event.under_way += copies;
        }
    }
    let times = usize::try_from(copies).unwrap_or(usize::MAX);
    held.into_iter()
        .flat_map(|id| std::iter::repeat_n(id, times))
        .collect()
}

/// Changes the mode and lets go of what the new mode does not hold.
pub(crate) fn set_mode(state: &mut State, mode: DeliveryMode) -> Vec<EventId> {
    state.delivery.mode = mode;
    if state.delivery.mode.paused {
        Vec::new()
    } else {
        release(state)
    }
}

/// Puts one more copy of an event under way; `None` for an event that is not known any more.
pub(crate) fn again(state: &mut State, id: EventId) -> Option<EventId> {
    let event = state.journal.event_mut(id)?;
    event.under_way += 1;
    Some(id)
}
