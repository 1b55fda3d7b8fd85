//! The functions of the bundle, each made by the constructor that its `main` uses, and the event source mappings of the
//! template.

use std::sync::Arc;
use std::time::Duration;

use admin::Admin;
use aws_types::SdkConfig;
use callback::Callback;
use clock::Clock;
use domain::event::{RELATION_EVENTS, WELCOME_EVENTS};
use futures::future::join_all;
use lambda_http::Request;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config::Needs;
use platform::environment::Environment;
use platform::metrics::Metrics;
use platform::secret::ConfigSource;
use platform::start::{Base, Platform};
use platform::store::Store;
use serde_json::json;
use sync::{SyncTuning, Syncer};
use tagging::Tagger;
use welcome::Welcomer;

use crate::config::ConfigFile;
use crate::data_directory::DataDirectory;
use crate::embedded::Embedded;
use crate::event_source::{EventSource, EventSourceMapping, Pattern};
use crate::invoke::Function;
use crate::start::StartError;
use crate::tables::{DATA_TABLE, INBOX_TABLE};

/// Time-outs of the functions, as in infra/template.yaml; tests/it/template.rs compares these and the mappings below
/// with it. WeCom waits 5 s for an answer to a callback and 20 s for a welcome; tagging waits for its share of calls in
/// flight; an upload of media takes up to a minute, and the gateway gives up after 30 s.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(10);
const WELCOME_TIMEOUT: Duration = Duration::from_secs(30);
const TAGGING_TIMEOUT: Duration = Duration::from_secs(120);
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);
/// A reconcile uses all the time that Lambda allows, and resumes in the next invocation.
const SYNC_TIMEOUT: Duration = Duration::from_secs(900);

/// `ParallelizationFactor` of the mappings.
const WELCOME_FACTOR: usize = 10;
const TAGGING_FACTOR: usize = 1;

/// The functions of the bundle.
pub(crate) struct Functions {
    /// The configuration, as the functions read it.
    pub(crate) config: Arc<ConfigSource>,
    /// The tables, as the functions see them.
    pub(crate) store: Store,
    pub(crate) callback: Function,
    pub(crate) admin: Function,
    pub(crate) welcome: Function,
    pub(crate) tagging: Function,
    pub(crate) sync: Function,
    warm_up: Vec<Platform>,
    shards: usize,
}

impl Functions {
    /// Makes each function over adapters of its own; what reads a stream of several shards has an instance for each
    /// batch that is processed at the same time.
    pub(crate) fn new(
        aws: &SdkConfig,
        config: &ConfigFile,
        wecom_base: String,
        clock: &Clock,
        shards: usize,
    ) -> Result<Self, StartError> {
        let environment = Environment {
            inbox_table: INBOX_TABLE.to_owned(),
            data_table: DATA_TABLE.to_owned(),
            secret_id: String::new(),
            wecom_api_base: wecom_base,
            inbox_days: platform::layout::INBOX_DAYS,
            public_url: None,
            function_name: None,
        };
        let base = |name: &'static str| {
            let print = |line: &str| tracing::debug!(target: "metrics", "{line}");
            let metrics = Metrics::new(name, clock.clone(), print);
            let secret = Box::new(config.clone());
            Base::with(
                aws.clone(),
                &environment,
                (secret, Needs::Everything),
                metrics,
                clock.clone(),
            )
        };
        let platform = |name| Platform::on(base(name));
        let mut warm_up = Vec::new();
        let mut instances = |name, make: fn(Platform) -> Function, factor: usize| {
            let mut instance = || {
                let platform = platform(name)?;
                warm_up.push(platform.clone());
                Ok::<_, StartError>(make(platform))
            };
            let others = if shards == 1 { 0 } else { shards * factor - 1 };
            let first = instance()?;
            let others = (0..others).map(|_| instance());
            Ok::<_, StartError>(first.with_instances(others.collect::<Result<_, _>>()?))
        };
        let welcome = instances("welcome", welcome_function, WELCOME_FACTOR)?;
        let tagging = instances("tagging", tagging_function, TAGGING_FACTOR)?;
        let admin = platform("admin")?;
        Ok(Self {
            config: Arc::clone(&admin.config),
            store: admin.store.clone(),
            callback: callback_function(base("callback")),
            admin: admin_function(admin),
            welcome,
            tagging,
            sync: sync_function(platform("sync")?, SyncTuning::default()),
            warm_up,
            shards,
        })
    }

    pub(crate) async fn warm_up(&self) {
        join_all(self.warm_up.iter().map(Platform::warm_up)).await;
    }

    /// The event source mappings of the template.
    pub(crate) async fn start_sources(
        &self,
        embedded: &Embedded,
        directory: Option<&DataDirectory>,
    ) -> Result<Vec<EventSource>, StartError> {
        let mappings = [
            welcome_mapping(self.welcome.clone())?,
            tagging_mapping(self.tagging.clone())?,
        ];
        let mut sources = Vec::new();
        for mapping in mappings {
            let mapping = EventSourceMapping {
                shards: self.shards,
                ..mapping
            };
            let position = directory.map(|directory| directory.position(mapping.function.name()));
            let started = mapping.start(embedded, position).await;
            sources.push(started.map_err(|error| StartError::Database {
                reason: error.to_string(),
            })?);
        }
        Ok(sources)
    }
}

