//! How far a run has come and what it has cost, counted by all its parts at the same time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::Clock;
use domain::error::VendorError;
use domain::instant::UnixSeconds;
use domain::sync::{Phase, Run};

/// The run that a process works on.
pub struct Progress {
    run: Mutex<Run>,
    clock: Clock,
}

impl Progress {
    /// Continues from `run` as it is stored.
    #[must_use]
    pub fn new(run: Run, clock: &Clock) -> Self {
        Self {
            run: Mutex::new(run),
            clock: clock.clone(),
        }
    }

    /// The run as it is now, to be stored.
    #[must_use]
    pub fn run(&self) -> Run {
        let mut run = self.lock().clone();
        run.updated_at = UnixSeconds::of(self.clock.now());
        run
    }

    /// Reads a value of the run.
    pub fn with<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        read(&self.lock())
    }

    /// Changes the run.
    pub fn change<T>(&self, change: impl FnOnce(&mut Run) -> T) -> T {
        change(&mut self.lock())
    }

    /// Counts a call of `api`.
    pub fn count_call(&self, api: &'static str) {
        self.change(|run| {
            run.calls += 1;
            *run.quota.entry(api.to_owned()).or_default() += 1;
        });
    }

    /// Notes that `what` may not be read. A run that is resumed notes it once.
    pub fn note_skipped(&self, what: &str, error: &VendorError) {
        let note = format!("{what}: {error}");
        self.change(|run| {
            if !run.skipped.contains(&note) {
                run.skipped.push(note);
            }
        });
    }

    /// Begins the next phase.
    pub fn enter(&self, phase: Phase) {
        self.change(|run| {
            run.phase = phase;
            run.resume_after = None;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
