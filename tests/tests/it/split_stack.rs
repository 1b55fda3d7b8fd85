//! The bundle with its functions separated: tables and callback run as usual, while a test starts the functions behind
//! the stream one by one, as many instances as it needs, each over ports that may crash.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lambda_events::dynamodb::Event as Batch;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use platform::layout;
use platform::start::Platform;
use scrm_local::data_directory::DataDirectory;
use scrm_local::embedded::{Embedded, Place};
use scrm_local::event_source::{EventSource, EventSourceMapping, StartingPosition};
use scrm_local::functions::{callback_function, tagging_mapping, welcome_mapping};
use scrm_local::gateway::{self, Routes};
use scrm_local::invoke::Function;
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, aws_config};
use scrm_local::start::{Listeners, StartError};
use scrm_local::tables;
use tagging::Tagger;
use tokio::sync::watch;
use tokio::task::JoinSet;
use welcome::Welcomer;

use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::time::Time;

/// Longer than any step of a test, so that a function ends only when it is killed.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Tables and callback, without functions behind the stream.
pub(crate) struct SplitStack<'a> {
    external: &'a ExternalWorld,
    directory: DataDirectory,
    embedded: Embedded,
    instances: AtomicUsize,
    _gateway: JoinSet<()>,
}

/// Which records of the stream an instance receives.
#[derive(Clone, Copy)]
pub(crate) enum Records {
    /// Those that the whole bundle has not finished. A bundle that was killed may have handled the last of them without
    /// having stored its position.
    Unfinished,
    /// Those that are stored after the start of the instance.
    New,
}

/// One instance of a function behind the stream. Dropped, it is killed.
pub(crate) struct Instance {
    handled: watch::Receiver<usize>,
    fault_point: FaultPoint,
    time: Time,
    _source: EventSource,
}

impl<'a> SplitStack<'a> {
    /// Starts on the data directory of `external`, which no other bundle may use at the same time.
    pub(crate) async fn new(external: &'a ExternalWorld) -> Self {
        let directory = DataDirectory::open(&external.data()).unwrap();
        let listeners = Listeners::bind(0).await.unwrap();
        let place = Place::Directory(&directory);
        let embedded = Embedded::start(place, listeners.dynamodb).await.unwrap();
        let client = aws_sdk_dynamodb::Client::new(&aws_config(embedded.endpoint()).unwrap());
        for (name, table) in [(INBOX_TABLE, &layout::INBOX), (DATA_TABLE, &layout::DATA)] {
            tables::ensure(&client, name, table).await.unwrap();
        }
        let mut split = Self {
            external,
            directory,
            embedded,
            instances: AtomicUsize::default(),
            _gateway: JoinSet::new(),
        };
        let callback =
            callback_function(split.external.base(split.embedded.endpoint(), "callback"));
        let router = Routes::new().route("/callback", callback).into_router();
        let (socket, never) = (listeners.gateway.socket, std::future::pending());
        split._gateway.spawn(gateway::serve(socket, router, never));
        external.direct_callbacks(&listeners.gateway.url);
        split
    }

    /// The adapters of one more instance.
    pub(crate) fn platform(&self, function: &'static str) -> Platform {
        self.external.platform(self.embedded.endpoint(), function)
    }

    /// Starts an instance of the function `welcome`.
    pub(crate) async fn welcome(&self, fault_point: &FaultPoint, records: Records) -> Instance {
        let wrap = |store, wecom| (fault_point.wrap(store), fault_point.wrap(wecom));
        let welcomer = Arc::new(Welcomer::through(self.platform("welcome"), wrap));
        let handle = move |batch| {
            let welcomer = Arc::clone(&welcomer);
            async move { welcomer.handle(batch).await }
        };
        let (function, handled) = self.function("welcome", handle);
        self.start(welcome_mapping(function), handled, fault_point, records)
            .await
    }

    /// Starts an instance of the function `tagging`.
    pub(crate) async fn tagging(&self, fault_point: &FaultPoint, records: Records) -> Instance {
        let wrap = |store, wecom| (fault_point.wrap(store), fault_point.wrap(wecom));
        let tagger = Arc::new(Tagger::through(self.platform("tagging"), wrap));
        let handle = move |batch| {
            let tagger = Arc::clone(&tagger);
            async move { tagger.handle(batch).await }
        };
        let (function, handled) = self.function("tagging", handle);
        self.start(tagging_mapping(function), handled, fault_point, records)
            .await
    }

    /// A function that handles batches of the stream, and the number of records that it has handled.
    fn function<F>(
        &self,
        name: &str,
        handle: impl Fn(LambdaEvent<Batch>) -> F + Clone + Send + Sync + 'static,
    ) -> (Function, watch::Receiver<usize>)
    where
        F: Future<Output = Result<DynamoDbEventResponse, Error>> + Send + 'static,
    {
        let handled = watch::Sender::new(0);
        let seen = handled.subscribe();
        let service = service_fn(move |batch: LambdaEvent<Batch>| {
            let (count, handled) = (batch.payload.records.len(), handled.clone());
            let answer = handle(batch);
            async move {
                let answer = answer.await;
                handled.send_modify(|handled| *handled += count);
                answer
            }
        });
        let clock = self.external.time.clock();
        (Function::new(name, TIMEOUT, clock, service), seen)
    }

    async fn start(
        &self,
        mapping: Result<EventSourceMapping, StartError>,
        handled: watch::Receiver<usize>,
        fault_point: &FaultPoint,
        records: Records,
    ) -> Instance {
        let mut mapping = mapping.unwrap();
        let position = match records {
            Records::Unfinished => self.copied_position(&mapping.function),
            Records::New => {
                mapping.starting_position = StartingPosition::Latest;
                None
            }
        };
        let source = mapping.start(&self.embedded, position).await.unwrap();
        Instance {
            handled,
            fault_point: fault_point.clone(),
            time: self.external.time.clone(),
            _source: source,
        }
    }

    /// A copy of the stream position of the whole bundle. The original is not changed: the bundle will handle the same
    /// records again.
    fn copied_position(&self, function: &Function) -> Option<PathBuf> {
        let instance = self.instances.fetch_add(1, Ordering::SeqCst);
        let own = self
            .directory
            .position(&format!("{}-{instance}", function.name()));
        let copied = fs::copy(self.directory.position(function.name()), &own);
        copied.is_ok().then_some(own)
    }
}

impl Instance {
    /// Waits until the instance has received this many records (repeated deliveries count), whatever it answered.
    pub(crate) async fn has_received(&mut self, records: usize) {
        let received = self.handled.wait_for(|count| *count >= records);
        self.time.drive(received).await.unwrap();
    }

    /// Waits until the instance has crashed, and returns the point; or until it has handled `records`, and returns
    /// `None`.
    pub(crate) async fn crashes_before_handling(mut self, records: usize) -> Option<String> {
        let end = async {
            tokio::select! {
                point = self.fault_point.reached() => Some(point),
                _ = self.handled.wait_for(|count| *count >= records) => None,
            }
        };
        self.time.drive(end).await
    }
}
