//! The daily reconcile of a corp: one run, worked on by one process at a time, in parts.

use domain::error::StoreError;
use domain::instant::UnixMillis;
use domain::sync::{Phase, Run, RunLease};
use futures::FutureExt;
use lambda_runtime::Error;
use operations::run::{Progress, RunStatus, StopReason};
use platform::metrics::Unit;
use serde_json::{Value, json};
use tracing::Instrument;

use crate::error::SyncError;
use crate::pass::{Pass, Target};
use crate::{Store, Syncer, Wecom};

mod conclude;
mod customers;
mod groups;
mod members;
mod pages;
mod tags;

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Reconciles every corp, as far as the time suffices.
    pub(crate) async fn reconcile(&self, targets: &[Target<'_>]) -> Result<Value, Error> {
        let runs = targets.iter().map(|target| async {
            let new = Run::starting_at(UnixMillis::of(self.clock.now()));
            let advanced = self.advance_run(*target, Some(new)).boxed().await;
            (target.corp, advanced)
        });
        // A corp that WeCom has paused, or whose run cannot be stored, must not delay the others.
        let runs: Vec<_> = runs.collect();
        let runs = futures::future::join_all(runs).await;
        if let Some((_, Err(error))) = runs.first()
            && runs.iter().all(|(_, advanced)| advanced.is_err())
        {
            return Err(error.clone().into());
        }
        let runs: Vec<Value> = runs
            .iter()
            .map(|(corp, advanced)| {
                let (state, run) = match advanced {
                    Ok(RunStatus::Finished(run)) => ("finished", Some(run)),
                    Ok(RunStatus::Continues(run) | RunStatus::HeldByOther(run)) => {
                        ("continues", Some(run))
                    }
                    Ok(RunStatus::NoRun) => ("finished", None),
                    Err(_) => ("continues", None),
                };
                let unstored = advanced.as_ref().err().map(ToString::to_string);
                let error = run.and_then(|run| run.error.clone()).or(unstored);
                let id = run.map(|run| &run.id);
                let blocked_on = run.and_then(|run| run.blocked_on.as_ref());
                json!({"corp_id": corp, "run_id": id, "state": state, "error": error,
                       "blocked_on": blocked_on, "held_up": blocked_on})
            })
            .collect();
        let all_finished = runs.iter().all(|run| run["state"] == "finished");
        Ok(json!({
            "run_id": runs.first().map(|run| &run["run_id"]),
            "state": if all_finished { "finished" } else { "continues" },
            "runs": runs,
        }))
    }

    /// Resumes the run of a corp, or begins `new` if there is none.
    pub(crate) async fn advance_run(
        &self,
        target: Target<'_>,
        new: Option<Run>,
    ) -> Result<RunStatus, StoreError> {
        let run = match self.runner(target).acquire(new).await? {
            RunLease::Acquired(run) => run,
            RunLease::HeldByOther(run) => return Ok(RunStatus::HeldByOther(run)),
            RunLease::NoRun => return Ok(RunStatus::NoRun),
        };
        // At every level, so that warnings have it.
        let span = tracing::error_span!("run", corp.id = %target.corp, run.id = %run.id);
        let pass = Pass::new(self, target, Progress::new(run, &self.clock));
        async {
            let phase = pass.progress.with(|run| run.phase);
            tracing::info!(
                event = "run.started",
                run.phase = ?phase,
                "a reconcile run was started or resumed"
            );
            let phases = pass.run_phases().boxed();
            let status = pass.runner.drive(&pass.progress, phases).await?;
            pass.report(&status);
            Ok(status)
        }
        .instrument(span)
        .await
    }
}

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    async fn run_phases(&self) -> Result<(), SyncError> {
        loop {
            let next = match self.progress.with(|run| run.phase) {
                Phase::Tags => {
                    self.read_tags().boxed().await?;
                    Phase::Customers
                }
                Phase::Customers => {
                    self.read_people().await?;
                    Phase::Groups
                }
                Phase::Groups => return self.read_groups().boxed().await,
            };
            self.progress.enter(next);
            // A run that is killed between two phases resumes with the right one.
            self.runner.checkpoint(&self.progress).await?;
        }
    }

    /// Reads members and customers at the same time: their APIs have limits of their own, and while members are asked
    /// for, one by one, the tables have little to do.
    async fn read_people(&self) -> Result<(), SyncError> {
        let members = async {
            if !self.progress.with(|run| run.members_read) {
                self.read_members().boxed().await?;
                self.progress.change(|run| run.members_read = true);
            }
            Ok::<(), SyncError>(())
        };
        let customers = self.read_customers().boxed();
        // A permanent error is reported rather than a transient one.
        match tokio::join!(members, customers) {
            (Err(transient), Err(other)) if transient.is_transient() => Err(other),
            (members, customers) => members.and(customers),
        }
    }

    /// Writes a metric and a log line about a run that has ended or will be resumed.
    fn report(&self, status: &RunStatus) {
        let run = match status {
            RunStatus::Finished(run) => run,
            RunStatus::Continues(run) => {
                tracing::info!(
                    event = "run.continues",
                    run.blocked_on = run.blocked_on,
                    "the next tick resumes the reconcile run"
                );
                return;
            }
            RunStatus::NoRun | RunStatus::HeldByOther(_) => return,
        };
        let result = match run.error {
            Some(_) => "failed",
            None => "complete",
        };
        self.metrics
            .put("reconciles", Unit::Count, 1, &[("result", result)]);
        tracing::info!(
            event = "run.finished",
            run.result = result,
            run.error = run.error,
            run.relations = run.relations,
            run.calls = run.calls,
            run.writes = run.writes,
            run.lost = run.lost,
            run.repaired = run.repaired,
            run.seconds = run.updated_at.seconds_since(run.started_at),
            "a reconcile run has ended"
        );
    }
}
