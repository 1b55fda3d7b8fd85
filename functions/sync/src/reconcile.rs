//! The daily reconcile of a corp: one run, worked on by one process at a time, in slices.

use domain::error::StoreError;
use domain::sync::{Lease, Phase, Run};
use futures::FutureExt;
use lambda_runtime::Error;
use platform::metrics::Unit;
use serde_json::{Value, json};

use crate::meter::Meter;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

mod conclude;
mod customers;
mod groups;
mod members;
mod pages;
mod tags;

/// Why something is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It has its turn: what is stored already stays as it is, with its time.
    Run,
    /// An event was about it. What is read is stored with its time in any case, for a run that has read it before may be
    /// about to store something else.
    Event,
}

/// What became of an invocation's part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// There was nothing to go on with.
    Nothing,
    /// Another process is at work on it.
    Theirs(Run),
    /// It is over.
    Finished(Run),
    /// The next tick goes on with it.
    Continues(Run),
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Reconciles every corp, as far as the time goes.
    pub(crate) async fn reconcile(
        &self,
        scopes: &[Scope<'_>],
        owner: &str,
    ) -> Result<Value, Error> {
        let slices = scopes.iter().map(|scope| async {
            let new = Run::starting_at(self.clock.unix_millis());
            (
                scope.corp,
                self.slice(scope, owner, Some(new)).boxed().await,
            )
        });
        // A corp that WeCom has paused, or whose run cannot be written down, must not hold up the others.
        let slices: Vec<_> = slices.collect();
        let slices = futures::future::join_all(slices).await;
        if let Some((_, Err(error))) = slices.first()
            && slices.iter().all(|(_, slice)| slice.is_err())
        {
            return Err(error.clone().into());
        }
        let runs: Vec<Value> = slices
            .iter()
            .map(|(corp, slice)| {
                let (state, run) = match slice {
                    Ok(Slice::Finished(run)) => ("finished", Some(run)),
                    Ok(Slice::Continues(run) | Slice::Theirs(run)) => ("continues", Some(run)),
                    Ok(Slice::Nothing) => ("finished", None),
                    Err(_) => ("continues", None),
                };
                let trouble = slice.as_ref().err().map(ToString::to_string);
                let error = run.and_then(|run| run.error.clone()).or(trouble);
                let id = run.map(|run| &run.id);
                let held_up = run.and_then(|run| run.held_up.as_ref());
                json!({"corp_id": corp, "run_id": id, "state": state, "error": error, "held_up": held_up})
            })
            .collect();
        let all_finished = runs.iter().all(|run| run["state"] == "finished");
        Ok(json!({
            "run_id": runs.first().map(|run| &run["run_id"]),
            "state": if all_finished { "finished" } else { "continues" },
            "runs": runs,
        }))
    }

    /// Goes on with the run of a corp, or begins `new` if none is under way.
    pub(crate) async fn slice(
        &self,
        scope: &Scope<'_>,
        owner: &str,
        new: Option<Run>,
    ) -> Result<Slice, StoreError> {
        let at = self.clock.unix_seconds();
        let lease = self
            .store
            .take_run(scope.corp, owner, new, at, self.leased_until());
        let run = match lease.await? {
            Lease::Ours(run) => run,
            Lease::Theirs(run) => return Ok(Slice::Theirs(run)),
            Lease::Nothing => return Ok(Slice::Nothing),
        };
        tracing::info!(corp.id = %scope.corp, run.id = %run.id, run.phase = ?run.phase, "works on a reconcile");
        let meter = Meter::new(run, &self.clock);
        let worked = tokio::select! {
            worked = self.phases(scope, &meter, owner).boxed() => worked,
            () = self.hold_lease(scope, &meter, owner) => return Ok(Slice::Theirs(meter.run())),
        };
        self.end(scope, &meter, owner, worked).await
    }

    async fn phases(&self, scope: &Scope<'_>, meter: &Meter, owner: &str) -> Result<(), Trouble> {
        loop {
            let next = match meter.run().phase {
                Phase::Tags => {
                    self.read_tags(scope, meter).boxed().await?;
                    Phase::Customers
                }
                Phase::Customers => {
                    self.read_people(scope, meter, owner).await?;
                    Phase::Groups
                }
                Phase::Groups => return self.read_groups(scope, meter).boxed().await,
            };
            meter.enter(next);
            // A run that is killed between two parts begins with the right one.
            self.save(scope, meter, owner).await?;
        }
    }

    /// Reads members and customers side by side: their APIs have limits of their own, and while members are asked for,
    /// one by one, the tables have little to do.
    async fn read_people(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owner: &str,
    ) -> Result<(), Trouble> {
        let members = async {
            if !meter.run().members_read {
                self.read_members(scope, meter).boxed().await?;
                meter.change(|run| run.members_read = true);
            }
            Ok::<(), Trouble>(())
        };
        let customers = self.read_customers(scope, meter, owner).boxed();
        // A permanent error is reported rather than a transient one.
        match tokio::join!(members, customers) {
            (Err(passing), Err(other)) if passing.passes() => Err(other),
            (members, customers) => members.and(customers),
        }
    }

    /// Writes the run down and prolongs the lease. Returns when the lease has gone to somebody else.
    async fn hold_lease(&self, scope: &Scope<'_>, meter: &Meter, owner: &str) {
        loop {
            self.clock.next_turn(self.pace.heartbeat).await;
            match self.save(scope, meter, owner).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(corp.id = %scope.corp, "another process has taken over the run");
                    return;
                }
                // The lease outlives a few of these.
                Err(error) => {
                    tracing::warn!(corp.id = %scope.corp, store.error = %error, "a run could not be written down");
                }
            }
        }
    }

    pub(crate) async fn save(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owner: &str,
    ) -> Result<bool, StoreError> {
        let run = meter.run();
        let until = self.leased_until();
        self.store.save_run(scope.corp, owner, &run, until).await
    }

    fn leased_until(&self) -> i64 {
        self.clock.unix_seconds() + i64::try_from(self.pace.lease.as_secs()).unwrap_or(i64::MAX)
    }

    async fn end(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owner: &str,
        worked: Result<(), Trouble>,
    ) -> Result<Slice, StoreError> {
        let over = match &worked {
            Ok(()) => true,
            Err(trouble) => !trouble.passes(),
        };
        let now = self.clock.unix_seconds();
        meter.change(|run| {
            run.finished_at = over.then_some(now);
            run.held_up = None;
            match &worked {
                Ok(()) | Err(Trouble::OutOfTime) => {}
                Err(trouble) if over => run.error = Some(trouble.to_string()),
                Err(trouble) => run.held_up = Some(trouble.to_string()),
            }
        });
        let run = meter.run();
        if !self.store.save_run(scope.corp, owner, &run, 0).await? {
            // A process that was paused for longer than its lease: whoever has taken it says how it ends.
            return Ok(Slice::Theirs(run));
        }
        if over {
            self.report(scope, &run);
            return Ok(Slice::Finished(run));
        }
        self.store.release_run(scope.corp, owner).await?;
        tracing::info!(corp.id = %scope.corp, run.id = %run.id, run.held_up = run.held_up, "a reconcile goes on at the next tick");
        Ok(Slice::Continues(run))
    }

    fn report(&self, scope: &Scope<'_>, run: &Run) {
        let result = if run.error.is_some() {
            "failed"
        } else {
            "complete"
        };
        self.metrics
            .put("reconciles", Unit::Count, 1, &[("result", result)]);
        tracing::info!(
            corp.id = %scope.corp,
            run.id = %run.id,
            run.result = result,
            run.error = run.error,
            run.relations = run.relations,
            run.calls = run.calls,
            run.writes = run.writes,
            run.lost = run.lost,
            run.repaired = run.repaired,
            run.seconds = run.updated_at - run.started_at,
            "a reconcile is over"
        );
    }
}
