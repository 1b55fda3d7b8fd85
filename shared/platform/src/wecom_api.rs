//! The rules' ports towards WeCom: for each corp and app a client of its own, made from the configuration
//! as it is now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use clock::Clock;
use domain::error::VendorError;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use wecom::api::path;
use wecom::{AppName, Class, Client, CorpId, Error, TokenStore};

use crate::config::{App, Config, Credentials};
use crate::governor::Governor;
use crate::media::Sources;
use crate::secret::ConfigSource;
use crate::store::Store;

mod apps;
mod channels;
mod corp;
mod customers;
mod media;
mod tags;

/// WeCom, for every corp and app of this deployment.
#[derive(Clone)]
pub struct WecomApi {
    config: Arc<ConfigSource>,
    base_url: String,
    http: reqwest::Client,
    tokens: Arc<dyn TokenStore>,
    sources: Arc<Sources>,
    governor: Arc<Governor>,
    clock: Clock,
    clients: Arc<Mutex<HashMap<(CorpId, AppName), Known>>>,
}

/// An API that is called.
#[derive(Clone, Copy)]
struct Call {
    api: &'static str,
    /// When the call has to begin, if it is worth nothing later.
    latest: Option<Timestamp>,
}

/// Apps that are called ahead. Those beyond find their tokens in the table at their first event.
const WARM_UP_APPS: usize = 16;
/// How long the calls ahead may take in all.
const WARM_UP_TIME: Duration = Duration::from_secs(5);

/// A client and the secret that it was made with, as a digest: after a rotation a new one is made.
struct Known {
    secret: [u8; 32],
    client: Client,
}

impl WecomApi {
    /// Calls WeCom at `base_url` through `http` as `governor` allows, shares tokens through `tokens` and fetches media
    /// from `sources`.
    pub fn new(
        config: Arc<ConfigSource>,
        base_url: String,
        http: reqwest::Client,
        tokens: Arc<dyn TokenStore>,
        sources: Sources,
        governor: Governor,
        clock: Clock,
    ) -> Self {
        Self {
            config,
            base_url,
            http,
            tokens,
            sources: Arc::new(sources),
            governor: Arc::new(governor),
            clock,
            clients: Arc::default(),
        }
    }

    /// The same for a latency-critical function; see [`Governor::latency_critical`].
    #[must_use]
    pub fn latency_critical(self, store: Store) -> Self {
        let governor = Governor::latency_critical(store, self.clock.clone());
        Self {
            governor: Arc::new(governor),
            ..self
        }
    }

    /// Fetches tokens and opens connections, ahead of the first customer: for a limited number of apps and
    /// time, because Lambda ends an init that takes longer than 10 s.
    pub async fn warm_up(&self) {
        let Ok(config) = self.config.current().await else {
            return;
        };
        let apps = config
            .corps()
            .flat_map(|corp| corp.apps().map(move |app| (corp, app)))
            .filter_map(|(corp, app)| Some((corp, app, app.credentials.as_ref()?)));
        let warm = apps.map(|(corp, app, credentials)| async move {
            let warmed = match self.client_of(&corp.id, app, credentials) {
                Ok(client) => client.warm_up().await,
                Err(error) => Err(error),
            };
            if let Err(error) = warmed {
                tracing::warn!(
                    event = "warm_up.failed",
                    corp.id = %corp.id,
                    app.name = %app.name,
                    wecom.error = %error,
                    "could not call WeCom ahead of the first event"
                );
            }
        });
        let all = futures::future::join_all(warm.take(WARM_UP_APPS));
        if self.clock.timeout(WARM_UP_TIME, all).await.is_err() {
            tracing::warn!(
                event = "warm_up.slow",
                "WeCom is slow to answer; the first event will wait for it"
            );
        }
    }

