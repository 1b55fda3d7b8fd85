//! The bundle taken apart: tables and callback as ever, while a test starts the functions behind the stream
//! one by one, as often as it likes, each over ports that may die.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
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

use crate::dying::Fate;
use crate::outside::Outside;
use crate::time::Time;

/// Longer than anything here takes, so that only a kill ends a function.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Tables and callback, and no function behind the stream.
pub(crate) struct Apart<'a> {
    outside: &'a Outside,
    directory: DataDirectory,
    embedded: Embedded,
    instances: AtomicUsize,
    _front_door: JoinSet<()>,
}

/// Which records of the stream an instance is given.
#[derive(Clone, Copy)]
pub(crate) enum Records {
    /// Those that the whole bundle has not finished. A bundle that was killed may have handled the last of them without
    /// having stored that.
    Unfinished,
    /// Those that are stored after its start.
    New,
}

/// One instance of a function behind the stream. Dropped, it is killed.
pub(crate) struct Instance {
    handled: watch::Receiver<usize>,
    fate: Fate,
    time: Time,
    _source: EventSource,
}

impl<'a> Apart<'a> {
    /// Starts on the data directory of `outside`, to which no other bundle may be attached.
    pub(crate) async fn new(outside: &'a Outside) -> Self {
        let directory = DataDirectory::open(&outside.data()).unwrap();
        let listeners = Listeners::bind(0).await.unwrap();
        let place = Place::Directory(&directory);
        let embedded = Embedded::start(place, listeners.dynamodb).await.unwrap();
        let client = aws_sdk_dynamodb::Client::new(&aws_config(embedded.endpoint()).unwrap());
        for (name, table) in [(INBOX_TABLE, &layout::INBOX), (DATA_TABLE, &layout::DATA)] {
            tables::ensure(&client, name, table).await.unwrap();
        }
        let mut apart = Self {
            outside,
            directory,
            embedded,
            instances: AtomicUsize::default(),
            _front_door: JoinSet::new(),
        };
        let callback = callback_function(apart.outside.base(apart.embedded.endpoint(), "callback"));
        let router = Routes::new().route("/callback", callback).into_router();
        let (socket, never) = (listeners.gateway.socket, std::future::pending());
        apart
            ._front_door
            .spawn(gateway::serve(socket, router, never));
        outside.callbacks_go_to(&listeners.gateway.url);
        apart
    }

    /// The adapters of one more instance.
    pub(crate) fn platform(&self, function: &'static str) -> Platform {
        self.outside.platform(self.embedded.endpoint(), function)
    }

    /// Starts an instance of the function `welcome`.
    pub(crate) async fn welcome(&self, fate: &Fate, records: Records) -> Instance {
        let dying = |store, wecom| (fate.of(store), fate.of(wecom));
        let welcomer = Welcomer::through(self.platform("welcome"), dying);
        let (welcomer, handled) = (Arc::new(welcomer), watch::Sender::new(0));
        let seen = handled.subscribe();
        let service = service_fn(
            move |batch: LambdaEvent<aws_lambda_events::dynamodb::Event>| {
                let (welcomer, handled) = (Arc::clone(&welcomer), handled.clone());
                async move {
                    let count = batch.payload.records.len();
                    let answer = welcomer.handle(batch).await;
                    handled.send_modify(|handled| *handled += count);
                    answer
                }
            },
        );
        self.start(
            welcome_mapping(Function::new(
                "welcome",
                TIMEOUT,
                self.outside.time.clock(),
                service,
            )),
            seen,
            fate,
            records,
        )
        .await
    }

    /// Starts an instance of the function `tagging`.
    pub(crate) async fn tagging(&self, fate: &Fate, records: Records) -> Instance {
        let dying = |store, wecom| (fate.of(store), fate.of(wecom));
        let tagger = Tagger::through(self.platform("tagging"), dying);
        let (tagger, handled) = (Arc::new(tagger), watch::Sender::new(0));
        let seen = handled.subscribe();
        let service = service_fn(
            move |batch: LambdaEvent<aws_lambda_events::dynamodb::Event>| {
                let (tagger, handled) = (Arc::clone(&tagger), handled.clone());
                async move {
                    let count = batch.payload.records.len();
                    let answer = tagger.handle(batch).await;
                    handled.send_modify(|handled| *handled += count);
                    answer
                }
            },
        );
        self.start(
            tagging_mapping(Function::new(
                "tagging",
                TIMEOUT,
                self.outside.time.clock(),
                service,
            )),
            seen,
            fate,
            records,
        )
        .await
    }

    async fn start(
        &self,
        mapping: Result<EventSourceMapping, StartError>,
        handled: watch::Receiver<usize>,
        fate: &Fate,
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
            fate: fate.clone(),
            time: self.outside.time.clone(),
            _source: source,
        }
    }

    /// A copy of the position at which the whole bundle stands, which then still stands there: it will do all of this
    /// again.
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
    /// Waits until it has been given records so many times, whatever it answered.
    pub(crate) async fn was_given(&mut self, records: usize) {
        let given = self.handled.wait_for(|count| *count >= records);
        self.time.drive(given).await.unwrap();
    }

    /// Waits until it has died, and says where; or until it has handled `records`, and says nothing.
    pub(crate) async fn dies_before_handling(mut self, records: usize) -> Option<String> {
        let end = async {
            tokio::select! {
                place = self.fate.death() => Some(place),
                _ = self.handled.wait_for(|count| *count >= records) => None,
            }
        };
        self.time.drive(end).await
    }
}
