//! Counts the requests of a function to AWS, and the capacity units that DynamoDB reports for them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use bundle_tests::dynamodb_proxy::{Exchange, Observer};
use serde::Deserialize;
use serde_json::json;

/// Operations that read and can report consumed capacity.
const READS: [&str; 5] = [
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "TransactGetItems",
];
/// Operations that write and can report consumed capacity.
const WRITES: [&str; 5] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
];
/// The operation of Secrets Manager, which has the same endpoint.
const SECRET: &str = "GetSecretValue";

/// Answers requests to Secrets Manager, and counts requests to DynamoDB.
pub(crate) struct Meter {
    secret: Bytes,
    consumed: Mutex<Consumed>,
}

/// Requests and the capacity that they consumed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumed {
    /// Requests by operation.
    pub(crate) round_trips: BTreeMap<String, u64>,
    /// The number of these that were refused because of a failed condition. DynamoDB does not report their capacity.
    pub(crate) refused: u64,
    /// Read request units by table, or table and index.
    pub(crate) read_units: BTreeMap<String, f64>,
    /// Write request units by table, or table and index.
    pub(crate) write_units: BTreeMap<String, f64>,
}

impl Meter {
    /// A meter that returns `secret` for Secrets Manager.
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

    /// The counts since the last call.
    pub(crate) fn take(&self) -> Consumed {
        std::mem::take(&mut *self.consumed())
    }

    fn consumed(&self) -> MutexGuard<'_, Consumed> {
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Meter {
    fn response(&self, operation: &str) -> Option<Bytes> {
        (operation == SECRET).then(|| self.secret.clone())
    }

    /// Makes the database report the consumed capacity.
    fn rewrite(&self, operation: &str, body: Bytes) -> Bytes {
        let reports = READS.contains(&operation) || WRITES.contains(&operation);
        match body.strip_prefix(b"{") {
            Some(rest) if reports => {
                let begin = &b"{\"ReturnConsumedCapacity\":\"INDEXES\","[..];
                [begin, rest].concat().into()
            }
            _ => body,
        }
    }

    fn observe(&self, exchange: &Exchange<'_>) {
        let response = serde_json::from_slice::<Response>(exchange.response).unwrap_or_default();
        let mut consumed = self.consumed();
        let operation = exchange.operation.to_owned();
        *consumed.round_trips.entry(operation).or_default() += 1;
        consumed.refused += u64::from(!exchange.succeeded);
        let units = if READS.contains(&exchange.operation) {
            &mut consumed.read_units
        } else {
            &mut consumed.write_units
        };
        for (target, number) in response.consumed.by_target() {
            *units.entry(target).or_default() += number;
        }
    }
}

impl Consumed {
    /// Adds those of `other`.
    pub(crate) fn add(&mut self, other: &Self) {
        for (operation, count) in &other.round_trips {
            *self.round_trips.entry(operation.clone()).or_default() += count;
        }
        self.refused += other.refused;
        for (own, others) in [
            (&mut self.read_units, &other.read_units),
            (&mut self.write_units, &other.write_units),
        ] {
            for (target, units) in others {
                *own.entry(target.clone()).or_default() += units;
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct Response {
    #[serde(rename = "ConsumedCapacity", default)]
    consumed: Capacities,
}

/// One value for an operation on one table, or a list for several tables.
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
    fn by_target(&self) -> impl Iterator<Item = (String, f64)> {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        };
        all.iter().flat_map(Capacity::by_target)
    }
}

impl Capacity {
    fn by_target(&self) -> Vec<(String, f64)> {
        let indexes = self.global_secondary_indexes.iter();
        let mut by_target: Vec<_> = indexes
            .map(|(index, of)| (format!("{}/{index}", self.table_name), of.capacity_units))
            .collect();
        // The total units include those of the indexes.
        let of_indexes: f64 = by_target.iter().map(|(_, units)| units).sum();
        let of_table = self.capacity_units - of_indexes;
        by_target.push((self.table_name.clone(), of_table));
        by_target.retain(|(_, units)| *units > 0.0);
        by_target
    }
}
