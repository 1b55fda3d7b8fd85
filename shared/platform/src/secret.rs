//! The configuration as it is now: read from its secret, kept for a few minutes, read early when a
//! signature fails, so that a rotation needs no redeployment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use jiff::tz::TimeZone;
use tokio::sync::Mutex;
use wecom::CorpId;

use crate::BoxFuture;
use crate::config::{Config, ConfigError};

/// How long a configuration is used before it is read again.
const FRESH: Duration = Duration::from_secs(300);
/// Time between two readings of a secret that could not be read, or that a bad signature asked for.
const EARLY: Duration = Duration::from_secs(60);

/// Where the text of the secret comes from.
pub trait LoadSecret: Send + Sync {
    /// The text of the secret, as it is now.
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>>;
}

/// A configuration that cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// The secret could not be read.
    #[error("the configuration secret cannot be read: {0}")]
    Unavailable(String),
    /// It was read, and is not a configuration.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
}

/// The secret in Secrets Manager.
pub struct SecretsManager {
    client: aws_sdk_secretsmanager::Client,
    id: String,
}

impl SecretsManager {
    /// Reads the secret `id` with `client`.
    #[must_use]
    pub fn new(client: aws_sdk_secretsmanager::Client, id: String) -> Self {
        Self { client, id }
    }
}

impl LoadSecret for SecretsManager {
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
        Box::pin(async {
            let answer = self
                .client
                .get_secret_value()
                .secret_id(&self.id)
                .send()
                .await;
            let answer = answer.map_err(|error| {
                SecretError::Unavailable(DisplayErrorContext(error).to_string())
            })?;
            Ok(answer.secret_string.unwrap_or_default())
        })
    }
}

/// The configuration, kept in memory.
pub struct ConfigSource {
    secret: Box<dyn LoadSecret>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    config: Arc<Config>,
    /// When it was read, successfully or not.
    tried_at: Instant,
    fresh_for: Duration,
    reread_at: Option<Instant>,
}

impl ConfigSource {
    /// Reads from `secret` when it is first asked.
    #[must_use]
    pub fn new(secret: Box<dyn LoadSecret>) -> Self {
        Self {
            secret,
            kept: Mutex::new(None),
        }
    }

    /// The configuration, at most a few minutes old. While the secret cannot be read, the last good one
    /// stays in use.
    ///
    /// # Errors
    /// When there never was a good one.
    pub async fn current(&self) -> Result<Arc<Config>, SecretError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept
            .as_ref()
            .filter(|kept| kept.tried_at.elapsed() < kept.fresh_for)
        {
            return Ok(Arc::clone(&kept.config));
        }
        self.read(&mut kept).await
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
        let mut kept = self.kept.lock().await;
        let another = |config: &Arc<Config>| !Arc::ptr_eq(config, seen);
        if let Some(newer) = kept.as_ref().filter(|kept| another(&kept.config)) {
            return Some(Arc::clone(&newer.config));
        }
        let too_soon = |kept: &Kept| kept.reread_at.is_some_and(|at| at.elapsed() < EARLY);
        if kept.as_ref().is_some_and(too_soon) {
            return None;
        }
        let read = self.read(&mut kept).await.ok();
        if let Some(kept) = kept.as_mut() {
            kept.reread_at = Some(Instant::now());
        }
        read.filter(another)
    }

    async fn read(&self, kept: &mut Option<Kept>) -> Result<Arc<Config>, SecretError> {
        let read = self
            .secret
            .load()
            .await
            .and_then(|json| Ok(Config::parse(&json)?));
        let reread_at = kept.as_ref().and_then(|kept| kept.reread_at);
        let (config, fresh_for) = match (read, kept.as_ref()) {
            (Ok(config), _) => (Arc::new(config), FRESH),
            (Err(error), Some(last)) => {
                tracing::error!(config.error = %error, "the configuration could not be read again; the last one stays in use");
                (Arc::clone(&last.config), EARLY)
            }
            (Err(error), None) => return Err(error),
        };
        *kept = Some(Kept {
            config: Arc::clone(&config),
            tried_at: Instant::now(),
            fresh_for,
            reread_at,
        });
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A secret that counts its readings and answers what `texts` says, the last one for ever.
    struct Scripted {
        texts: Vec<&'static str>,
        readings: Arc<AtomicUsize>,
    }

    impl LoadSecret for Scripted {
        fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
            let at = self
                .readings
                .fetch_add(1, Ordering::SeqCst)
                .min(self.texts.len() - 1);
            Box::pin(async move { Ok(self.texts[at].to_owned()) })
        }
    }

    const GOOD: &str = r#"{"admin_keys":["0123456789abcdef0123456789abcdef"],
        "corps":[{"corp_id":"ww1","apps":{"contact":{"agent_id":1,"secret":"s"}}}]}"#;
    const ROTATED: &str = r#"{"admin_keys":["0123456789abcdef0123456789abcdef"],
        "corps":[{"corp_id":"ww2","apps":{"contact":{"agent_id":1,"secret":"s"}}}]}"#;

    fn source(texts: Vec<&'static str>) -> (ConfigSource, Arc<AtomicUsize>) {
        let readings = Arc::new(AtomicUsize::new(0));
        (
            ConfigSource::new(Box::new(Scripted {
                texts,
                readings: Arc::clone(&readings),
            })),
            readings,
        )
    }

    #[tokio::test]
    async fn it_is_read_once_and_kept() {
        let (source, readings) = source(vec![GOOD]);
        for _ in 0..5 {
            assert!(source.current().await.unwrap().corp("ww1").is_some());
        }
        assert_eq!(readings.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_bad_signature_reads_it_early_but_once_a_minute() {
        let (source, readings) = source(vec![GOOD, ROTATED]);
        let old = source.current().await.unwrap();
        let new = source.reread(&old).await.unwrap();
        assert!(new.corp("ww2").is_some());
        assert!(source.reread(&new).await.is_none());
        assert!(source.current().await.unwrap().corp("ww2").is_some());
        assert_eq!(readings.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn who_comes_second_with_the_old_one_gets_the_new_one_without_a_reading() {
        let (source, readings) = source(vec![GOOD, ROTATED]);
        let old = source.current().await.unwrap();
        let (first, second) = tokio::join!(source.reread(&old), source.reread(&old));
        assert!(first.is_some() && second.is_some());
        assert_eq!(readings.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_secret_that_breaks_leaves_the_last_good_one_in_use() {
        let (source, _) = source(vec![GOOD, "{"]);
        let good = source.current().await.unwrap();
        assert!(source.reread(&good).await.is_none());
        assert!(source.current().await.unwrap().corp("ww1").is_some());
    }

    #[tokio::test]
    async fn a_secret_that_was_never_good_is_an_error_each_time_and_recovers() {
        let (source, _) = source(vec!["", GOOD]);
        assert!(
            source
                .current()
                .await
                .unwrap_err()
                .to_string()
                .contains("is empty")
        );
        assert!(source.current().await.is_ok());
    }
}
