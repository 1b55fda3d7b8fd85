//! A proxy between the function and the database that counts reads and writes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bundle_tests::dynamodb_proxy::{DynamoDbProxy, Exchange, Observer};
use scrm_local::start::Listener;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A counting proxy of a database. It stops when dropped.
pub(crate) struct Counter(DynamoDbProxy<Ledger>);

/// The observer of the proxy.
#[derive(Default)]
struct Ledger(Mutex<Tally>);

/// The counts of all requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// The number of requests and their total duration, by operation.
    pub(crate) requests: BTreeMap<String, (u64, Duration)>,
    /// Requests that the database refused, mostly because of failed conditions.
    pub(crate) refused: u64,
    /// Items in the responses of the database.
    pub(crate) items_read: u64,
    /// Rows with data of the corp that were put, updated or deleted, by kind.
    pub(crate) rows_written: BTreeMap<&'static str, u64>,
    /// The same for rows with the state of the run, its lease and its limits.
    pub(crate) bookkeeping: BTreeMap<&'static str, u64>,
}

impl Counter {
    /// Starts a proxy at `listener` for the database at `database`.
    pub(crate) fn start(listener: Listener, database: &str) -> Result<Self, String> {
        let proxy = DynamoDbProxy::start(listener.socket, database, Ledger::default());
        proxy.map(Self).map_err(|error| error.to_string())
    }

    /// The URL of the proxy.
    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// The counts since the last call.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut *self.0.observer().tally())
    }
}

impl Ledger {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Ledger {
    fn observe(&self, exchange: &Exchange<'_>) {
        self.tally().count(exchange);
    }
}

impl Tally {
    fn count(&mut self, exchange: &Exchange<'_>) {
        let operation = exchange.operation;
        let requests = self.requests.entry(operation.to_owned()).or_default();
        requests.0 += 1;
        requests.1 += exchange.duration;
        if !exchange.succeeded {
            self.refused += 1;
            return;
        }
        if let Ok(response) = serde_json::from_slice::<ReadResponse>(exchange.response) {
            self.items_read += response.items();
        }
        let reads = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation);
        if let Ok(request) = serde_json::from_slice::<WriteRequest>(exchange.request)
            && !reads
        {
            request.rows().for_each(|key| self.count_row(key));
        }
    }

    fn count_row(&mut self, key: &Key) {
        let (counts, kind) = match kind(&key.pk.text, &key.sk.text) {
            Kind::Data(kind) => (&mut self.rows_written, kind),
            Kind::Bookkeeping(kind) => (&mut self.bookkeeping, kind),
        };
        *counts.entry(kind).or_default() += 1;
    }

    /// The number of all requests and their total duration.
    pub(crate) fn all(&self) -> (u64, Duration) {
        let requests = self.requests.values();
        requests.fold(Default::default(), |(count, time), one| {
            (count + one.0, time + one.1)
        })
    }
}

/// What a row is about.
enum Kind {
    Data(&'static str),
    Bookkeeping(&'static str),
}

/// Classifies a row of the data table by its key (`platform::layout`).
fn kind(pk: &str, sk: &str) -> Kind {
    let place = pk.split('#').nth(1).unwrap_or_default();
    match place {
        "sync" => Kind::Bookkeeping("run and lease"),
        "quota" => Kind::Bookkeeping("quota"),
        "app" => Kind::Bookkeeping("token"),
        _ if place.starts_with("run") && sk.starts_with("chunk") => Kind::Bookkeeping("chunk"),
        _ if place.starts_with("run") => Kind::Bookkeeping("page"),
        "contact" if sk.starts_with("relation#") => Kind::Data("relation"),
        "members" => Kind::Data("member"),
        "departments" => Kind::Data("department"),
        "tags" => Kind::Data("tag group"),
        "group" | "groups" => Kind::Data("customer group"),
        "acquisition" => Kind::Data("balance"),
        _ => Kind::Data("other"),
    }
}

/// The writes of a request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct WriteRequest {
    item: Option<Key>,
    key: Option<Key>,
    transact_items: Vec<HashMap<String, Write>>,
    request_items: HashMap<String, Vec<HashMap<String, Write>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Write {
    item: Option<Key>,
    key: Option<Key>,
}

#[derive(Deserialize)]
struct Key {
    pk: Text,
    sk: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

impl WriteRequest {
    fn rows(&self) -> impl Iterator<Item = &Key> {
        let batches = self.request_items.values().flatten();
        let writes = self.transact_items.iter().chain(batches);
        let written = writes.flat_map(HashMap::values);
        let written = written.filter_map(|write| write.item.as_ref().or(write.key.as_ref()));
        written.chain(&self.item).chain(&self.key)
    }
}

/// The items of a response.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReadResponse {
    item: Option<IgnoredAny>,
    items: Vec<IgnoredAny>,
    responses: HashMap<String, Vec<IgnoredAny>>,
}

impl ReadResponse {
    fn items(&self) -> u64 {
        let batches: usize = self.responses.values().map(Vec::len).sum();
        let items = batches + self.items.len() + usize::from(self.item.is_some());
        u64::try_from(items).unwrap_or(u64::MAX)
    }
}
