//! The store as this process uses it: it may fail or hang, and a call must not fail for that.

use crate::client::token_store::{StoredToken, TokenKey, TokenStore};
use crate::error::Error;
use clock::Clock;
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for one answer of the store.
const PATIENCE: Duration = Duration::from_secs(1);

/// A store that did not answer, which has been logged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Down;

pub(super) struct SharedStore {
    pub(super) key: TokenKey,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) clock: Clock,
}

impl SharedStore {
    pub(super) async fn load(&self) -> Result<Option<StoredToken>, Down> {
        self.bounded(self.store.load(&self.key)).await
    }

    pub(super) async fn try_lease(&self, now: i64, until: i64) -> Result<bool, Down> {
        self.bounded(self.store.try_lease(&self.key, now, until))
            .await
    }

    pub(super) async fn save(&self, token: &StoredToken) -> Result<(), Down> {
        self.bounded(self.store.save(&self.key, token)).await
    }

    pub(super) async fn release(&self, until: i64) -> Result<(), Down> {
        self.bounded(self.store.release(&self.key, until)).await
    }

    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Down> {
        let reason = match self.clock.timeout(PATIENCE, answer).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(
            event = "token.store_failed",
            corp.id = %self.key.corp,
            app.name = %self.key.app,
            store.error = reason,
            "the token store does not work; the token is kept in memory"
        );
        Err(Down)
    }
}
