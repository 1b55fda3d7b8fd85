//! The HTTP API of the embedded DynamoDB: JSON 1.0 over POST, with the operation in `X-Amz-Target`.
//!
//! The server that `dynoxide` brings along answers the pages of all sites in a browser (CORS), and takes no layer in
//! front of it. This one answers programs on this machine only. Signatures are not checked.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::local_request::is_local;

/// The largest request body, in bytes (DynamoDB developer guide, "BatchWriteItem": 16 MB in total).
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The API over `database`. It needs to know where a request comes from, as [`crate::gateway::serve`] gives it.
pub(crate) fn router(database: Database) -> Router {
    Router::new()
        .route("/", post(answer))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(database)
}

async fn answer(
    State(database): State<Database>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if !is_local(peer, &headers) {
        let reason = "the embedded DynamoDB answers programs on this machine only, at 127.0.0.1 or localhost";
        return respond(
            StatusCode::FORBIDDEN,
            json!({"__type": "AccessDeniedException", "message": reason}).to_string(),
        );
    }
    let target = headers.get("x-amz-target");
    let operation = target
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.split_once('.'))
        .map_or("", |(_, operation)| operation);
    // The database blocks, for as long as one statement takes.
    match perform(&database, operation, &body) {
        Ok(answer) => respond(StatusCode::OK, answer),
        Err(error) => {
            let status = StatusCode::from_u16(error.status_code());
            respond(status.unwrap_or(StatusCode::BAD_REQUEST), error.to_json())
        }
    }
}

fn respond(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

fn perform(database: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    let call = Call { database, body };
    match operation {
        "BatchGetItem" => call.with(Database::batch_get_item),
        "BatchWriteItem" => call.with(Database::batch_write_item),
        "CreateTable" => call.with(Database::create_table),
        "DeleteItem" => call.with(Database::delete_item),
        "DeleteTable" => call.with(Database::delete_table),
        "DescribeStream" => call.with(Database::describe_stream),
        "DescribeTable" => call.with(Database::describe_table),
        "DescribeTimeToLive" => call.with(Database::describe_time_to_live),
        "GetItem" => call.with(Database::get_item),
        "GetRecords" => call.with(Database::get_records),
        "GetShardIterator" => call.with(Database::get_shard_iterator),
        "ListStreams" => call.with(Database::list_streams),
        "ListTables" => call.with(Database::list_tables),
        "PutItem" => call.with(Database::put_item),
        "Query" => call.with(Database::query),
        "Scan" => call.with(Database::scan),
        "TransactGetItems" => call.with(Database::transact_get_items),
        "TransactWriteItems" => call.with(Database::transact_write_items),
        "UpdateItem" => call.with(Database::update_item),
        "UpdateTable" => call.with(Database::update_table),
        "UpdateTimeToLive" => call.with(Database::update_time_to_live),
        _ => Err(DynoxideError::ValidationException(
            "X-Amz-Target names no operation of the embedded DynamoDB".to_owned(),
        )),
    }
}

struct Call<'a> {
    database: &'a Database,
    body: &'a str,
}

impl Call<'_> {
    fn with<Request: DeserializeOwned, Answer: Serialize>(
        &self,
        method: impl FnOnce(&Database, Request) -> Result<Answer, DynoxideError>,
    ) -> Result<String, DynoxideError> {
        let request = serde_json::from_str(self.body)
            .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
        let answer = method(self.database, request)?;
        serde_json::to_string(&answer)
            .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
    }
}
