//! How the scheduled sync stands: the run that is under way and the last one, with progress, cost and what blocks it.

use serde_json::json;

use crate::view::{BalanceView, RunView};
use crate::{Admin, Answer, Scope, Store, Wecom};

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_sync(&self, scope: &Scope) -> Answer {
        let (running, last) = self.store.runs(&scope.corp).await?;
        let balance = self.store.balance(&scope.corp).await?;
        Ok((
            200,
            json!({
                "running": running.as_ref().map(RunView::from),
                "last": last.as_ref().map(RunView::from),
                "acquisition": balance.as_ref().map(BalanceView::from),
            }),
        ))
    }
}
