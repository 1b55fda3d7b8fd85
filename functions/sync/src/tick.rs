//! What is due every minute. Each part has its bounds, and none depends on another's success.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::Duration;

use domain::error::VendorError;
use domain::sync::Run;
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::metrics::Unit;
use serde_json::{Map, Value, json};

use crate::meter::Meter;
use crate::reconcile::Slice;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

mod due;
mod fold;
mod gauges;

/// A token that ends within this time is fetched anew: no customer waits for one, and an outage of gettoken of a few
/// minutes is outlived.
const TOKEN_MARGIN: Duration = Duration::from_secs(600);
/// How long the parts before the run may take: then the next tick comes.
const SHORT: Duration = Duration::from_secs(40);

/// What a tick of a corp finds for the gauges. A value that was not reached stays unset.
#[derive(Default)]
struct Noticed {
    /// Apps whose credentials WeCom refuses.
    apps_broken: OnceLock<usize>,
    /// Adds whose tags had to be tried again.
    tags_waiting: OnceLock<usize>,
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    /// Does what is due, for every corp, and says what was done and what stood in the way.
    pub(crate) async fn tick(&self, scopes: &[Scope<'_>], owner: &str) -> Value {
        let corps = scopes.iter().map(|scope| async {
            let noticed = Noticed::default();
            let told = self.tick_corp(scope, owner, &noticed).await;
            ((scope.corp.to_string(), told), noticed)
        });
        let corps = futures::future::join_all(corps).await.into_iter();
        let (corps, noticed): (Map<String, Value>, Vec<_>) = corps.unzip();
        let measured = AssertUnwindSafe(self.measure(scopes, &noticed).boxed()).catch_unwind();
        if measured.await.is_err() {
            tracing::error!("the gauges of a tick made it panic; what it did is done");
        }
        json!({"corps": corps})
    }

    /// Does what is due for a corp, and keeps what it meets with for the gauges.
    async fn tick_corp(&self, scope: &Scope<'_>, owner: &str, noticed: &Noticed) -> Value {
        let short = Scope {
            until: scope.until.min(self.clock.instant() + SHORT),
            ..*scope
        };
        // What these parts call is no run's.
        let meter = Meter::new(Run::starting_at(self.clock.unix_millis()), &self.clock);
        let mut done = Map::new();
        let (tokens, due, folded) = tokio::join!(
            self.part(
                scope,
                "tokens",
                self.refresh_tokens(&short, noticed).boxed()
            ),
            self.part(scope, "due", self.do_due(&short, &meter, noticed).boxed()),
            self.part(scope, "folded", self.fold_in(&short, &meter).boxed()),
        );
        let run = self.go_on(scope, owner).boxed();
        let run = self.part(scope, "run", run).await;
        for (name, part) in [
            ("tokens", tokens),
            ("due", due),
            ("folded", folded),
            ("run", run),
        ] {
            done.insert(name.to_owned(), part);
        }
        done.insert("calls".to_owned(), json!(meter.run().calls));
        Value::Object(done)
    }

    /// Runs a part and says how it went; neither its failure nor its panic is another part's.
    ///
    /// Parts are boxed, as are those of a run: without optimization every future that holds another one has several
    /// times its size on the stack, and the whole sync did not fit in the 2 MB of a thread.
    async fn part(
        &self,
        scope: &Scope<'_>,
        name: &'static str,
        part: BoxFuture<'_, Result<Value, Trouble>>,
    ) -> Value {
        let failed = |what: String| {
            tracing::warn!(corp.id = %scope.corp, tick.part = name, tick.trouble = what, "a part of a tick did not come to its end");
            self.metrics
                .put("tick_failures", Unit::Count, 1, &[("part", name)]);
            json!({"error": what})
        };
        match AssertUnwindSafe(part).catch_unwind().await {
            Ok(Ok(done)) => done,
            Ok(Err(trouble)) => failed(trouble.to_string()),
            Err(_) => failed("the part panicked".to_owned()),
        }
    }

    /// Tokens of all apps that end soon. One app's trouble is not another's.
    async fn refresh_tokens(&self, scope: &Scope<'_>, noticed: &Noticed) -> Result<Value, Trouble> {
        let (mut fetched, mut broken) = (0, 0);
        let mut trouble = None;
        for app in scope.config.apps() {
            match self
                .wecom
                .refresh_token(scope.corp, &app.name, TOKEN_MARGIN)
                .await
            {
                Ok(asked) => fetched += u32::from(asked),
                Err(error) => {
                    broken += usize::from(matches!(
                        error,
                        VendorError::Wecom(wecom::Error::Broken { .. })
                    ));
                    trouble = trouble.or(Some(Trouble::Wecom(error)));
                }
            }
        }
        noticed.apps_broken.get_or_init(|| broken);
        trouble.map_or(Ok(json!(fetched)), Err)
    }

    /// The rest of a run that had to stop.
    async fn go_on(&self, scope: &Scope<'_>, owner: &str) -> Result<Value, Trouble> {
        Ok(match self.slice(scope, owner, None).await? {
            Slice::Nothing => Value::Null,
            Slice::Theirs(run) | Slice::Continues(run) => {
                json!({"run_id": run.id, "state": "continues"})
            }
            Slice::Finished(run) => json!({"run_id": run.id, "state": "finished"}),
        })
    }
}
