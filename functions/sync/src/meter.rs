//! How far a run has come and what it has cost, counted by all its parts at once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::Clock;
use domain::error::VendorError;
use domain::sync::{Phase, Run};

/// The run that is under way.
pub(crate) struct Meter {
    run: Mutex<Run>,
    clock: Clock,
}

impl Meter {
    /// Goes on from what is stored.
    pub(crate) fn new(run: Run, clock: &Clock) -> Self {
        Self {
            run: Mutex::new(run),
            clock: clock.clone(),
        }
    }

    /// The run as it is now.
    pub(crate) fn run(&self) -> Run {
        let mut run = self.lock().clone();
        run.updated_at = self.clock.unix_seconds();
        run
    }

    /// Changes the run.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Run) -> T) -> T {
        change(&mut self.lock())
    }

    /// Counts a call.
    pub(crate) fn called(&self, api: &'static str) {
        self.change(|run| {
            run.calls += 1;
            *run.quota.entry(api.to_owned()).or_default() += 1;
        });
    }

    /// Notes that something may not be read. A run that goes on notes it once.
    pub(crate) fn skipped(&self, what: &str, error: &VendorError) {
        let note = format!("{what}: {error}");
        self.change(|run| {
            if !run.skipped.contains(&note) {
                run.skipped.push(note);
            }
        });
    }

    /// Goes over to the next part.
    pub(crate) fn enter(&self, phase: Phase) {
        self.change(|run| {
            run.phase = phase;
            run.resume_after = None;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
