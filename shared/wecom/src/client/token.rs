//! The app's access token (WeCom doc 91039): from memory, else from the store, else from WeCom.
//!
//! One refresher at a time in the process, and across processes by a lease. Nobody waits while the old token is good,
//! and nobody waits longer than a second and a look for another process: two that ask at once get the same token
//! (documented for long; unverified for 2026), so the worst that can happen is a call too many. A store that fails
//! costs shared work, never a call.

mod memory;
mod shared;

use super::token_store::{Broken, StoredToken, TokenKey, TokenState, TokenStore};
use super::transport::{Call, Transport};
use crate::api::path;
use crate::error::{Error, ErrorCode};
use memory::Memory;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::{Down, SharedStore};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A token this near its end is not used: clocks differ, and the call takes its time. Seconds.
const LAST_SECONDS: i64 = 10;
/// In the last 5 minutes a call starts the refresh behind itself; long enough to outlive an outage of gettoken, and
/// shorter than the margin of a scheduler, which then does it first. Seconds.
const AHEAD_SECONDS: i64 = 300;
/// A lease outlives the longest fetch and its save. Seconds.
const LEASE_SECONDS: i64 = 10;
/// The longest wait for another process's refresh.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the store is asked meanwhile.
const POLL: Duration = Duration::from_millis(100);

/// A token in use.
#[derive(Clone)]
pub(super) struct AccessToken {
    secret: SecretString,
    expires_at: i64,
}

pub(super) struct Tokens {
    shared: SharedStore,
    secret: SecretString,
    fingerprint: String,
    transport: Transport,
    memory: Mutex<Memory>,
    /// Held by the one who refreshes; the others wait for it and find the result in memory.
    refresh_lock: tokio::sync::Mutex<()>,
}

/// Which token will do.
#[derive(Clone, Copy)]
struct Need<'a> {
    /// It must last so many seconds.
    lasting: i64,
    /// And not be this one, which WeCom refused.
    refused: Option<&'a str>,
}

/// What asking for the right to fetch came to.
enum Lease {
    /// It is ours until then.
    Ours(i64),
    /// There is none: the store is down, or another process took too long.
    None,
    /// Another process had the answer, or none is needed yet.
    Settled(Result<AccessToken, Error>),
}

#[derive(Deserialize)]
struct Fetched {
    access_token: String,
    #[serde(deserialize_with = "crate::api::wire::seconds")]
    expires_in: i64,
}

