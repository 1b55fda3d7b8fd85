//! The self-check: whether WeCom's callbacks reach their function, seen from outside.
//!
//! Nothing else notices that callbacks do not come at all: an expired certificate or a missing permission causes no
//! error in any function.

use std::time::Duration;

use futures::StreamExt;
use platform::callback_url::Reached;
use platform::config::{App, Config, Corp};
use platform::metrics::Unit;

use crate::Syncer;

/// Time between two checks; a little less than the period of the alarm, so that each period has one.
const INTERVAL: Duration = Duration::from_secs(270);
/// URLs that are called at the same time.
const CONCURRENT: usize = 8;

impl<S, W> Syncer<S, W> {
    /// Calls the public URL of every app that takes callbacks, at most every few minutes, and reports the worst result
    /// as the gauge `callback_reachable`. Without such an app, and without a public URL, the gauge is 1: there is
    /// nothing that could be unreachable.
    pub(crate) async fn check_callback_urls(&self, config: Option<&Config>) {
        if !self.callback_check_is_due() {
            return;
        }
        let corps = config.into_iter().flat_map(Config::corps);
        let apps = corps.flat_map(|corp| corp.apps().map(move |app| (corp, app)));
        let checks = apps.map(|(corp, app)| self.check(corp, app));
        let checks: Vec<_> = checks.collect();
        let results: Vec<Option<Reached>> = futures::stream::iter(checks)
            .buffer_unordered(CONCURRENT)
            .collect()
            .await;
        let worst = results.into_iter().flatten().min();
        let value = worst.unwrap_or(Reached::Function).value();
        self.metrics
            .put("callback_reachable", Unit::None, value, &[]);
    }

    /// Whether the last check of this process is old enough. Marks it as made now.
    fn callback_check_is_due(&self) -> bool {
        let now = self.clock.instant();
        let checked = self.callback_checked_at.lock();
        let mut checked = checked.unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_due = checked.is_none_or(|at| now.duration_since(at) >= INTERVAL);
        if is_due {
            *checked = Some(now);
        }
        is_due
    }

    async fn check(&self, corp: &Corp, app: &App) -> Option<Reached> {
        let crypto = app.callback.as_ref()?;
        let reached = self
            .callback_url
            .verify(&corp.id, &app.name, crypto)
            .await?;
        if reached != Reached::Function {
            tracing::error!(
                event = "callback_url.unreachable",
                corp.id = %corp.id,
                app.name = %app.name,
                callback.reached = reached.as_str(),
                http.status = reached.status(),
                "the callback URL does not answer as WeCom expects; events are being lost"
            );
        }
        Some(reached)
    }
}
