//! Faults by command: the next calls of an API fail with a code, take long, or lose their connection.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;

use super::Sandbox;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Answered with this `errcode`; nothing is done.
    Code(i64),
    /// Done and answered, but this much later than usual.
    #[serde(deserialize_with = "millis")]
    Slow(Duration),
    /// Answered with this HTTP status and a page of HTML; nothing is done.
    Http(u16),
    /// The connection breaks instead of an answer.
    DropConnection {
        /// Whether the call has taken effect by then.
        after_effect: bool,
    },
}

/// The faults in waiting of one sandbox; from [`Sandbox::faults`].
#[derive(Debug)]
pub struct Faults<'a> {
    pub(crate) sandbox: &'a Sandbox,
}

impl Faults<'_> {
    /// The next `calls` calls of `api` meet `fault`. The API is named by its path below `/cgi-bin/` or the end of it:
    /// `send_welcome_msg`, `externalcontact/get`. Faults of one API are met in the order in which they were asked for.
    pub fn next(&self, api: &str, calls: usize, fault: Fault) {
        self.after(api, 0, calls, fault);
    }

    /// Like [`next`](Self::next), but lets `skip` calls of the API through first. It takes its turn among the faults of
    /// that API, and counts only when its turn has come: `after("get", 2, 1, a)` and then `after("get", 3, 1, b)` are
    /// met by the third call and by the seventh.
    pub fn after(&self, api: &str, skip: usize, calls: usize, fault: Fault) {
        self.push(Some(api.to_owned()), skip, calls, fault);
    }

    /// The next `calls` calls of any API meet `fault`, after the faults of their own API.
    pub fn next_any(&self, calls: usize, fault: Fault) {
        self.push(None, 0, calls, fault);
    }

    /// Forgets every fault that was not met yet.
    pub fn clear(&self) {
        self.sandbox.change(|state| state.faults.waiting.clear());
    }

    /// How many calls still have a fault to meet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.sandbox.read(|state| {
            let calls = state.faults.waiting.iter().map(|waiting| waiting.calls);
            calls.fold(0, usize::saturating_add)
        })
    }

    fn push(&self, api: Option<String>, skip: usize, calls: usize, fault: Fault) {
        self.sandbox.change(|state| {
            let waiting = &mut state.faults.waiting;
            waiting.push_back(Waiting {
                api,
                skip,
                calls,
                fault,
            });
        });
    }
}

/// The queue behind [`Faults`].
#[derive(Debug, Default)]
pub(crate) struct FaultQueue {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    api: Option<String>,
    /// Calls that pass before it counts.
    skip: usize,
    calls: usize,
    fault: Fault,
}

impl FaultQueue {
    /// Takes the fault that this call of `path` meets, if there is one.
    pub(crate) fn take(&mut self, path: &str) -> Option<Fault> {
        let own = |waiting: &Waiting| waiting.api.as_deref().is_some_and(|api| names(api, path));
        let mut found = self.waiting.iter().position(own);
        if let Some(place) = found
            && let Some(waiting) = self.waiting.get_mut(place)
            && waiting.skip > 0
        {
            waiting.skip -= 1;
            found = None;
        }
        let found = found.or_else(|| self.waiting.iter().position(|any| any.api.is_none()))?;
        let waiting = self.waiting.get_mut(found)?;
        let fault = waiting.fault;
        waiting.calls = waiting.calls.saturating_sub(1);
        self.waiting.retain(|waiting| waiting.calls > 0);
        Some(fault)
    }
}

/// Whether `name` is the path of an API below `/cgi-bin/`, or whole segments at the end of it.
pub(crate) fn names(name: &str, path: &str) -> bool {
    path.strip_suffix(name)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

fn millis<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultQueue, Waiting, names};

    #[test]
    fn an_api_is_named_by_whole_segments() {
        for (name, path, expected) in [
            ("externalcontact/get", "externalcontact/get", true),
            ("get", "externalcontact/get", true),
            ("send_welcome_msg", "externalcontact/send_welcome_msg", true),
            (
                "externalcontact/get",
                "externalcontact/customer_acquisition/get",
                false,
            ),
            ("token", "gettoken", false),
        ] {
            assert_eq!(names(name, path), expected, "{name} in {path}");
        }
    }

    #[test]
    fn a_fault_of_the_api_comes_before_a_fault_of_any_and_each_is_used_up() {
        let mut queue = FaultQueue::default();
        for (api, fault) in [
            (None, Fault::Http(502)),
            (Some("mark_tag".to_owned()), Fault::Code(-1)),
        ] {
            queue.waiting.push_back(Waiting {
                api,
                skip: 0,
                calls: 1,
                fault,
            });
        }
        assert_eq!(
            queue.take("externalcontact/mark_tag"),
            Some(Fault::Code(-1))
        );
        assert_eq!(
            queue.take("externalcontact/mark_tag"),
            Some(Fault::Http(502))
        );
        assert_eq!(queue.take("externalcontact/mark_tag"), None);
    }
}