impl Tokens {
    pub(super) fn new(
        key: TokenKey,
        secret: SecretString,
        store: Arc<dyn TokenStore>,
        transport: Transport,
    ) -> Self {
        let fingerprint = key.fingerprint(&secret);
        let clock = transport.clock().clone();
        let memory = Mutex::new(Memory::new(clock.clone()));
        let shared = SharedStore { key, store, clock };
        Self {
            shared,
            secret,
            fingerprint,
            transport,
            memory,
            refresh_lock: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn key(&self) -> &TokenKey {
        &self.shared.key
    }

    /// A token that is good now.
    pub(super) async fn get(self: &Arc<Self>) -> Result<AccessToken, Error> {
        let Some(token) = self.held(LAST_SECONDS) else {
            return self.refresh(LAST_SECONDS).await.map(|(token, _)| token);
        };
        if !token.lasts(AHEAD_SECONDS, self.now()) && self.memory().may_go_ahead() {
            let tokens = Arc::clone(self);
            // Its failure is not this caller's, whose token is good.
            tokio::spawn(async move { tokens.refresh(AHEAD_SECONDS).await });
        }
        Ok(token)
    }

    /// Another token than the one that WeCom refused; `None` if there will be no other for now.
    pub(super) async fn renew(&self, refused: &AccessToken) -> Result<Option<AccessToken>, Error> {
        let _refreshing = self.refresh_lock.lock().await;
        let another = self
            .held(LAST_SECONDS)
            .filter(|held| held.expose() != refused.expose());
        if another.is_some() {
            return Ok(another);
        }
        {
            let mut memory = self.memory();
            // A caller that waited here for a fetch that failed gets its error, and not that the token is bad.
            if let Some(failure) = memory
                .refusal(self.now())
                .or_else(|| memory.recent_failure())
            {
                return Err(failure);
            }
            if !memory.may_renew() {
                return Ok(None);
            }
            memory.token = None;
        }
        let need = Need {
            lasting: LAST_SECONDS,
            refused: Some(refused.expose()),
        };
        self.acquire(need).await.map(|(token, _)| Some(token))
    }

    /// Fetches a token unless one lasts for the margin. `true` if WeCom was asked.
    pub(super) async fn refresh_if_due(&self, margin: Duration) -> Result<bool, Error> {
        let lasting = i64::try_from(margin.as_secs())
            .unwrap_or(i64::MAX)
            .max(LAST_SECONDS);
        self.refresh(lasting).await.map(|(_, asked)| asked)
    }

    pub(super) async fn state(&self) -> Result<TokenState, Error> {
        let stored = self.shared.store.load(self.key()).await?;
        let memory = self.memory();
        let (token, broken) = match stored {
            Some(stored) => (AccessToken::stored(&stored), self.ours(stored.broken)),
            None => (memory.token.clone(), memory.broken.clone()),
        };
        Ok(TokenState {
            expires_at: token.map(|token| token.expires_at),
            broken,
        })
    }

    /// A token that lasts, and whether WeCom was asked for it.
    async fn refresh(&self, lasting: i64) -> Result<(AccessToken, bool), Error> {
        if let Some(token) = self.held(lasting) {
            return Ok((token, false));
        }
        let _refreshing = self.refresh_lock.lock().await;
        match self.held(lasting) {
            Some(token) => Ok((token, false)),
            None => {
                self.acquire(Need {
                    lasting,
                    refused: None,
                })
                .await
            }
        }
    }

    /// From the store, else from WeCom. Only under the refresh lock.
    async fn acquire(&self, need: Need<'_>) -> Result<(AccessToken, bool), Error> {
        if let Some(failure) = self.memory().recent_failure() {
            return Err(failure);
        }
        let loaded = self.shared.load().await;
        let stored = loaded.as_ref().ok().and_then(Option::as_ref);
        if let Some(settled) = self.settle(stored, need) {
            return settled.map(|token| (token, false));
        }
        let lease = if loaded.is_ok() {
            self.lease(need).await
        } else {
            Lease::None
        };
        let until = match lease {
            Lease::Settled(settled) => return settled.map(|token| (token, false)),
            Lease::Ours(until) => Some(until),
            Lease::None => None,
        };
        let fetched = self.fetch().await;
        self.keep(&fetched, loaded.is_ok(), until).await;
        fetched.map(|token| (token, true))
    }

    /// What the store says, if it is an answer: a token that will do, or a secret that is not to be tried.
    fn settle(
        &self,
        stored: Option<&StoredToken>,
        need: Need<'_>,
    ) -> Option<Result<AccessToken, Error>> {
        let broken = stored.and_then(|stored| self.ours(stored.broken.clone()));
        let good = stored
            .and_then(AccessToken::stored)
            .filter(|token| need.usable(token, self.now()));
        let mut memory = self.memory();
        let Some(token) = good else {
            memory.broken = broken.or(memory.broken.take());
            return memory.refusal(self.now()).map(Err);
        };
        // Taken even if it ends too soon for the need: until there is another, it serves.
        memory.adopt(token.clone(), broken);
        if token.lasts(need.lasting, self.now()) {
            return Some(Ok(token));
        }
        memory.refusal(self.now()).map(Err)
    }

    /// Takes the right to fetch, or waits for whoever holds it. Who has a good token still does not wait.
    async fn lease(&self, need: Need<'_>) -> Lease {
        let now = self.now();
        let until = now + LEASE_SECONDS;
        match self.shared.try_lease(now, until).await {
            Ok(true) => return self.leased(need, until).await,
            Ok(false) => {}
            Err(Down) => return Lease::None,
        }
        if let Some(token) = self.held(LAST_SECONDS) {
            return Lease::Settled(Ok(token));
        }
        let began = self.shared.clock.instant();
        while self.shared.clock.since(began) < PATIENCE {
            self.shared.clock.sleep(POLL).await;
            let left = PATIENCE.saturating_sub(self.shared.clock.since(began));
            let loaded = self.shared.clock.timeout(left, self.shared.load()).await;
            let stored = loaded.ok().and_then(Result::ok).flatten();
            if let Some(settled) = self.settle(stored.as_ref(), need) {
                return Lease::Settled(settled);
            }
        }
        Lease::None
    }

    /// Another process may have fetched and saved between our look and our lease, so there is a second look.
    async fn leased(&self, need: Need<'_>, until: i64) -> Lease {
        let stored = self.shared.load().await.ok().flatten();
        let Some(settled) = self.settle(stored.as_ref(), need) else {
            return Lease::Ours(until);
        };
        // A lease that stays runs out by itself.
        let _logged = self.shared.release(until).await;
        Lease::Settled(settled)
    }

    async fn fetch(&self) -> Result<AccessToken, Error> {
        let call = Call::get(path::GET_TOKEN).with("corpid", self.key().corp.as_str());
        let secrets = [("corpsecret", self.secret.expose_secret())];
        let fetched: Fetched = self.transport.send(&call, &secrets).await?.read()?;
        if fetched.access_token.is_empty() {
            let reason = "access_token is empty".to_owned();
            return Err(Error::Unreadable {
                api: path::GET_TOKEN,
                reason,
            });
        }
        let expires_at = self.now().saturating_add(fetched.expires_in);
        Ok(AccessToken {
            secret: fetched.access_token.into(),
            expires_at,
        })
    }

    /// Keeps the result of a fetch in memory and, while it works, in the store.
    async fn keep(&self, fetched: &Result<AccessToken, Error>, stored: bool, lease: Option<i64>) {
        let record = match fetched {
            Ok(token) => {
                self.memory().adopt(token.clone(), None);
                Some(token.to_stored(None))
            }
            Err(Error::Api { code, .. }) if code.refuses_credentials() => {
                Some(self.mark_broken(*code))
            }
            Err(error) => {
                self.memory().failed(error.clone());
                None
            }
        };
        let _logged = match (record, lease) {
            (Some(record), _) if stored => self.shared.save(&record).await,
            (None, Some(until)) => self.shared.release(until).await,
            _ => Ok(()),
        };
    }

    /// Writes down that WeCom refuses the secret; a token that is still good stays in use.
    fn mark_broken(&self, code: ErrorCode) -> StoredToken {
        tracing::error!(
            event = "token.secret_refused",
            corp.id = %self.key().corp,
            app.name = %self.key().app,
            wecom.errcode = code.get(),
            "WeCom refuses the app's secret; it is tried again in an hour, or when it changes"
        );
        let token = self.held(LAST_SECONDS).unwrap_or_else(AccessToken::none);
        let mut memory = self.memory();
        let since = memory
            .broken
            .as_ref()
            .map_or_else(|| self.now(), |broken| broken.since);
        let secret_fingerprint = self.fingerprint.clone();
        let broken = Broken {
            code,
            since,
            probed_at: self.now(),
            secret_fingerprint,
        };
        memory.broken = Some(broken.clone());
        token.to_stored(Some(broken))
    }

    fn held(&self, lasting: i64) -> Option<AccessToken> {
        self.memory()
            .token
            .clone()
            .filter(|token| token.lasts(lasting, self.now()))
    }

    /// What is known about another secret says nothing about this one.
    fn ours(&self, broken: Option<Broken>) -> Option<Broken> {
        broken.filter(|broken| broken.secret_fingerprint == self.fingerprint)
    }

    fn now(&self) -> i64 {
        self.shared.clock.unix_seconds()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Fields are set whole, so a panic elsewhere leaves none half done.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessToken {
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    fn none() -> Self {
        Self {
            secret: String::new().into(),
            expires_at: 0,
        }
    }

    fn stored(record: &StoredToken) -> Option<Self> {
        let token = Self {
            secret: record.token.clone(),
            expires_at: record.expires_at,
        };
        (!token.expose().is_empty()).then_some(token)
    }

    fn to_stored(&self, broken: Option<Broken>) -> StoredToken {
        StoredToken {
            token: self.secret.clone(),
            expires_at: self.expires_at,
            broken,
        }
    }

    fn lasts(&self, seconds: i64, now: i64) -> bool {
        self.expires_at.saturating_sub(now) > seconds
    }
}

impl Need<'_> {
    /// Whether the token is good for a call at `now`.
    fn usable(self, token: &AccessToken, now: i64) -> bool {
        token.lasts(LAST_SECONDS, now) && self.refused != Some(token.expose())
    }
}
