//! What every function builds during init from its environment.

use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

use crate::environment::Environment;
use crate::governor::Governor;
use crate::media::Sources;
use crate::metrics::Metrics;
use crate::secret::{ConfigSource, LoadSecret, SecretsManager};
use crate::store::Store;
use crate::store::tokens::SharedTokens;
use crate::wecom_api::WecomApi;

/// The adapters of one function.
pub struct Platform {
    /// The configuration.
    pub config: Arc<ConfigSource>,
    /// The tables.
    pub store: Store,
    /// WeCom.
    pub wecom: WecomApi,
    /// The metrics.
    pub metrics: Metrics,
}

/// A connection to AWS that is not there in a second is tried anew.
const CONNECT: Duration = Duration::from_secs(1);
/// One try of a call to AWS. WeCom waits 5 s for the answer to a callback, so two tries fit.
const ATTEMPT: Duration = Duration::from_millis(1800);
/// All tries of a call to AWS, so that a callback is refused in time and comes again.
const OPERATION: Duration = Duration::from_millis(4000);

impl Platform {
    /// Builds the adapters of `function` with the credentials of its role. Its metrics bear the name that it is
    /// deployed under, so that two stacks of one account do not share them.
    ///
    /// # Errors
    /// If TLS cannot be set up on this machine.
    pub async fn start(
        function: &'static str,
        environment: &Environment,
    ) -> Result<Self, wecom::Error> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .load()
            .await;
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let secret = SecretsManager::new(secrets, environment.secret_id.clone());
        let name = environment.function_name.as_deref().unwrap_or(function);
        let metrics = Metrics::to_stdout(name);
        Self::with(aws, environment, Box::new(secret), metrics)
    }

    /// Builds the adapters over a given AWS configuration and secret.
    ///
    /// # Errors
    /// If TLS cannot be set up on this machine.
    pub fn with(
        aws: SdkConfig,
        environment: &Environment,
        secret: Box<dyn LoadSecret>,
        metrics: Metrics,
    ) -> Result<Self, wecom::Error> {
        let config = Arc::new(ConfigSource::new(secret));
        let store = Store::new(aws_sdk_dynamodb::Client::new(&aws), environment);
        let tokens = Arc::new(SharedTokens::new(store.clone(), metrics.clone()));
        let base_url = environment.wecom_api_base.clone();
        let governor = Governor::new(store.clone());
        let wecom = WecomApi::new(
            Arc::clone(&config),
            base_url,
            tokens,
            Sources::new(aws)?,
            governor,
        )?;
        Ok(Self {
            config,
            store,
            wecom,
            metrics,
        })
    }
}
