//! What is due every minute. Each part has its bounds, and none depends on another's success.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::Duration;

use domain::error::VendorError;
use domain::instant::UnixMillis;
use domain::sync::Run;
use futures::FutureExt;
use futures::future::BoxFuture;
use operations::run::{Progress, RunStatus};
use platform::config::Config;
use serde_json::{Map, Value, json};
use tracing::Instrument;

use crate::error::SyncError;
use crate::pass::{Pass, Target};
use crate::{Store, Syncer, Wecom};

mod callback_url;
mod due;
mod gauges;
mod pending;

/// A token that expires within this time is refreshed: no customer waits for one, and an outage of gettoken of a few
/// minutes has no effect.
const TOKEN_MARGIN: Duration = Duration::from_secs(600);
/// How long the parts before the run may take: then the next tick comes.
const SHORT: Duration = Duration::from_secs(40);

/// What a tick of a corp finds for the gauges. A value that was not reached stays unset.
#[derive(Default)]
struct Findings {
    /// Apps whose credentials WeCom refuses.
    apps_broken: OnceLock<usize>,
    /// Adds whose tags had to be tried again.
    tags_waiting: OnceLock<usize>,
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Does what is due, for every corp, and returns what was done and what failed.
    pub(crate) async fn tick(&self, config: &Config, targets: &[Target<'_>]) -> Value {
        let corps = targets.iter().map(|target| {
            // At every level, so that warnings have it.
            let span = tracing::error_span!("tick", corp.id = %target.corp);
            let tick = async {
                let findings = Findings::default();
                let done = self.tick_corp(*target, &findings).await;
                ((target.corp.to_string(), done), findings)
            };
            tick.instrument(span)
        });
        let checked = AssertUnwindSafe(self.check_callback_urls(Some(config)).boxed());
        let (corps, checked) =
            tokio::join!(futures::future::join_all(corps), checked.catch_unwind());
        let (corps, findings): (Map<String, Value>, Vec<_>) = corps.into_iter().unzip();
        let measured = AssertUnwindSafe(self.measure(targets, &findings).boxed()).catch_unwind();
        if measured.await.is_err() || checked.is_err() {
            tracing::error!(
                event = "tick.gauges_panicked",
                "the gauges of a tick panicked; its work is done"
            );
        }
        json!({"corps": corps})
    }

    /// Does what is due for a corp, and stores what it finds for the gauges.
    async fn tick_corp(&self, target: Target<'_>, findings: &Findings) -> Value {
        let short = Target {
            until: target.until.min(self.clock.instant() + SHORT),
            ..target
        };
        // The calls of these parts are of no run.
        let no_run = Progress::new(
            Run::starting_at(UnixMillis::of(self.clock.now())),
            &self.clock,
        );
        let pass = Pass::new(self, short, no_run);
        let mut done = Map::new();
        let (tokens, due, pending) = tokio::join!(
            self.part("tokens", pass.refresh_tokens(findings).boxed()),
            self.part("due", pass.do_due(findings).boxed()),
            self.part("folded", pass.apply_pending().boxed()),
        );
        let run = self.part("run", self.resume_run(target).boxed()).await;
        for (name, part) in [
            ("tokens", tokens),
            ("due", due),
            ("folded", pending),
            ("run", run),
        ] {
            done.insert(name.to_owned(), part);
        }
        let calls = pass.progress.with(|run| run.calls);
        done.insert("calls".to_owned(), json!(calls));
        Value::Object(done)
    }

    /// Runs a part and returns how it ended; neither its failure nor its panic affects another part.
    ///
    /// Parts are boxed, as are those of a run: without optimization every future that contains another one has several
    /// times its size on the stack, and the whole sync did not fit in the 2 MB of a thread.
    async fn part(
        &self,
        name: &'static str,
        part: BoxFuture<'_, Result<Value, SyncError>>,
    ) -> Value {
        let failed = |reason: String, errcode: Option<i64>| {
            tracing::warn!(
                event = "tick.part_failed",
                tick.part = name,
                tick.error = reason,
                wecom.errcode = errcode,
                "a part of a tick failed"
            );
            self.metrics
                .count_in_total("tick_failures", &[("part", name)]);
            json!({"error": reason})
        };
        match AssertUnwindSafe(part).catch_unwind().await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => failed(error.to_string(), error.errcode()),
            Err(_) => failed("the part panicked".to_owned(), None),
        }
    }

    /// The rest of a run that had to stop.
    async fn resume_run(&self, target: Target<'_>) -> Result<Value, SyncError> {
        Ok(match self.advance_run(target, None).await? {
            RunStatus::NoRun => Value::Null,
            RunStatus::HeldByOther(run) | RunStatus::Continues(run) => {
                json!({"run_id": run.id, "state": "continues"})
            }
            RunStatus::Finished(run) => json!({"run_id": run.id, "state": "finished"}),
        })
    }
}

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    /// Refreshes the tokens of all apps that expire soon. One app's failure does not affect another.
    async fn refresh_tokens(&self, findings: &Findings) -> Result<Value, SyncError> {
        let (mut fetched, mut broken) = (0, 0);
        let mut first_error = None;
        for app in self.config.apps() {
            let refreshed = self.wecom.refresh_token(self.corp, &app.name, TOKEN_MARGIN);
            match refreshed.await {
                Ok(was_due) => fetched += u32::from(was_due),
                Err(error) => {
                    broken += usize::from(matches!(
                        error,
                        VendorError::Wecom(wecom::Error::Broken { .. })
                    ));
                    first_error = first_error.or(Some(SyncError::Wecom(error)));
                }
            }
        }
        findings.apps_broken.get_or_init(|| broken);
        first_error.map_or(Ok(json!(fetched)), Err)
    }
}