/// The template's mapping of the function that welcomes.
///
/// # Errors
/// If the filter criteria are no pattern.
pub fn welcome_mapping(function: Function) -> Result<EventSourceMapping, StartError> {
    Ok(EventSourceMapping {
        batch_size: 10,
        parallelization_factor: WELCOME_FACTOR,
        filter_criteria: vec![inserted(&WELCOME_EVENTS)?, marked("for_welcome")?],
        maximum_record_age: Some(Duration::from_secs(3600)),
        maximum_retry_attempts: Some(60),
        ..consumer(function)
    })
}

/// The template's mapping of the function that applies tags.
///
/// # Errors
/// If the filter criteria are no pattern.
pub fn tagging_mapping(function: Function) -> Result<EventSourceMapping, StartError> {
    Ok(EventSourceMapping {
        batch_size: 100,
        parallelization_factor: TAGGING_FACTOR,
        filter_criteria: vec![inserted(&RELATION_EVENTS)?, marked("for_tagging")?],
        maximum_record_age: Some(Duration::from_secs(64_800)),
        maximum_retry_attempts: Some(10_000),
        ..consumer(function)
    })
}

/// What both consumers of the inbox have in common.
fn consumer(function: Function) -> EventSourceMapping {
    EventSourceMapping {
        report_batch_item_failures: true,
        bisect_batch_on_function_error: true,
        ..EventSourceMapping::new(INBOX_TABLE, function)
    }
}

/// Lets new events of these names through, also those that an earlier release stored.
fn inserted(names: &[&str]) -> Result<Pattern, StartError> {
    pattern(&json!({"name": {"S": names}}))
}

/// Lets new events through that the callback marked for a function.
fn marked(mark: &str) -> Result<Pattern, StartError> {
    pattern(&json!({mark: {"S": ["yes"]}}))
}

fn pattern(image: &serde_json::Value) -> Result<Pattern, StartError> {
    let pattern = json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": image}});
    pattern
        .to_string()
        .parse()
        .map_err(|error| StartError::Database {
            reason: format!("{error}"),
        })
}

/// The function that takes callbacks, over the given adapters.
#[must_use]
pub fn callback_function(base: Base) -> Function {
    let clock = base.clock.clone();
    let callback = Arc::new(Callback::on(base));
    let service = service_fn(move |request: Request| {
        let callback = Arc::clone(&callback);
        async move { callback.handle(request).await }
    });
    Function::http("callback", CALLBACK_TIMEOUT, clock, service)
}

/// The function of the admin API, over the given adapters.
#[must_use]
pub fn admin_function(platform: Platform) -> Function {
    let clock = platform.clock.clone();
    let admin = Arc::new(Admin::on(platform));
    let service = service_fn(move |request: Request| {
        let admin = Arc::clone(&admin);
        async move { admin.handle(request).await }
    });
    Function::http("admin", ADMIN_TIMEOUT, clock, service)
}

/// The function that welcomes, over the given adapters.
#[must_use]
pub fn welcome_function(platform: Platform) -> Function {
    let clock = platform.clock.clone();
    let welcomer = Arc::new(Welcomer::on(platform));
    let service = service_fn(move |event: LambdaEvent<_>| {
        let welcomer = Arc::clone(&welcomer);
        async move { welcomer.handle(event).await }
    });
    Function::new("welcome", WELCOME_TIMEOUT, clock, service)
}

/// The function that applies tags, over the given adapters.
#[must_use]
pub fn tagging_function(platform: Platform) -> Function {
    let clock = platform.clock.clone();
    let tagger = Arc::new(Tagger::on(platform));
    let service = service_fn(move |event: LambdaEvent<_>| {
        let tagger = Arc::clone(&tagger);
        async move { tagger.handle(event).await }
    });
    Function::new("tagging", TAGGING_TIMEOUT, clock, service)
}

/// The function that the schedules invoke, over the given adapters; deployed it has the default tuning.
#[must_use]
pub fn sync_function(platform: Platform, tuning: SyncTuning) -> Function {
    let clock = platform.clock.clone();
    let syncer = Arc::new(Syncer::on(platform).tuned(tuning));
    let service = service_fn(move |event: LambdaEvent<_>| {
        let syncer = Arc::clone(&syncer);
        async move { syncer.handle(event).await }
    });
    Function::new("sync", SYNC_TIMEOUT, clock, service)
}
