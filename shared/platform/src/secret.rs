//! The configuration as it is now: read from its secret, kept for a few minutes, read early when a
//! signature fails, so that a rotation needs no redeployment.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use clock::Clock;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use wecom::CorpId;

use crate::BoxFuture;
use crate::config::merge::{self, Document};
use crate::config::{Config, ConfigError, Needs};
use crate::data_keys::{DataKeys, FindDataKeys};

/// How long a configuration is used before it is read again.
const FRESH: Duration = Duration::from_secs(300);
/// Time between two readings of a secret that could not be read, or that a bad signature asked for.
const EARLY: Duration = Duration::from_secs(60);
/// Time between two readings of a secret that never was a configuration: whoever fills it waits a moment, and the
/// events that come during that time do not each read the secret.
const AGAIN: Duration = Duration::from_secs(3);

/// Where the text of the secret comes from.
pub trait LoadSecret: Send + Sync {
    /// The text of the secret, as it is now.
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>>;
}

/// Why there is no configuration. Each is one line of the log.
#[derive(Clone, thiserror::Error)]
pub enum SecretError {
    /// It is as the template makes it: no configuration was written yet.
    #[error(
        "the configuration secret {id} is not filled: write the configuration and run aws secretsmanager \
         put-secret-value --secret-id {id} --secret-string file://config.json"
    )]
    NotFilled {
        /// The secret's id, as the function knows it.
        id: String,
    },
    /// The secret could not be read.
    #[error("the configuration secret cannot be read: {0}")]
    Unavailable(String),
    /// It was read, and is not a configuration.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
}

/// The same sentence: the Lambda runtime logs what a function returns as an error in this form, and is the one who
/// logs it.
impl fmt::Debug for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secrets in Secrets Manager: one with the whole configuration, or several that are merged.
pub struct SecretsManager {
    client: aws_sdk_secretsmanager::Client,
    ids: Vec<String>,
}

impl SecretsManager {
    /// Reads the secret `ids` with `client`; several ids are separated by commas.
    #[must_use]
    pub fn new(client: aws_sdk_secretsmanager::Client, ids: &str) -> Self {
        let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
        Self {
            client,
            ids: ids.map(str::to_owned).collect(),
        }
    }

    async fn document(&self, id: &str) -> Result<Document, SecretError> {
        let answer = self.client.get_secret_value().secret_id(id).send().await;
        let answer = answer.map_err(|error| {
            SecretError::Unavailable(format!("{id}: {}", DisplayErrorContext(error)))
        })?;
        let (id, text) = (id.to_owned(), answer.secret_string.unwrap_or_default());
        if is_blank(&text) {
            return Err(SecretError::NotFilled { id });
        }
        Ok(Document { id, text })
    }
}

impl LoadSecret for SecretsManager {
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
        Box::pin(async {
            let documents = self.ids.iter().map(|id| self.document(id));
            let documents = futures::future::try_join_all(documents).await?;
            Ok(merge::merge(documents)?)
        })
    }
}

/// Whether a secret's text is nothing, or the empty object with which it is made.
fn is_blank(text: &str) -> bool {
    let object = serde_json::from_str::<Map<String, Value>>(text);
    text.trim().is_empty() || object.is_ok_and(|object| object.is_empty())
}

/// The configuration, kept in memory.
pub struct ConfigSource {
    secret: Box<dyn LoadSecret>,
    needs: Needs,
    clock: Clock,
    known: Mutex<Known>,
}

/// What the readings came to.
#[derive(Default)]
struct Known {
    /// The last good configuration.
    kept: Option<Kept>,
    /// What was wrong with the secret while there never was a good one, and when it was read.
    fault: Option<(SecretError, Instant)>,
}

struct Kept {
    config: Arc<Config>,
    /// When it was read, successfully or not.
    tried_at: Instant,
    fresh_for: Duration,
    reread_at: Option<Instant>,
}

