//! DynamoDB inside the process: `dynoxide`, an implementation over SQLite, served on 127.0.0.1 for the DynamoDB clients
//! of this machine, and shared with the event sources that read its streams.

use std::time::Duration;

use clock::Clock;
use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::changes::Changes;
use crate::data_directory::DataDirectory;
use crate::dynamodb_api;
use crate::gateway;
use crate::start::{Listener, StartError};

/// How long a stream keeps its records (DynamoDB developer guide, "DynamoDB Streams": 24 hours).
pub const STREAM_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How often expired items and stream records are removed. DynamoDB promises no more than "within a few days" for the
/// former, and a sweep reads every table that has a TTL.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long the requests to the database may still take when it stops. Each takes milliseconds; a client that has sent
/// half a request would otherwise delay the end.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// `dynoxide` looks for a stream's newest record at each write and for the records after a position at each read, and
/// has no index for either: without one, both take time in proportion to the length of the stream. `SQLite` takes this
/// one for both (the expression must be written as in the queries).
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS local_stream_order
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Where the tables live.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In memory: gone with the process.
    Memory,
    /// In a file of the data directory. A write is on the disk before it is acknowledged (WAL, `synchronous = FULL`),
    /// so neither a killed process nor a power cut loses it.
    Directory(&'a DataDirectory),
}

/// A running DynamoDB. It stops when it is dropped.
pub struct Embedded {
    database: Database,
    changes: Changes,
    endpoint: String,
    location: String,
    _upkeep: AbortOnDrop,
    stop: oneshot::Sender<()>,
    server: AbortOnDrop,
}

impl Embedded {
    /// Opens the database and serves it on `listener`.
    ///
    /// # Errors
    ///
    /// [`StartError::Database`] if the file is not a database of this kind or cannot be written.
    pub async fn start(place: Place<'_>, listener: Listener) -> Result<Self, StartError> {
        let location = place.location()?;
        let opened = tokio::task::spawn_blocking({
            let location = location.clone();
            move || open(&location)
        })
        .await;
        let (database, changes) = opened
            .map_err(|error| unopened(&error))?
            .map_err(|error| unopened(&error))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // A sender that is dropped stops the server as well.
            let _ = stopped.await;
        };
        let api = dynamodb_api::router(database.clone());
        let server = tokio::spawn(gateway::serve(listener.socket, api, stopped));
        let upkeep = AbortOnDrop(tokio::spawn(keep_up(database.clone(), location.clone())));
        Ok(Self {
            database,
            changes,
            endpoint: listener.url,
            location,
            _upkeep: upkeep,
            stop,
            server: AbortOnDrop(server),
        })
    }

    /// The URL of the DynamoDB API. Clients need some region and some credentials; neither is checked.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The database itself, for the event sources. One lock serialises it and the HTTP API.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Notifies of each commit to the database.
    pub(crate) fn changes(&self) -> Changes {
        self.changes.clone()
    }

    /// Stops accepting, lets running requests finish, and moves the write-ahead log into the database file, so that the
    /// file alone is the whole database.
    pub async fn stop(mut self) {
        drop(self.stop);
        let clock = Clock::system();
        let ended = clock.timeout(LAST_REQUESTS, &mut self.server.0).await;
        if ended.is_err() {
            tracing::warn!("a request to the embedded DynamoDB was cut off");
        }
        let location = self.location;
        let checkpointed = tokio::task::spawn_blocking(move || checkpoint(&location)).await;
        if let Ok(Err(error)) = checkpointed {
            // The log is read at the next start.
            tracing::warn!(%error, "the write-ahead log stays next to the database");
        }
    }
}

impl Place<'_> {
    /// The location in `SQLite`'s terms. Memory is a named one, because the index, the changes and the upkeep have
    /// connections of their own. It is of the kind that locks like a file: with a shared cache, a table that is made
    /// while another connection looks would fail.
    fn location(self) -> Result<String, StartError> {
        match self {
            Self::Memory => Ok(format!("file:/{}?vfs=memdb", Uuid::new_v4())),
            Self::Directory(directory) => {
                let file = directory.database().into_os_string().into_string();
                file.map_err(|path| unopened(&format_args!("{} is not UTF-8", path.display())))
            }
        }
    }
}

