//! A progress bar for a reconcile, at the terminal of who started the local stack.

use std::time::Duration;

use clock::Clock;
use domain::ports::RunStore;
use domain::sync::{Phase, Run};
use indicatif::{ProgressBar, ProgressStyle};
use platform::store::Store;
use wecom::CorpId;

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Shows how far the runs of some corps have come.
pub(crate) struct Progress {
    store: Store,
    corps: Vec<CorpId>,
    clock: Clock,
}

impl Progress {
    pub(crate) fn new(store: Store, corps: Vec<CorpId>, clock: Clock) -> Self {
        Self {
            store,
            corps,
            clock,
        }
    }

    /// Shows a bar while `work` runs. Where there is no terminal, nothing is shown.
    pub(crate) async fn show_while<T>(&self, work: impl Future<Output = T>) -> T {
        let bar = ProgressBar::no_length().with_style(style());
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => {
                    bar.finish_and_clear();
                    return done;
                }
                () = self.clock.next_turn(LOOK) => self.look(&bar).await,
            }
        }
    }

    async fn look(&self, bar: &ProgressBar) {
        for corp in &self.corps {
            if let Ok((Some(run), _)) = self.store.runs(corp).await {
                show(bar, &run);
            }
        }
    }
}

fn show(bar: &ProgressBar, run: &Run) {
    bar.set_length(run.total);
    bar.set_position(run.done);
    bar.set_message(match run.phase {
        Phase::Tags => "tags".to_owned(),
        Phase::Customers => format!("{} relations", run.relations),
        Phase::Groups => "groups".to_owned(),
    });
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "  reconcile [{bar:30}] {pos}/{len} {msg} {elapsed} (about {eta} left)",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("=> ")
}
