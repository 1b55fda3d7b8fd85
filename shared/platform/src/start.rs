//! What every function builds during init from its environment.
//!
//! A function has less than one processor and waits most of its time, so each `main` runs on one thread.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, IdentityCache, Region, SharedCredentialsProvider,
    StalledStreamProtectionConfig,
};
use aws_types::SdkConfig;
use clock::Clock;

use crate::callback_url::CallbackUrl;
use crate::config::Needs;
use crate::environment::{AwsEnvironment, Environment, InvalidEnvironment};
use crate::governor::Governor;
use crate::http::{self, AwsHttp, HttpError};
use crate::media::Sources;
use crate::metrics::Metrics;
use crate::secret::{ConfigSource, LoadSecret, SecretsManager};
use crate::store::Store;
use crate::store::tokens::SharedTokens;
use crate::wecom_api::WecomApi;

/// The adapters of a function that makes no call to WeCom.
pub struct Base {
    /// The configuration secret, read again after it changes.
    pub config: Arc<ConfigSource>,
    /// The inbox and data tables.
    pub store: Store,
    /// Writes metric lines to standard output.
    pub metrics: Metrics,
    /// Where the time comes from.
    pub clock: Clock,
    aws: SdkConfig,
    wecom_api_base: String,
    public_url: Option<String>,
}

/// The adapters of a function that calls WeCom. Clones share them.
#[derive(Clone)]
pub struct Platform {
    /// The configuration secret, read again after it changes.
    pub config: Arc<ConfigSource>,
    /// The inbox and data tables.
    pub store: Store,
    /// WeCom.
    pub wecom: WecomApi,
    /// The callback's public URL.
    pub callback_url: CallbackUrl,
    /// Writes metric lines to standard output.
    pub metrics: Metrics,
    /// Where the time comes from.
    pub clock: Clock,
}

/// A function that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its environment is not complete or not valid.
    #[error(transparent)]
    Environment(#[from] InvalidEnvironment),
    /// It has no HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// One try of a call to AWS. WeCom waits 5 s for the answer to a callback, so two tries fit.
const ATTEMPT: Duration = Duration::from_millis(1800);
/// All tries of a call to AWS, so that a callback is refused in time and delivered again.
const OPERATION: Duration = Duration::from_millis(4000);

impl Base {
    /// Builds the adapters of `function` from its environment variables, which are read through `variable`. Its
    /// metrics bear the name that it is deployed under, so that two stacks of one account do not share them.
    ///
    /// # Errors
    /// Names every variable that is missing or not valid, or says that TLS cannot be set up.
    pub fn start(
        function: &'static str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, StartError> {
        let environment = Environment::read(&variable);
        let (environment, aws) = match (environment, AwsEnvironment::read(&variable)) {
            (Ok(environment), Ok(aws)) => (environment, sdk_config(aws, AwsHttp::new()?)),
            (environment, aws) => {
                let missing = [environment.err(), aws.err()].into_iter().flatten();
                return Err(missing.collect::<InvalidEnvironment>().into());
            }
        };
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let secret = SecretsManager::new(secrets, &environment.secret_id);
        let name = environment.function_name.as_deref().unwrap_or(function);
        let clock = Clock::system();
        let metrics = Metrics::to_stdout(name, clock.clone());
        let secret = Box::new(secret);
        let needs = match function {
            "callback" => Needs::Callbacks,
            "admin" => Needs::Everything,
            _ => Needs::Calls,
        };
        Ok(Self::with(
            aws,
            &environment,
            (secret, needs),
            metrics,
            clock,
        ))
    }

    /// Builds the adapters over a given AWS configuration, secret, of which this is needed, and clock.
    #[must_use]
    pub fn with(
        aws: SdkConfig,
        environment: &Environment,
        (secret, needs): (Box<dyn LoadSecret>, Needs),
        metrics: Metrics,
        clock: Clock,
    ) -> Self {
        let client = aws_sdk_dynamodb::Client::new(&aws);
        Self {
            config: Arc::new(ConfigSource::new(secret, needs, clock.clone())),
            store: Store::new(client, environment, clock.clone()),
            metrics,
            clock,
            aws,
            wecom_api_base: environment.wecom_api_base.clone(),
            public_url: environment.public_url.clone(),
        }
    }
}

impl Platform {
    /// Builds the adapters of `function`, as [`Base::start`] does.
    ///
    /// # Errors
    /// As [`Base::start`].
    pub fn start(
        function: &'static str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, StartError> {
        Ok(Self::on(Base::start(function, variable)?)?)
    }

    /// Builds the adapters of a function that calls WeCom over those of one that does not.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn on(base: Base) -> Result<Self, HttpError> {
        let Base {
            config,
            store,
            metrics,
            clock,
            aws,
            wecom_api_base,
            public_url,
        } = base;
        let http = http::client()?;
        let callback_url = CallbackUrl::new(http.clone(), public_url, clock.clone());
        let tokens = Arc::new(SharedTokens::new(store.clone(), Arc::clone(&config) as _));
        let governor = Governor::new(store.clone(), clock.clone());
        let wecom = WecomApi::new(
            Arc::clone(&config),
            wecom_api_base,
            http.clone(),
            tokens,
            Sources::new(http, aws, clock.clone()),
            governor,
            clock.clone(),
        );
        Ok(Self {
            config,
            store,
            wecom,
            callback_url,
            metrics,
            clock,
        })
    }

    /// Fetches tokens and opens connections, side by side, so that no customer waits for them. It never fails: what is
    /// not there in time is fetched by the first event.
    pub async fn warm_up(&self) {
        tokio::join!(self.wecom.warm_up(), self.store.open_data());
    }
}

/// How a function reaches AWS: with the credentials of its role, which Lambda has put into the environment for as long
/// as the process lives. The SDK's usual chain of other places to look for credentials (profiles, containers, machines)
/// would be code in every package, and is never needed there.
fn sdk_config(aws: AwsEnvironment, http: AwsHttp) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region))
        .credentials_provider(SharedCredentialsProvider::new(aws.credentials))
        .http_client(http)
        // Its answers are whole before the SDK sees them, and its credentials do not change: nothing to watch or keep.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache())
        .timeout_config(timeouts);
    config.set_endpoint_url(aws.endpoint_url);
    config.build()
}
