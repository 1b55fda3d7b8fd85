//! Where tokens are shared between processes, and the store that shares them with nobody.

use crate::error::{Error, ErrorCode};
use crate::id::{AppName, CorpId};
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A future in a box, so that [`TokenStore`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps one token per company and app, and lets one process at a time fetch it. Each method is one read or one write
/// of one record. Failures are [`Error::TokenStore`]: the client then works from memory.
pub trait TokenStore: Send + Sync {
    /// The token, if one was saved. It may have expired.
    fn load<'a>(&'a self, key: &'a TokenKey) -> BoxFuture<'a, Result<Option<StoredToken>, Error>>;

    /// Takes the right to fetch the token until `until`, unless another holds it at `now`; Unix seconds both. A lease
    /// that has run out is free, so a process that dies holds nobody up for long.
    fn try_lease<'a>(
        &'a self,
        key: &'a TokenKey,
        now: i64,
        until: i64,
    ) -> BoxFuture<'a, Result<bool, Error>>;

    /// Replaces the token and ends the lease, whoever holds it: a good token serves everybody.
    fn save<'a>(
        &'a self,
        key: &'a TokenKey,
        token: &'a StoredToken,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Ends the lease that was taken until `until`, and no other, after a fetch that failed.
    fn release<'a>(&'a self, key: &'a TokenKey, until: i64) -> BoxFuture<'a, Result<(), Error>>;
}

/// Whose token it is. Tokens of a company's apps are independent (WeCom doc 91039).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey {
    /// The company.
    pub corp: CorpId,
    /// The app.
    pub app: AppName,
}

impl TokenKey {
    /// Half a SHA-256 over the key and its secret: enough to distinguish two secrets, and nothing to start a guess
    /// from, as secrets are random.
    pub(super) fn fingerprint(&self, secret: &SecretString) -> String {
        let text = format!("{}\n{}\n{}", self.corp, self.app, secret.expose_secret());
        let hash = digest(&SHA256, text.as_bytes());
        let half = hash.as_ref().iter().take(16);
        half.map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the store keeps.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The token; up to 512 bytes (WeCom doc 91039). Empty if there is none.
    pub token: SecretString,
    /// When it runs out, in Unix seconds.
    pub expires_at: i64,
    /// Set while WeCom refuses the app's secret.
    pub broken: Option<Broken>,
}

/// WeCom refused the app's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// What `gettoken` answered.
    pub code: ErrorCode,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// When WeCom was last asked, in Unix seconds.
    pub probed_at: i64,
    /// Whether it was this secret, without revealing the secret. A new secret starts afresh.
    pub secret_fingerprint: String,
}

/// What is known about an app's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenState {
    /// When the token runs out, in Unix seconds; `None` if there is none.
    pub expires_at: Option<i64>,
    /// Set while WeCom refuses the app's secret.
    pub broken: Option<Broken>,
}

/// Keeps tokens in memory: for one process, and for tests.
#[derive(Default)]
pub struct MemoryTokenStore {
    records: Mutex<HashMap<TokenKey, Record>>,
}

#[derive(Default)]
struct Record {
    token: Option<StoredToken>,
    leased_until: i64,
}

impl MemoryTokenStore {
    fn records(&self) -> MutexGuard<'_, HashMap<TokenKey, Record>> {
        // Every change of a record is one assignment, so a panic elsewhere leaves none half done.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryTokenStore {
    fn load<'a>(&'a self, key: &'a TokenKey) -> BoxFuture<'a, Result<Option<StoredToken>, Error>> {
        let token = self
            .records()
            .get(key)
            .and_then(|record| record.token.clone());
        Box::pin(ready(Ok(token)))
    }

    fn try_lease<'a>(
        &'a self,
        key: &'a TokenKey,
        now: i64,
        until: i64,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        let mut records = self.records();
        let record = records.entry(key.clone()).or_default();
        let free = record.leased_until <= now;
        if free {
            record.leased_until = until;
        }
        Box::pin(ready(Ok(free)))
    }

    fn save<'a>(
        &'a self,
        key: &'a TokenKey,
        token: &'a StoredToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let record = Record {
            token: Some(token.clone()),
            leased_until: 0,
        };
        self.records().insert(key.clone(), record);
        Box::pin(ready(Ok(())))
    }

    fn release<'a>(&'a self, key: &'a TokenKey, until: i64) -> BoxFuture<'a, Result<(), Error>> {
        if let Some(record) = self
            .records()
            .get_mut(key)
            .filter(|it| it.leased_until == until)
        {
            record.leased_until = 0;
        }
        Box::pin(ready(Ok(())))
    }
}

impl fmt::Debug for MemoryTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokenStore").finish_non_exhaustive()
    }
}
