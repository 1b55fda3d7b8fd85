//! Counts what a function asks of AWS: round trips, and the capacity units that DynamoDB says they consumed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use bundle_tests::door::{Passed, Watch};
use serde::Deserialize;
use serde_json::json;

/// Operations that read, and say what that consumed.
const READS: [&str; 5] = [
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "TransactGetItems",
];
/// Operations that write, and say what that consumed.
const WRITES: [&str; 5] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
];
/// Secrets Manager is asked at the same endpoint.
const SECRET: &str = "GetSecretValue";

/// Answers for Secrets Manager, and counts what goes to DynamoDB.
pub(crate) struct Meter {
    secret: Bytes,
    consumed: Mutex<Consumed>,
}

/// What was asked, and what that consumed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumed {
    /// Requests by operation.
    pub(crate) round_trips: BTreeMap<String, u64>,
    /// Of these, the ones that were refused: conditions that did not hold. What they consume is not told.
    pub(crate) refused: u64,
    /// Read request units by table, or table and index.
    pub(crate) read_units: BTreeMap<String, f64>,
    /// Write request units by table, or table and index.
    pub(crate) write_units: BTreeMap<String, f64>,
}

impl Meter {
    /// Answers with `secret` for Secrets Manager.
    pub(crate) fn new(secret: &str) -> Self {
        let answer = json!({
            "ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:config",
            "Name": "config", "SecretString": secret,
        });
        Self {
            secret: answer.to_string().into(),
            consumed: Mutex::default(),
        }
    }

    /// What has passed since the last time that this was asked.
    pub(crate) fn take(&self) -> Consumed {
        std::mem::take(&mut *self.consumed())
    }

    fn consumed(&self) -> MutexGuard<'_, Consumed> {
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Meter {
    fn answer(&self, operation: &str) -> Option<Bytes> {
        (operation == SECRET).then(|| self.secret.clone())
    }

    /// Has the database say what the request consumes.
    fn ask(&self, operation: &str, came: Bytes) -> Bytes {
        let says = READS.contains(&operation) || WRITES.contains(&operation);
        match came.strip_prefix(b"{") {
            Some(rest) if says => {
                let begin = &b"{\"ReturnConsumedCapacity\":\"INDEXES\","[..];
                [begin, rest].concat().into()
            }
            _ => came,
        }
    }

    fn passed(&self, passed: &Passed<'_>) {
        let told = serde_json::from_slice::<Told>(passed.told).unwrap_or_default();
        let mut consumed = self.consumed();
        let operation = passed.operation.to_owned();
        *consumed.round_trips.entry(operation).or_default() += 1;
        consumed.refused += u64::from(!passed.done);
        let units = if READS.contains(&passed.operation) {
            &mut consumed.read_units
        } else {
            &mut consumed.write_units
        };
        for (place, number) in told.consumed.places() {
            *units.entry(place).or_default() += number;
        }
    }
}

impl Consumed {
    /// Adds another one's.
    pub(crate) fn add(&mut self, other: &Self) {
        for (operation, count) in &other.round_trips {
            *self.round_trips.entry(operation.clone()).or_default() += count;
        }
        self.refused += other.refused;
        for (own, others) in [
            (&mut self.read_units, &other.read_units),
            (&mut self.write_units, &other.write_units),
        ] {
            for (place, units) in others {
                *own.entry(place.clone()).or_default() += units;
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(rename = "ConsumedCapacity", default)]
    consumed: Capacities,
}

/// One of an operation on one table, a list of those on several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Capacities {
    One(Capacity),
    Several(Vec<Capacity>),
}

impl Default for Capacities {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    table_name: String,
    capacity_units: f64,
    #[serde(default)]
    global_secondary_indexes: BTreeMap<String, OfIndex>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfIndex {
    capacity_units: f64,
}

impl Capacities {
    fn places(&self) -> impl Iterator<Item = (String, f64)> {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        };
        all.iter().flat_map(Capacity::places)
    }
}

impl Capacity {
    fn places(&self) -> Vec<(String, f64)> {
        let indexes = self.global_secondary_indexes.iter();
        let mut places: Vec<_> = indexes
            .map(|(index, of)| (format!("{}/{index}", self.table_name), of.capacity_units))
            .collect();
        // The units of the whole hold those of the indexes.
        let of_indexes: f64 = places.iter().map(|(_, units)| units).sum();
        let of_table = self.capacity_units - of_indexes;
        places.push((self.table_name.clone(), of_table));
        places.retain(|(_, units)| *units > 0.0);
        places
    }
}
