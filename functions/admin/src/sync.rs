//! How the scheduled sync stands: the run that is under way and the last one, with progress, cost and what held it up.

use domain::sync::Run;
use serde_json::{Value, json};

use crate::{Admin, Answer, Scope, Store, Wecom};

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_sync(&self, scope: &Scope) -> Answer {
        let (running, last) = self.store.runs(&scope.corp).await?;
        let balance = self.store.balance(&scope.corp).await?;
        Ok((
            200,
            json!({
                "running": running.as_ref().map(view),
                "last": last.as_ref().map(view),
                "acquisition": balance,
            }),
        ))
    }
}

/// The run with its rate and what it has still to do; its place in a list of ids, and what it remembers of other runs,
/// is nobody's business.
fn view(run: &Run) -> Value {
    let mut view = json!(run);
    if let Some(fields) = view.as_object_mut() {
        fields.remove("resume_after");
        fields.remove("chunks");
        fields.remove("members_read");
        fields.remove("complete_before");
    }
    view["per_minute"] = json!(run.per_minute());
    if run.finished_at.is_none() {
        view["seconds_left"] = json!(run.seconds_left());
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_with_the_fields_of_the_contract() {
        let mut run = Run::starting_at(1_700_000_000_000);
        run.chunks = Some(3);
        let told = view(&run);
        for field in [
            "id",
            "task",
            "started_at",
            "finished_at",
            "done",
            "total",
            "calls",
            "writes",
            "lost",
        ] {
            assert!(told.get(field).is_some(), "{field}");
        }
        assert!(told.get("chunks").is_none() && told.get("error").is_none());
    }
}
