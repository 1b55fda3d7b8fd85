//! Stands between the function and the database, passes everything on, and counts what is read and written.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bundle_tests::door::{Door, Passed, Watch};
use scrm_local::start::Listener;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A counting door to a database. It closes when dropped.
pub(crate) struct Counter(Door<Ledger>);

/// Who stands at the door.
#[derive(Default)]
struct Ledger(Mutex<Tally>);

/// What has passed the door.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Requests, and the time until the database had answered, by operation.
    pub(crate) requests: BTreeMap<String, (u64, Duration)>,
    /// Requests that the database refused: conditions that did not hold, mostly.
    pub(crate) refused: u64,
    /// Items that the database answered with.
    pub(crate) items_read: u64,
    /// Rows put, updated or deleted that say something of the corp, by kind.
    pub(crate) rows_written: BTreeMap<&'static str, u64>,
    /// The same of rows by which the run keeps its place, its lease and its limits.
    pub(crate) bookkeeping: BTreeMap<&'static str, u64>,
}

impl Counter {
    /// Opens a door at `listener` to the database at `database`.
    pub(crate) fn open(listener: Listener, database: &str) -> Result<Self, String> {
        let door = Door::open(listener.socket, database, Ledger::default());
        door.map(Self).map_err(|error| error.to_string())
    }

    /// Where the function finds the database.
    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// What has passed since the last time that this was asked.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut *self.0.watch().tally())
    }
}

impl Ledger {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Ledger {
    fn passed(&self, passed: &Passed<'_>) {
        self.tally().count(passed);
    }
}

impl Tally {
    fn count(&mut self, passed: &Passed<'_>) {
        let operation = passed.operation;
        let requests = self.requests.entry(operation.to_owned()).or_default();
        requests.0 += 1;
        requests.1 += passed.took;
        if !passed.done {
            self.refused += 1;
            return;
        }
        if let Ok(told) = serde_json::from_slice::<Told>(passed.told) {
            self.items_read += told.items();
        }
        let reads = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation);
        if let Ok(asked) = serde_json::from_slice::<Asked>(passed.asked)
            && !reads
        {
            asked.rows().for_each(|key| self.count_row(key));
        }
    }

    fn count_row(&mut self, key: &Key) {
        let (counts, kind) = match kind(&key.pk.text, &key.sk.text) {
            Kind::Data(kind) => (&mut self.rows_written, kind),
            Kind::Bookkeeping(kind) => (&mut self.bookkeeping, kind),
        };
        *counts.entry(kind).or_default() += 1;
    }

    /// All requests, and all the time that they took.
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

/// Tells rows of the data table apart by their keys (`platform::layout`).
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
struct Asked {
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

impl Asked {
    fn rows(&self) -> impl Iterator<Item = &Key> {
        let batches = self.request_items.values().flatten();
        let writes = self.transact_items.iter().chain(batches);
        let written = writes.flat_map(HashMap::values);
        let written = written.filter_map(|write| write.item.as_ref().or(write.key.as_ref()));
        written.chain(&self.item).chain(&self.key)
    }
}

/// The items of an answer.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Told {
    item: Option<IgnoredAny>,
    items: Vec<IgnoredAny>,
    responses: HashMap<String, Vec<IgnoredAny>>,
}

impl Told {
    fn items(&self) -> u64 {
        let batches: usize = self.responses.values().map(Vec::len).sum();
        let items = batches + self.items.len() + usize::from(self.item.is_some());
        u64::try_from(items).unwrap_or(u64::MAX)
    }
}
