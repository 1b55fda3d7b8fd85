//! The whole bundle, running: what the template deploys, wired together in one process.
//!
//! The functions are the deployed ones: the same handlers over the same adapters, behind the same event types. Only
//! what AWS provides is replaced, and WeCom by its sandbox if one is wanted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_types::SdkConfig;
use clock::Clock;
use futures::future::join_all;
use platform::http::{AwsHttp, HttpError};
use platform::layout;
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use wecom::CorpId;
use wecom_sandbox::{Kept, Sandbox, SandboxOptions};

use crate::config::{ConfigFile, Keys};
use crate::data_directory::DataDirectory;
use crate::embedded::{Embedded, Place};
use crate::event_source::EventSource;
use crate::functions::Functions;
use crate::gateway::{self, Routes};
use crate::invoke::Function;
use crate::progress::Progress;
use crate::schedule::{Daily, Scheduler, Ticking};
use crate::start::{Listener, Listeners, StartError};
use crate::tables;

pub use crate::tables::{DATA_TABLE, INBOX_TABLE};

/// How long [`Stack::stop`] waits for requests and invocations that run. WeCom waits 5 s for the answer to a callback,
/// a welcome is sent within 20 s or not at all, and an admin call is a few calls to WeCom. What takes longer is
/// cancelled, and resumed after the next start.
pub const DRAIN: Duration = Duration::from_secs(25);

/// What to run.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// Port of the front door; DynamoDB has the next one. 0 takes two free ports.
    pub port: u16,
    /// Where tables, stream positions, the sandbox and a generated configuration live; in memory without it.
    pub data: Option<PathBuf>,
    /// The configuration file; without it one is made.
    pub config: Option<PathBuf>,
    /// Which WeCom API is called.
    pub wecom: Wecom,
    /// Shards that the inbox's stream is divided into, at least 1. With several, each batch that is processed at the
    /// same time has an instance of its function for itself, as on AWS.
    pub shards: usize,
    /// The time of the functions, and of everything around them that waits or has an age. What the embedded DynamoDB
    /// stamps and deletes goes by the clock of the machine.
    pub clock: Clock,
}

/// Which WeCom API is called.
#[derive(Debug, Clone)]
pub enum Wecom {
    /// That of the sandbox, which is part of the stack.
    Sandbox(SandboxOptions),
    /// Another one, at this base URL.
    At(String),
}

