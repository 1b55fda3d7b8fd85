//! The rules' stores over DynamoDB. One file per thing that is kept; all share this client.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use clock::Clock;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_dynamo::{from_item, to_item};
use wecom::CorpId;

use crate::environment::Environment;
use crate::layout::{self, Key};

mod acquisition;
mod channels;
mod contact;
mod counts;
mod due;
mod groups;
pub mod inbox;
mod members;
mod observations;
mod outcomes;
mod quota;
mod read_rows;
mod relations;
mod runs;
mod tag_library;
pub mod tokens;
mod welcomes;

pub use relations::relation_of_item;

/// An item as DynamoDB has it.
pub type Item = HashMap<String, AttributeValue>;

/// The attributes of the index `by_due`; both absent from an item that is not due.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Due {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

impl Due {
    /// Due at a time, or not.
    fn at(corp: &CorpId, at: Option<UnixSeconds>) -> Self {
        Self {
            due: at.map(|_| corp.to_string()),
            due_at: at.map(layout::due_at),
        }
    }
}

/// The two tables of a deployment.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    inbox: String,
    data: String,
    /// Days after which an event is deleted.
    inbox_days: u16,
    clock: Clock,
}

impl Store {
    /// Uses the tables that `environment` names, and `clock` to pause between tries.
    #[must_use]
    pub fn new(client: Client, environment: &Environment, clock: Clock) -> Self {
        Self {
            client,
            inbox: environment.inbox_table.clone(),
            data: environment.data_table.clone(),
            inbox_days: environment.inbox_days,
            clock,
        }
    }

    /// Opens the connection ahead of the first event, with a write that cannot succeed: the item does not
    /// exist. It needs no permission besides the one to put events.
    pub async fn open_inbox(&self) {
        let put = self.client.put_item().table_name(&self.inbox);
        let put = put.item("id", AttributeValue::S("connection".into()));
        // The refusal is the success; anything else shows itself again with the first event.
        let _refused = put
            .condition_expression("attribute_exists(id)")
            .send()
            .await;
    }

    /// Opens the connection ahead of the first event, with a read of a key that nothing has.
    pub async fn open_data(&self) {
        let key = Key {
            pk: "connection".into(),
            sk: "connection".into(),
        };
        let _absent = self.read_item::<serde::de::IgnoredAny>(&key).await;
    }

    /// Reads one item of the data table, consistently: a channel made a second ago must be found.
    async fn read_item<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.get_item(key, true).await
    }

    /// A write of one item to the data table, which still needs its condition.
    fn put_row<T: Serialize>(&self, row: &T) -> Result<PutItemFluentBuilder, StoreError> {
        let put = self.client.put_item().table_name(&self.data);
        Ok(put.set_item(Some(to_row(row)?)))
    }

    /// Reads one item of the data table as it was a moment ago, at half the price.
    async fn get_eventually_consistent<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        self.get_item(key, false).await
    }

    async fn get_item<T: DeserializeOwned>(
        &self,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<T>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.data)
            .set_key(Some(to_row(key)?));
        let got = get.consistent_read(consistent).send().await;
        got.map_err(unavailable)?.item.map(from_row).transpose()
    }

    /// Reads some items of the data table in one round trip; DynamoDB may answer a part, and is asked
    /// again for the rest a few times.
    async fn batch_get(&self, keys: &[&Key]) -> Result<HashMap<Key, Item>, StoreError> {
        const MAX_TRIES: u32 = 4;
        let mut wanted = keys.iter().map(to_row).collect::<Result<Vec<_>, _>>()?;
        let mut found = HashMap::new();
        for try_number in 0..MAX_TRIES {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build();
            let request =
                request.map_err(|error| StoreError::unwritable("a batch of reads", error))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.data, request)
                .send()
                .await;
            let answer = answer.map_err(unavailable)?;
            for item in answer
                .responses
                .into_iter()
                .flat_map(HashMap::into_values)
                .flatten()
            {
                found.insert(from_row::<Key>(item.clone())?, item);
            }
            let rest = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.data));
            wanted = rest.map(|rest| rest.keys).unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
            let pause = Duration::from_millis(20 << try_number);
            self.clock.sleep(pause).await;
        }
        Err(StoreError::Unavailable(
            "no capacity for a batch of reads".into(),
        ))
    }
}

/// Makes an item.
fn to_row<T: Serialize>(value: &T) -> Result<Item, StoreError> {
    to_item(value).map_err(|error| StoreError::unwritable("an item", error))
}

/// Reads an item.
fn from_row<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    from_item(item).map_err(|error| {
        // The name of a field is ours. Other messages may quote what is stored.
        let reason = error.to_string();
        let what = match reason.starts_with("missing field") {
            true => format!("an item: {reason}"),
            false => "an item".to_owned(),
        };
        StoreError::unreadable(what, error)
    })
}

/// A string attribute.
fn attr_s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
fn attr_n(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Says what went wrong in DynamoDB's own word, without anything of the request.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the argument of map_err"
)]
fn unavailable<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata,
    R: std::fmt::Debug,
{
    let reason = match &error {
        SdkError::ServiceError(context) => context
            .err()
            .code()
            .unwrap_or("unknown service error")
            .to_owned(),
        SdkError::TimeoutError(_) => "time-out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        _ => "request or answer is malformed".to_owned(),
    };
    StoreError::Unavailable(reason)
}

/// Turns a failed condition into `false`.
fn condition_held<T, E, R>(result: Result<T, SdkError<E, R>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata,
    R: std::fmt::Debug,
{
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(unavailable(error)),
    }
}