impl FindDataKeys for ConfigSource {
    fn data_keys(&self) -> BoxFuture<'_, Option<Arc<DataKeys>>> {
        Box::pin(async { self.current().await.ok()?.data_keys.clone() })
    }
}

impl ConfigSource {
    /// Reads from `secret` what is needed of it when it is first asked, and again as time passes by `clock`.
    #[must_use]
    pub fn new(secret: Box<dyn LoadSecret>, needs: Needs, clock: Clock) -> Self {
        Self {
            secret,
            needs,
            clock,
            known: Mutex::default(),
        }
    }

    /// The configuration, at most a few minutes old. While the secret cannot be read, the last good one
    /// stays in use.
    ///
    /// # Errors
    /// When there never was a good one. A secret that holds none is read again after a few seconds; one that could not
    /// be read, at once. Nothing is logged here: the caller that fails logs it, once.
    pub async fn current(&self) -> Result<Arc<Config>, SecretError> {
        let mut known = self.known.lock().await;
        let kept = known.kept.as_ref();
        if let Some(kept) = kept.filter(|kept| self.clock.since(kept.tried_at) < kept.fresh_for) {
            return Ok(Arc::clone(&kept.config));
        }
        let fault = known.fault.as_ref();
        if let Some((error, _)) = fault.filter(|(_, read_at)| self.clock.since(*read_at) < AGAIN) {
            return Err(error.clone());
        }
        self.read(&mut known).await
    }

    /// Where the days of `corp` are counted; UTC for a corp that is no longer configured, whose events are
    /// still in the stream.
    pub async fn timezone(&self, corp: &CorpId) -> TimeZone {
        let config = self.current().await.ok();
        let corp = config
            .as_ref()
            .and_then(|config| config.corp(corp.as_str()));
        corp.map_or(TimeZone::UTC, |corp| corp.timezone.clone())
    }

    /// Another configuration than `seen`, with which a signature did not fit or a call was refused: the one that
    /// was read meanwhile, else the secret is read again, at most once a minute.
    pub async fn reread(&self, seen: &Arc<Config>) -> Option<Arc<Config>> {
        let mut known = self.known.lock().await;
        let kept = known.kept.as_ref();
        let another = |config: &Arc<Config>| !Arc::ptr_eq(config, seen);
        if let Some(newer) = kept.filter(|kept| another(&kept.config)) {
            return Some(Arc::clone(&newer.config));
        }
        let too_soon = |kept: &Kept| {
            let reread_at = kept.reread_at;
            reread_at.is_some_and(|at| self.clock.since(at) < EARLY)
        };
        if kept.is_some_and(too_soon) {
            return None;
        }
        let read = self.read(&mut known).await.ok();
        if let Some(kept) = known.kept.as_mut() {
            kept.reread_at = Some(self.clock.instant());
        }
        read.filter(another)
    }

    async fn read(&self, known: &mut Known) -> Result<Arc<Config>, SecretError> {
        let read = self
            .secret
            .load()
            .await
            .and_then(|json| Ok(Config::parse(&json, self.needs)?));
        let kept = known.kept.as_ref();
        let reread_at = kept.and_then(|kept| kept.reread_at);
        let (config, fresh_for) = match (read, kept) {
            (Ok(config), _) => (Arc::new(config), FRESH),
            (Err(error), Some(last)) => {
                tracing::error!(
                    event = "config.stale",
                    config.error = %error,
                    "the configuration could not be read again; the last one stays in use"
                );
                (Arc::clone(&last.config), EARLY)
            }
            (Err(error), None) => {
                let is_of_content = !matches!(error, SecretError::Unavailable(_));
                known.fault = is_of_content.then(|| (error.clone(), self.clock.instant()));
                return Err(error);
            }
        };
        known.fault = None;
        known.kept = Some(Kept {
            config: Arc::clone(&config),
            tried_at: self.clock.instant(),
            fresh_for,
            reread_at,
        });
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
