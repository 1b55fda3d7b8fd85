//! An app of a corp: how it stands with WeCom.

use crate::instant::UnixSeconds;

/// How an app stands with WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "token", rename_all = "snake_case")]
pub enum AppState {
    /// No token was fetched yet.
    None,
    /// There is a token, and it lives until `expires_at`.
    Valid {
        /// When it expires.
        expires_at: UnixSeconds,
    },
    /// WeCom refuses the credentials. No call is made but a probe an hour, for WeCom bans the address of
    /// who keeps asking (error `API_FREQ_OUT_OF_LIMIT`).
    Broken {
        /// WeCom's code.
        errcode: wecom::ErrorCode,
        /// When WeCom refused them first.
        since: UnixSeconds,
    },
}
