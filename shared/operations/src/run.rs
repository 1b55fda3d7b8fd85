//! The machinery of long work: a run under a lease, with checkpoints.
//!
//! One process at a time works on the run of a corp. It stores how far it has come at every checkpoint and every few
//! seconds, which prolongs its lease; it stops ahead of its deadline, and the next process resumes from what is stored.
//! A process that ends without giving its lease up keeps others away until the lease expires, and no longer.

use std::fmt::Display;
use std::time::Duration;

use clock::Clock;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use domain::ports::RunStore;
use domain::sync::{Run, RunLease};
use wecom::CorpId;

pub use progress::Progress;

mod progress;

/// How long a lease holds, and how often it is prolonged.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTuning {
    /// For how long a process that has ended without giving its lease up keeps others away.
    pub lease: Duration,
    /// How often a run is stored and its lease prolonged. A few of these fit into a lease.
    pub heartbeat: Duration,
}

/// Why work on a run stopped.
pub trait StopReason: Display {
    /// Whether the work can be resumed later. Otherwise the run has failed.
    fn is_transient(&self) -> bool;
    /// Whether only the time of this process is over.
    fn is_out_of_time(&self) -> bool;
}

/// What became of a process's part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStatus {
    /// There is no run to resume.
    NoRun,
    /// Another process works on it.
    HeldByOther(Run),
    /// It is over, complete or failed.
    Finished(Run),
    /// The next process resumes it.
    Continues(Run),
}

/// One process's access to the run of a corp.
pub struct Runner<'a, S> {
    /// Where runs are stored.
    pub store: &'a S,
    /// The corp.
    pub corp: &'a CorpId,
    /// Identifies the process.
    pub owner: &'a str,
    /// Where the time comes from.
    pub clock: &'a Clock,
    /// How the lease is kept.
    pub tuning: LeaseTuning,
}

impl<S: RunStore + Sync> Runner<'_, S> {
    /// Takes the lease of the corp's run; `new` begins if there is none to resume.
    ///
    /// # Errors
    /// If the run cannot be read or stored.
    pub async fn acquire(&self, new: Option<Run>) -> Result<RunLease, StoreError> {
        let now = UnixSeconds::of(self.clock.now());
        self.store
            .take_run(self.corp, self.owner, new, now, self.leased_until())
            .await
    }

    /// Drives `work` on the run of `progress`, whose lease was acquired, and stores how it ended.
    ///
    /// # Errors
    /// If the end cannot be stored. The lease expires then, and the next process resumes from the last checkpoint.
    pub async fn drive<E: StopReason>(
        &self,
        progress: &Progress,
        work: impl Future<Output = Result<(), E>> + Send,
    ) -> Result<RunStatus, StoreError> {
        let worked = tokio::select! {
            worked = work => worked,
            () = self.hold_lease(progress) => return Ok(RunStatus::HeldByOther(progress.run())),
        };
        self.end(progress, worked).await
    }

    /// Stores how far the run has come, and prolongs the lease. Returns whether this process still has it.
    ///
    /// # Errors
    /// If the run cannot be stored.
    pub async fn checkpoint(&self, progress: &Progress) -> Result<bool, StoreError> {
        let run = progress.run();
        let until = self.leased_until();
        self.store
            .save_run(self.corp, self.owner, &run, until)
            .await
    }

    /// Prolongs the lease again and again. Returns when another process has taken it.
    async fn hold_lease(&self, progress: &Progress) {
        loop {
            self.clock.next_turn(self.tuning.heartbeat).await;
            match self.checkpoint(progress).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(
                        event = "run.lease_lost",
                        "another process has the lease of the run"
                    );
                    return;
                }
                // The lease outlives a few of these.
                Err(error) => {
                    tracing::warn!(
                        event = "run.unsaved",
                        store.error = %error,
                        "the run could not be stored; it continues"
                    );
                }
            }
        }
    }

    async fn end<E: StopReason>(
        &self,
        progress: &Progress,
        worked: Result<(), E>,
    ) -> Result<RunStatus, StoreError> {
        let is_over = match &worked {
            Ok(()) => true,
            Err(reason) => !reason.is_transient(),
        };
        let now = UnixSeconds::of(self.clock.now());
        progress.change(|run| {
            run.finished_at = is_over.then_some(now);
            run.blocked_on = None;
            match &worked {
                Ok(()) => {}
                Err(reason) if reason.is_out_of_time() => {}
                Err(reason) if is_over => run.error = Some(reason.to_string()),
                Err(reason) => run.blocked_on = Some(reason.to_string()),
            }
        });
        let run = progress.run();
        if !self
            .store
            .save_run(self.corp, self.owner, &run, UnixSeconds::EPOCH)
            .await?
        {
            // This process was suspended for longer than its lease: whoever has the lease now decides how the run ends.
            return Ok(RunStatus::HeldByOther(run));
        }
        if is_over {
            return Ok(RunStatus::Finished(run));
        }
        self.store.release_run(self.corp, self.owner).await?;
        Ok(RunStatus::Continues(run))
    }

    fn leased_until(&self) -> UnixSeconds {
        let lease = i64::try_from(self.tuning.lease.as_secs()).unwrap_or(i64::MAX);
        UnixSeconds::of(self.clock.now()).plus_seconds(lease)
    }
}
