//! A table with a stream, and mappings of it to functions that record what they get.

use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use scrm_local::embedded::{Embedded, Place};
use scrm_local::event_source::{EventSource, EventSourceMapping};
use scrm_local::invoke::Function;
use scrm_local::start::Listeners;
use serde_json::{Value, from_value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower::service_fn;

use crate::recorder::{Event, Recorder, Reply};

/// The time-out of every function here.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// An embedded database with the table `inbox`.
pub(crate) struct Inbox {
    pub(crate) embedded: Embedded,
}

impl Inbox {
    pub(crate) async fn new() -> Self {
        Self::at(Place::Memory).await
    }

    pub(crate) async fn at(place: Place<'_>) -> Self {
        let listeners = Listeners::bind(0).await.unwrap();
        let embedded = Embedded::start(place, listeners.dynamodb).await.unwrap();
        let inbox = Self { embedded };
        inbox.create("inbox", true);
        inbox
    }

    pub(crate) fn create(&self, table: &str, stream: bool) {
        let mut request = json!({
            "TableName": table,
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
        });
        if stream {
            request["StreamSpecification"] =
                json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
        }
        self.database()
            .create_table(from_value(request).unwrap())
            .unwrap();
    }

    pub(crate) fn database(&self) -> &Database {
        self.embedded.database()
    }

    /// Puts an item of its own for each name.
    pub(crate) fn put(&self, names: &[&str]) {
        for name in names {
            self.put_item(name, name);
        }
    }

    /// Puts an item whose stream records are known by `name`.
    pub(crate) fn put_item(&self, pk: &str, name: &str) {
        let item = json!({"pk": {"S": pk}, "sk": {"S": "event"}, "name": {"S": name}});
        let request = json!({"TableName": "inbox", "Item": item});
        self.database()
            .put_item(from_value(request).unwrap())
            .unwrap();
    }

    pub(crate) async fn start(&self, mapping: EventSourceMapping) -> EventSource {
        mapping.start(&self.embedded, None).await.unwrap()
    }
}

/// A mapping of the inbox to a function that records its events and answers with `reply`. Their clock is the
/// recorder's.
pub(crate) fn mapping<R>(reply: R) -> (EventSourceMapping, Recorder)
where
    R: Fn(&Event) -> Reply + Send + Sync + 'static,
{
    let recorder = Recorder::default();
    let seen = recorder.clone();
    let reply = Arc::new(reply);
    let service = service_fn(move |event| {
        let event = Event::new(event);
        let reply = reply(&event);
        seen.record(&event);
        reply.give(event)
    });
    let function = Function::new("recorder", TIMEOUT, recorder.clock.clock(), service);
    (EventSourceMapping::new("inbox", function), recorder)
}

/// Gives the mapping an on-failure destination and returns its receiving end.
pub(crate) fn destination(mapping: &mut EventSourceMapping) -> UnboundedReceiver<Value> {
    let (sender, receiver) = unbounded_channel();
    mapping.on_failure = Some(sender);
    receiver
}
