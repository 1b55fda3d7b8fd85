//! The access tokens of the apps: their state, and their renewal ahead of time.

use std::time::Duration;

use domain::app::AppState;
use domain::error::{StoreError, VendorError};
use domain::instant::UnixSeconds;
use domain::ports::{ReadApps, RefreshTokens};
use wecom::api::path;
use wecom::{AppName, Client, CorpId};

use super::WecomApi;

impl ReadApps for WecomApi {
    async fn app_state(&self, corp: &CorpId, app: &AppName) -> Result<AppState, StoreError> {
        let unavailable = |error: VendorError| StoreError::Unavailable(error.to_string());
        let config = self.config().await.map_err(unavailable)?;
        let client = self.client(&config, corp, app).map_err(unavailable)?;
        let state = client.token_state().await;
        let state = state.map_err(|error| unavailable(error.into()))?;
        Ok(match (state.broken, state.expires_at) {
            (Some(broken), _) => AppState::Broken {
                errcode: broken.code,
                since: UnixSeconds(broken.since),
            },
            (None, Some(expires_at)) => AppState::Valid {
                expires_at: UnixSeconds(expires_at),
            },
            (None, None) => AppState::None,
        })
    }
}

impl RefreshTokens for WecomApi {
    async fn refresh_token(
        &self,
        corp: &CorpId,
        app: &AppName,
        margin: Duration,
    ) -> Result<bool, VendorError> {
        let refresh = |client: Client| async move { client.refresh_token_if_due(margin).await };
        self.call(corp, app, path::GET_TOKEN, refresh).await
    }
}