    /// Makes a call of `api` as an app, when the governor lets it through. A secret that WeCom refuses may have been
    /// reset: the configuration is read again, at most once a minute, and if it is another one, the call gets one more
    /// try.
    async fn call<T, F>(
        &self,
        corp: &CorpId,
        app: &AppName,
        api: &'static str,
        make: impl Fn(Client) -> F,
    ) -> Result<T, VendorError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let call = Call { api, latest: None };
        self.make(corp, app, call, make).await
    }

    /// Makes a call of `api` as [`Self::call`] does, in a time slot if it has a deadline.
    async fn make<T, F>(
        &self,
        corp: &CorpId,
        app: &AppName,
        call: Call,
        make: impl Fn(Client) -> F,
    ) -> Result<T, VendorError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let config = self.config().await?;
        // In a box, for it is large: without optimization each layer above has it several times on the stack, and a
        // thread has 2 MB.
        let answer = Box::pin(self.governed(&config, (corp, app), call, &make)).await;
        if matches!(&answer, Err(error) if refuses_secret(error))
            && let Some(config) = self.config.reread(&config).await
        {
            return Box::pin(self.governed(&config, (corp, app), call, &make)).await;
        }
        answer
    }

    async fn governed<T, F>(
        &self,
        config: &Config,
        (corp, app): (&CorpId, &AppName),
        Call { api, latest }: Call,
        make: &impl Fn(Client) -> F,
    ) -> Result<T, VendorError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        // A call is a large future below many layers of others; compared with the heap of its answer a box costs
        // nothing.
        let call = Box::pin(make(self.client(config, corp, app)?));
        let limits = config.corp(corp.as_str()).map(|corp| corp.limits);
        let limits = limits.unwrap_or_default();
        match latest {
            Some(latest) => {
                self.governor
                    .call_before(corp, &limits, api, latest, call)
                    .await
            }
            None => self.governor.call(corp, &limits, api, call).await,
        }
    }

    async fn config(&self) -> Result<Arc<Config>, VendorError> {
        let config = self.config.current().await;
        config.map_err(|error| VendorError::ConfigurationUnreadable(error.to_string()))
    }

    /// The client of an app of this configuration.
    fn client(&self, config: &Config, corp: &CorpId, app: &AppName) -> Result<Client, VendorError> {
        let (app, credentials) = configured(config, corp, app)?;
        Ok(self.client_of(corp, app, credentials)?)
    }

    fn client_of(
        &self,
        corp: &CorpId,
        app: &App,
        credentials: &Credentials,
    ) -> Result<Client, Error> {
        let given = &credentials.secret;
        let mut secret = [0; 32];
        secret.copy_from_slice(digest(&SHA256, given.expose_secret().as_bytes()).as_ref());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (corp.clone(), app.name.clone());
        if let Some(known) = clients.get(&key).filter(|known| known.secret == secret) {
            return Ok(known.client.clone());
        }
        let client = Client::builder(corp.clone(), app.name.clone(), given.clone())
            .base_url(&self.base_url)
            .http(self.http.clone())
            .tokens(Arc::clone(&self.tokens))
            .clock(self.clock.clone())
            .build()?;
        clients.insert(
            key,
            Known {
                secret,
                client: client.clone(),
            },
        );
        Ok(client)
    }
}

/// Whether the Secret of the app is wrong: known to be, or just refused by the one API that takes it.
fn refuses_secret(error: &VendorError) -> bool {
    match error {
        VendorError::Wecom(Error::Broken { .. }) => true,
        VendorError::Wecom(Error::Api { api, .. }) => {
            *api == path::GET_TOKEN && error.class() == Class::Configuration
        }
        _ => false,
    }
}

/// An app of this configuration, with what it calls WeCom with.
fn configured<'a>(
    config: &'a Config,
    corp: &CorpId,
    app: &AppName,
) -> Result<(&'a App, &'a Credentials), VendorError> {
    let found = config
        .corp(corp.as_str())
        .and_then(|corp| corp.app(app.as_str()))
        .and_then(|app| Some((app, app.credentials.as_ref()?)));
    found.ok_or_else(|| VendorError::AppNotConfigured {
        corp: corp.clone(),
        app: app.clone(),
    })
}