/// A running stack. Dropped, it stops like a process that is killed; [`stop`](Self::stop) lets what runs end first.
pub struct Stack {
    /// `http://127.0.0.1:` and the port of the front door.
    pub url: String,
    /// The URL of the embedded DynamoDB.
    pub dynamodb_url: String,
    /// The keys of the configuration.
    pub keys: Keys,
    /// The sandbox, if there is one.
    pub sandbox: Option<Sandbox>,
    /// The clock of the options.
    pub clock: Clock,
    /// Whether the tables were made by this start, so that nothing is in them.
    pub is_new: bool,
    kept: Option<Kept>,
    embedded: Embedded,
    sources: Vec<EventSource>,
    sync: Function,
    ticking: Option<Ticking>,
    stopping: watch::Sender<bool>,
    stop: oneshot::Sender<()>,
    server: AbortOnDrop,
    _directory: Option<DataDirectory>,
    _temporary: Option<TempDir>,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stack {
    /// Binds the ports, opens the tables, starts the functions and opens their connections.
    ///
    /// # Errors
    /// [`StartError`]: one line for the person at the terminal.
    pub async fn start(options: StackOptions) -> Result<Self, StartError> {
        let listeners = Listeners::bind(options.port).await?;
        let directory = options
            .data
            .as_deref()
            .map(DataDirectory::open)
            .transpose()?;
        let (config, temporary) = config_file(&options, directory.as_ref())?;
        let keys = config.keys()?;
        let place = directory.as_ref().map_or(Place::Memory, Place::Directory);
        let embedded = Embedded::start(place, listeners.dynamodb).await?;
        let aws = aws_config(embedded.endpoint())?;
        let client = Client::new(&aws);
        tables::ensure(&client, INBOX_TABLE, &layout::INBOX).await?;
        let is_new = tables::ensure(&client, DATA_TABLE, &layout::DATA).await?;

        let url = listeners.gateway.url.clone();
        let (sandbox, wecom_base) = match options.wecom {
            Wecom::At(base) => (None, base),
            Wecom::Sandbox(sandbox) => (
                Some(open_sandbox(
                    SandboxOptions {
                        clock: options.clock.clone(),
                        ..sandbox
                    },
                    &keys,
                    &url,
                )?),
                format!("{url}/sandbox"),
            ),
        };
        let kept = match (&sandbox, &directory) {
            (Some(sandbox), Some(directory)) => Some(keep(sandbox, directory).await?),
            _ => None,
        };
        let functions = Functions::new(&aws, &config, wecom_base, &options.clock, options.shards)?;
        let sources = functions
            .start_sources(&embedded, directory.as_ref())
            .await?;
        let corps = keys.corp_ids().into_iter().map(CorpId::from).collect();
        let progress = Progress::new(functions.store.clone(), corps, options.clock.clone());
        let (stopping, stops) = watch::channel(false);
        let config = Arc::clone(&functions.config);
        let scheduler = Scheduler::new(functions.sync.clone(), progress, config, stops);
        let (stop, server) = serve(listeners.gateway, &functions, &scheduler, sandbox.as_ref());
        functions.warm_up().await;
        Ok(Self {
            url,
            dynamodb_url: embedded.endpoint().to_owned(),
            keys,
            sandbox,
            clock: options.clock,
            is_new,
            kept,
            embedded,
            sources,
            sync: functions.sync,
            ticking: None,
            stopping,
            stop,
            server: AbortOnDrop(server),
            _directory: directory,
            _temporary: temporary,
        })
    }

    /// Invokes the sync from now on as the schedules of the template do: each minute, and once a day.
    pub fn run_schedules(&mut self, daily: Daily) {
        self.ticking = Some(Ticking::start(self.sync.clone(), daily));
    }

    /// Takes no more connections, lets requests and the invocations of the event sources end, for [`DRAIN`] at most,
    /// saves the sandbox and closes the database. What was acknowledged and not processed is in the database, and is
    /// processed after the next start with the same `data`.
    pub async fn stop(mut self) {
        drop(self.ticking);
        self.stopping.send_replace(true);
        let sources = join_all(self.sources.into_iter().map(EventSource::stop));
        let front_door = async {
            drop(self.stop);
            // The server has ended, or has panicked; it takes no connections either way.
            let _ended = (&mut self.server.0).await;
        };
        let ended = async {
            if self.sandbox.is_some() {
                // The event sources call the sandbox, which is behind the front door.
                sources.await;
                front_door.await;
            } else {
                tokio::join!(sources, front_door);
            }
        };
        if self.clock.timeout(DRAIN, ended).await.is_err() {
            tracing::warn!(
                drain_s = DRAIN.as_secs(),
                "requests or invocations were cancelled; their work is resumed after the next start"
            );
        }
        if let Some(kept) = self.kept
            && let Err(error) = kept.finish().await
        {
            tracing::error!(%error, "the last changes of the WeCom sandbox are not saved");
        }
        self.embedded.stop().await;
    }
}

fn config_file(
    options: &StackOptions,
    directory: Option<&DataDirectory>,
) -> Result<(ConfigFile, Option<TempDir>), StartError> {
    let temporary = match directory {
        Some(_) => None,
        None => Some(TempDir::new().map_err(|source| StartError::DataDirectory {
            path: std::env::temp_dir(),
            source,
        })?),
    };
    let file = |of_directory: fn(&DataDirectory) -> PathBuf, name: &str| {
        let temporary = temporary
            .as_ref()
            .map(|temporary| temporary.path().join(name));
        directory
            .map(of_directory)
            .or(temporary)
            .unwrap_or_default()
    };
    let config = match &options.config {
        Some(path) => ConfigFile::open(path)?,
        None => ConfigFile::make(&file(DataDirectory::config, "config.json"))?,
    };
    let config = config.with_data_keys(&file(DataDirectory::data_keys, "data_keys.json"))?;
    Ok((config, temporary))
}

/// How the functions reach AWS here: everything is the embedded database at `endpoint`.
///
/// # Errors
/// If TLS, which this endpoint does without, cannot be set up.
pub fn aws_config(endpoint: &str) -> Result<SdkConfig, HttpError> {
    let credentials = Credentials::new(
        "local",
        "local",
        None,
        None,
        "the embedded database checks none",
    );
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        // As deployed: answers are whole before the SDK sees them, and a busy machine is not a stalled stream.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(AwsHttp::new()?)
        .build();
    Ok(aws)
}

fn open_sandbox(
    options: SandboxOptions,
    keys: &Keys,
    front_door: &str,
) -> Result<Sandbox, StartError> {
    let failed = |reason: String| StartError::Wecom { reason };
    let sandbox = Sandbox::new(options).map_err(|error| failed(error.to_string()))?;
    for corp in keys.sandbox_corps(front_door) {
        sandbox
            .add_corp(corp)
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(sandbox)
}

async fn keep(sandbox: &Sandbox, directory: &DataDirectory) -> Result<Kept, StartError> {
    let kept = sandbox.keep_in(&directory.sandbox()).await;
    kept.map_err(|error| StartError::Wecom {
        reason: error.to_string(),
    })
}

fn serve(
    listener: Listener,
    functions: &Functions,
    scheduler: &Scheduler,
    sandbox: Option<&Sandbox>,
) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let routes = Routes::new()
        .route("/callback", functions.callback.clone())
        .route("/admin", functions.admin.clone());
    let mut router = routes.into_router().merge(scheduler.router());
    if let Some(sandbox) = sandbox {
        router = router.nest_service("/sandbox", sandbox.router());
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        // A sender that is dropped stops the server as well.
        let _dropped = stopped.await;
    };
    (
        stop,
        tokio::spawn(gateway::serve(listener.socket, router, stopped)),
    )
}