fn open(location: &str) -> Result<(Database, Changes), DynoxideError> {
    let storage = Storage::new(location)?;
    storage.conn().execute_batch(STREAM_INDEX)?;
    // These open before the first connection closes: a database in memory goes with its last.
    Ok((Database::new(location)?, Changes::watch(location)?))
}

/// Writes what the write-ahead log holds into the database file, and truncates the log.
fn checkpoint(location: &str) -> Result<(), DynoxideError> {
    let storage = Storage::new(location)?;
    let conn = storage.conn();
    Ok(conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

fn unopened(reason: &impl ToString) -> StartError {
    StartError::Database {
        reason: reason.to_string(),
    }
}

/// Removes what has expired, at once and then every [`UPKEEP_INTERVAL`].
///
/// It goes by the clock of the machine whatever the clock of the stack is: `dynoxide` stamps stream records and
/// compares expiry times by the former, which cannot be replaced, as on AWS.
async fn keep_up(database: Database, location: String) {
    let clock = Clock::system();
    loop {
        let (database, location, now) = (database.clone(), location.clone(), clock.now());
        let done = tokio::task::spawn_blocking(move || {
            database.sweep_ttl()?;
            trim_streams(&location, now)
        });
        if let Ok(Err(error)) = done.await {
            tracing::warn!(%error, "expired items or stream records could not be removed");
        }
        clock.next_turn(UPKEEP_INTERVAL).await;
    }
}

/// Removes stream records older than [`STREAM_RETENTION`] and says how many.
fn trim_streams(location: &str, now: Timestamp) -> Result<usize, DynoxideError> {
    let horizon = now.checked_sub(STREAM_RETENTION).unwrap_or(Timestamp::MIN);
    let storage = Storage::new(location)?;
    let removed = storage.conn().execute(
        "DELETE FROM _stream_records WHERE created_at < ?1",
        [horizon.as_second()],
    )?;
    Ok(removed)
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::Listeners;
    use serde_json::{from_value, json};

    #[tokio::test]
    async fn stream_records_go_after_a_day() {
        let location = Place::Memory.location().unwrap();
        let (database, _changes) = open(&location).unwrap();
        let table = json!({
            "TableName": "inbox",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        });
        database.create_table(from_value(table).unwrap()).unwrap();
        let item = json!({"TableName": "inbox", "Item": {"pk": {"S": "a"}}});
        let before = Clock::system().now();
        database.put_item(from_value(item).unwrap()).unwrap();
        let after = Clock::system().now();
        let trimmed = |now| trim_streams(&location, now).unwrap();
        assert_eq!(trimmed(before + STREAM_RETENTION), 0);
        // Times of records are whole seconds.
        let more_than_a_day = STREAM_RETENTION + Duration::from_secs(1);
        assert_eq!(trimmed(after + more_than_a_day), 1);
    }

    /// The statements are those of `dynoxide`; they decide whether a long stream is a slow one.
    #[test]
    fn streams_are_read_and_written_through_the_index() {
        let location = Place::Memory.location().unwrap();
        let _database = open(&location).unwrap();
        let storage = Storage::new(&location).unwrap();
        for statement in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records
             WHERE table_name = 'inbox'",
            "SELECT event_name FROM _stream_records
             WHERE table_name = 'inbox' AND shard_id = 's' AND CAST(sequence_number AS INTEGER) > 1
             ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 10",
        ] {
            let explained = format!("EXPLAIN QUERY PLAN {statement}");
            let plan = storage
                .conn()
                .query_row(&explained, [], |row| row.get::<_, String>(3));
            let plan = plan.unwrap();
            assert!(plan.contains("INDEX local_stream_order"), "{plan}");
        }
    }

    #[test]
    fn a_write_to_a_file_is_synced_before_it_is_acknowledged() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(parent.path()).unwrap();
        let location = Place::Directory(&directory).location().unwrap();
        let storage = Storage::new(&location).unwrap();
        for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2")] {
            let value = storage.conn().query_row(
                &format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"),
                [],
                |row| row.get::<_, String>(0),
            );
            assert_eq!(value.unwrap(), expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused_in_one_line() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(parent.path()).unwrap();
        std::fs::write(
            directory.database(),
            "not a database, and long enough to have a header",
        )
        .unwrap();
        let listeners = Listeners::bind(0).await.unwrap();
        let error = Embedded::start(Place::Directory(&directory), listeners.dynamodb).await;
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot open the embedded DynamoDB: "),
            "{error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
}
