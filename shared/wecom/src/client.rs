//! The API client: one app of one company, its token, and a method per API.

mod acquisition;
mod address_book;
mod answer;
mod contact;
mod contact_way;
mod group;
mod media;
mod system;
mod tag;
mod token;
mod token_store;
mod transport;
mod welcome;

pub use token_store::{
    BoxFuture, Broken, MemoryTokenStore, StoredToken, TokenKey, TokenState, TokenStore,
};

use crate::error::{Class, Error};
use crate::id::{AppName, CorpId};
use answer::Answer;
use clock::Clock;
use secrecy::SecretString;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use token::Tokens;
use transport::{Call, Transport};

/// Where WeCom's API is.
pub const BASE_URL: &str = "https://qyapi.weixin.qq.com";
/// A connection that is not there in 2 s will not help a welcome message, which lives for 20 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The most that one JSON call takes, connecting included: three attempts fit the 20 s of a welcome message.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that one upload of up to 20 MB takes.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Connections are kept this long. Serverless instances sleep between customers, and a connection that WeCom has
/// closed meanwhile costs a failed attempt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Calls WeCom for one app of one company. Clones are cheap and share connection and token.
///
/// Every method checks its request first ([`Error::Invalid`]), takes the app's token from memory or the store, and
/// on `INVALID_ACCESS_TOKEN` and `ACCESS_TOKEN_EXPIRED` fetches a new one and tries once more. Nothing else is
/// repeated: what to do about an error is in its [`class`](Error::class). The codes that a
/// method names are constants of [`ErrorCode`](crate::ErrorCode).
#[derive(Clone)]
pub struct Client {
    tokens: Arc<Tokens>,
    transport: Transport,
}

/// Makes a [`Client`].
pub struct ClientBuilder {
    key: TokenKey,
    secret: SecretString,
    base_url: String,
    http: Option<reqwest::Client>,
    call_timeout: Duration,
    store: Option<Arc<dyn TokenStore>>,
    clock: Clock,
}

/// An HTTP client for a caller to finish: connections are kept, redirects are not followed (WeCom has none, and a token
/// must not travel elsewhere), proxies of the environment are not used. Only connecting is bounded by it; each call is
/// bounded by the [`Client`], by its clock.
pub fn http_client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
}

impl Client {
    /// Starts a client of one app: `corp` and `secret` are WeCom's, `app` is any name that keeps the company's apps
    /// apart in the store of tokens.
    pub fn builder(corp: CorpId, app: AppName, secret: SecretString) -> ClientBuilder {
        ClientBuilder {
            key: TokenKey { corp, app },
            secret,
            base_url: BASE_URL.to_owned(),
            http: None,
            call_timeout: CALL_TIMEOUT,
            store: None,
            clock: Clock::system(),
        }
    }

    /// Fetches the token if none is good for `margin` any more, for a scheduler that runs ahead of the customers.
    /// `true` if WeCom was asked.
    ///
    /// # Errors
    /// What `gettoken` answered; [`Error::Broken`] while the secret is known to be refused.
    pub async fn refresh_token_if_due(&self, margin: Duration) -> Result<bool, Error> {
        self.tokens.refresh_if_due(margin).await
    }

    /// What is known about the token, for people who look after the app.
    ///
    /// # Errors
    /// [`Error::TokenStore`] if the store cannot be read.
    pub async fn token_state(&self) -> Result<TokenState, Error> {
        self.tokens.state().await
    }

    /// Gets token and connection ready, ahead of the first customer.
    ///
    /// # Errors
    /// As any call.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.get_api_domain_ip().await.map(drop)
    }

    /// The one road of every call: token, request, answer, and the one retry with a new token.
    async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        let token = self.tokens.get().await?;
        let first = self
            .send(&call, token.expose())
            .await
            .and_then(Answer::read);
        match first {
            Err(error) if error.class() == Class::RefreshToken => {
                match self.tokens.renew(&token).await? {
                    Some(token) => self.send(&call, token.expose()).await?.read(),
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    /// A call whose answer says no more than that it worked.
    async fn call_unit(&self, call: Call<'_>) -> Result<(), Error> {
        self.call::<IgnoredAny>(call).await.map(drop)
    }

    async fn send(&self, call: &Call<'_>, token: &str) -> Result<Answer, Error> {
        self.transport.send(call, &[("access_token", token)]).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(self.tokens.key()).finish()
    }
}

impl ClientBuilder {
    /// Another address than WeCom's, without a path: a proxy with a fixed address, or a sandbox.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// An HTTP client to share between apps; by default one of [`http_client_builder`] of its own.
    pub fn http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// The most that one JSON call takes; [`CALL_TIMEOUT`] by default.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Where the token is shared with other processes; a [`MemoryTokenStore`] of its own by default.
    pub fn tokens(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// The clock by which tokens expire and calls are bounded; that of the system by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The client. It connects when it is first used.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if no HTTP client was given and TLS cannot be set up on this machine.
    pub fn build(self) -> Result<Client, Error> {
        let http = self.http.map_or_else(|| http_client_builder().build(), Ok);
        let http =
            http.map_err(|error| transport::unreachable("http_client", &error.without_url()))?;
        let transport = Transport::new(http, self.base_url, self.call_timeout, self.clock);
        let store = self
            .store
            .unwrap_or_else(|| Arc::new(MemoryTokenStore::default()));
        let tokens = Arc::new(Tokens::new(self.key, self.secret, store, transport.clone()));
        Ok(Client { tokens, transport })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientBuilder").field(&self.key).finish()
    }
}
