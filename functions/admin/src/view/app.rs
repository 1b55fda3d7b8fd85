//! An app and how it stands with WeCom.

use domain::app::AppState;
use domain::instant::UnixSeconds;
use serde::Serialize;
use wecom::{AppName, ErrorCode};

/// An app of the configuration.
#[derive(Serialize)]
pub(crate) struct AppView<'a> {
    pub(crate) app: &'a AppName,
    pub(crate) agent_id: Option<u64>,
    /// Whether it has keys for a callback.
    pub(crate) takes_callbacks: bool,
    #[serde(flatten)]
    pub(crate) token: TokenView,
}

/// The state of its access token.
#[derive(Serialize)]
pub(crate) struct TokenView {
    token: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errcode: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<UnixSeconds>,
}

impl From<&AppState> for TokenView {
    fn from(state: &AppState) -> Self {
        let (token, expires_at, errcode, since) = match *state {
            AppState::None => ("none", None, None, None),
            AppState::Valid { expires_at } => ("valid", Some(expires_at), None, None),
            AppState::Broken { errcode, since } => ("broken", None, Some(errcode), Some(since)),
        };
        Self {
            token,
            expires_at,
            errcode,
            since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_shown_by_its_state() {
        for (state, shown) in [
            (AppState::None, json!({"token": "none"})),
            (
                AppState::Valid {
                    expires_at: UnixSeconds(7),
                },
                json!({"token": "valid", "expires_at": 7}),
            ),
            (
                AppState::Broken {
                    errcode: ErrorCode::INVALID_SECRET,
                    since: UnixSeconds(3),
                },
                json!({"token": "broken", "errcode": 40001, "since": 3}),
            ),
        ] {
            assert_eq!(json!(TokenView::from(&state)), shown);
        }
    }
}
