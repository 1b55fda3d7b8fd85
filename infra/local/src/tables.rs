//! The two tables in the embedded DynamoDB, made from the same description as the deployed ones.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification,
};
use platform::layout::{Index, Table};

use crate::start::StartError;

/// Name of the inbox table.
pub const INBOX_TABLE: &str = "inbox";
/// Name of the data table.
pub const DATA_TABLE: &str = "data";

/// Makes `table` as `name`, unless there is one, and says whether it did.
///
/// # Errors
/// [`StartError::Database`] if the database refuses.
pub async fn ensure(client: &Client, name: &str, table: &Table) -> Result<bool, StartError> {
    let refused = |reason: String| StartError::Database { reason };
    let described = client.describe_table().table_name(name).send().await;
    if let Some(made) = described.ok().and_then(|described| described.table) {
        let has = |index: &Index| {
            let mut made = made.global_secondary_indexes().iter();
            made.any(|made| made.index_name() == Some(index.name))
        };
        return match table.indexes.iter().find(|index| !has(index)) {
            None => Ok(false),
            Some(missing) => Err(refused(format!(
                "table {name} was made by an older version and lacks the index {}: use another --data directory",
                missing.name
            ))),
        };
    }
    create(client, name, table).await.map_err(refused)?;
    let Some(attribute) = table.ttl else {
        return Ok(true);
    };
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(attribute)
        .build();
    let ttl = ttl.map_err(|error| refused(error.to_string()))?;
    let update = client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(ttl);
    update
        .send()
        .await
        .map_err(|error| refused(DisplayErrorContext(error).to_string()))?;
    Ok(true)
}

async fn create(client: &Client, name: &str, table: &Table) -> Result<(), String> {
    let built = |error: BuildError| error.to_string();
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage);
    let indexes = table
        .indexes
        .iter()
        .map(index)
        .collect::<Result<Vec<_>, _>>()
        .map_err(built)?;
    let request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes(table).map_err(built)?))
        .set_key_schema(Some(keys(table.hash, table.range).map_err(built)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
    let request = if table.stream {
        request.stream_specification(stream.build().map_err(built)?)
    } else {
        request
    };
    match request.send().await {
        Ok(_) => Ok(()),
        // The client has tried again after an answer that it did not hear: the first try has made the table.
        Err(error) if error.as_service_error().is_some_and(is_there) => Ok(()),
        Err(error) => Err(DisplayErrorContext(error).to_string()),
    }
}

fn is_there(error: &CreateTableError) -> bool {
    error.is_resource_in_use_exception()
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    let projected = if index.keys_only {
        ProjectionType::KeysOnly
    } else {
        ProjectionType::All
    };
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(keys(index.hash, Some(index.range))?))
        .projection(Projection::builder().projection_type(projected).build())
        .build()
}

fn keys(hash: &str, range: Option<&str>) -> Result<Vec<KeySchemaElement>, BuildError> {
    let key = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
    };
    std::iter::once(key(hash, KeyType::Hash))
        .chain(range.map(|name| key(name, KeyType::Range)))
        .collect()
}

/// Every attribute that is part of a key; all are strings.
fn attributes(table: &Table) -> Result<Vec<AttributeDefinition>, BuildError> {
    let of_indexes = table
        .indexes
        .iter()
        .flat_map(|index| [index.hash, index.range]);
    let mut names: Vec<&str> = std::iter::once(table.hash)
        .chain(table.range)
        .chain(of_indexes)
        .collect();
    names.sort_unstable();
    names.dedup();
    let attribute = |name| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
    };
    names.into_iter().map(attribute).collect()
}
