//! A Lambda event source mapping for a DynamoDB stream, as AWS documents it ("Using AWS Lambda with Amazon DynamoDB" in
//! the Lambda developer guide).
//!
//! `reader.rs` follows a shard of the stream, drops what the filter criteria do not match and deals the records to
//! lanes by their item key. A lane (`lane.rs`) invokes the function with one batch at a time and retries, bisects or
//! discards it. `checkpoint.rs` remembers how far all lanes of a shard have come.
//!
//! The embedded database writes one shard. A mapping may divide it into several, as DynamoDB has one for each partition
//! of a table; each is followed by itself.

mod checkpoint;
mod discard;
mod lane;
mod pattern;
mod reader;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use dynoxide::DynoxideError;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;

use crate::embedded::{Embedded, STREAM_RETENTION};
use crate::invoke::Function;

use checkpoint::Checkpoint;
use lane::Lane;
pub use pattern::{Pattern, PatternError};
use reader::Reader;
use stream::{Record, ShardIterator};

/// The settings of a mapping, named as in `AWS::Lambda::EventSourceMapping`.
#[derive(Debug, Clone)]
pub struct EventSourceMapping {
    /// The table whose stream is read.
    pub table: String,
    /// What is invoked. The mapping goes by the function's clock: the pauses before retries, and the ages of records.
    pub function: Function,
    /// The largest number of records in one event, 1 to 10,000.
    pub batch_size: usize,
    /// A record reaches the function if it matches any of these; empty lets every record through.
    pub filter_criteria: Vec<Pattern>,
    /// Where a mapping begins that has no stored position.
    pub starting_position: StartingPosition,
    /// How many shards the stream is divided into, by the items' keys, 1 to 100. DynamoDB decides it by the number of
    /// the table's partitions.
    pub shards: usize,
    /// How many batches of each shard are processed at once, 1 to 10. Records of one item (partition and sort key) keep
    /// their order all the same.
    pub parallelization_factor: usize,
    /// `FunctionResponseTypes: [ReportBatchItemFailures]`: the answer names the records that failed, and the batch is
    /// retried from the lowest of them on.
    pub report_batch_item_failures: bool,
    /// Whether a batch that fails as a whole is split in two before it is retried. Splitting does not count as a retry.
    pub bisect_batch_on_function_error: bool,
    /// How often one batch is retried before it is discarded; `None` is AWS's -1, until it expires.
    pub maximum_retry_attempts: Option<u32>,
    /// The age at which records are discarded instead of processed, to the precision of a record's time, which is one
    /// second; `None` is AWS's -1, the retention of the stream.
    pub maximum_record_age: Option<Duration>,
    /// Receives the document that Lambda writes to an on-failure destination about each discarded batch. It holds
    /// sequence numbers and times, not the records.
    pub on_failure: Option<mpsc::UnboundedSender<Value>>,
    /// The pause before a failed batch is retried.
    pub backoff: Backoff,
}

/// Where a mapping begins that has no stored position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// At the oldest record that the stream still has.
    TrimHorizon,
    /// After the newest record at the time of the start.
    Latest,
}

/// An exponential pause between retries. AWS backs off without saying by how much.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The pause after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

/// A running mapping. Dropped, it stops like a process that is killed: batches in flight are cancelled, stay behind the
/// stored position and are delivered again. [`stop`](Self::stop) lets them end first.
#[derive(Debug)]
pub struct EventSource {
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
}

impl EventSource {
    /// Reads and invokes no more, and ends when the running invocations have ended. What was read and not yet processed
    /// is delivered after the next start.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// A mapping that cannot start.
#[derive(Debug, Error)]
pub enum EventSourceError {
    /// The table does not exist or has no stream.
    #[error("table {table} has no stream")]
    NoStream {
        /// The table's name.
        table: String,
    },
    /// A setting is outside the range that AWS allows.
    #[error("{setting} is {value}, outside {range}")]
    OutOfRange {
        /// The setting, as AWS names it.
        setting: &'static str,
        /// What it is set to.
        value: usize,
        /// What is allowed.
        range: &'static str,
    },
    /// The embedded database refused to read the stream.
    #[error("the stream cannot be read: {0}")]
    Stream(#[from] DynoxideError),
}

impl EventSourceMapping {
    /// A mapping with AWS's defaults: batches of 100 from the trim horizon, one at a time, retried as a whole until
    /// they expire.
    #[must_use]
    pub fn new(table: &str, function: Function) -> Self {
        Self {
            table: table.to_owned(),
            function,
            batch_size: 100,
            filter_criteria: Vec::new(),
            starting_position: StartingPosition::TrimHorizon,
            shards: 1,
            parallelization_factor: 1,
            report_batch_item_failures: false,
            bisect_batch_on_function_error: false,
            maximum_retry_attempts: None,
            maximum_record_age: None,
            on_failure: None,
            backoff: Backoff::default(),
        }
    }

    /// Starts to read. With a `position` file the mapping resumes after the last record that it has finished, also in a
    /// later process; without one it begins at the starting position.
    ///
    /// The file is written after each batch that is done with. A batch that was in flight when the process ended is
    /// delivered again.
    ///
    /// # Errors
    ///
    /// [`EventSourceError`]: no stream, a setting out of range, or a failing database.
    pub async fn start(
        self,
        embedded: &Embedded,
        position: Option<PathBuf>,
    ) -> Result<EventSource, EventSourceError> {
        self.check()?;
        let mapping = Arc::new(self);
        let mut tasks = JoinSet::new();
        let (stopping, stops) = watch::channel(false);
        for shard in 0..mapping.shards {
            let position = position
                .as_deref()
                .map(|file| position_of(file, shard, mapping.shards));
            mapping
                .start_shard(shard, embedded, position, &stops, &mut tasks)
                .await?;
        }
        Ok(EventSource { tasks, stopping })
    }

    async fn start_shard(
        self: &Arc<Self>,
        shard: usize,
        embedded: &Embedded,
        position: Option<PathBuf>,
        stops: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), EventSourceError> {
        let mut iterator = ShardIterator::new(
            embedded.database().clone(),
            &self.table,
            self.clock().clone(),
        )?;
        let checkpoint = Checkpoint::load(iterator.stream_arn(), position).await;
        iterator.seek(self.starting_position, checkpoint.position())?;
        let checkpoint = Arc::new(Mutex::new(checkpoint));
        let mut reader = Reader::new(Arc::clone(self), shard, Arc::clone(&checkpoint));
        for _ in 0..self.parallelization_factor {
            let lane = Lane::new(
                Arc::clone(self),
                iterator.shard(),
                Arc::clone(&checkpoint),
                stops.clone(),
            );
            tasks.spawn(lane.run(reader.lane()));
        }
        tasks.spawn(reader.run(iterator, embedded.changes(), stops.clone()));
        Ok(())
    }

    const fn clock(&self) -> &Clock {
        self.function.clock()
    }

    fn check(&self) -> Result<(), EventSourceError> {
        let in_range = |setting, value, (low, high, range): (usize, usize, _)| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(EventSourceError::OutOfRange {
                setting,
                value,
                range,
            })
        };
        in_range("BatchSize", self.batch_size, (1, 10_000, "1 to 10000"))?;
        in_range("the number of shards", self.shards, (1, 100, "1 to 100"))?;
        in_range(
            "ParallelizationFactor",
            self.parallelization_factor,
            (1, 10, "1 to 10"),
        )
    }

    fn admits(&self, record: &Record, shard: usize) -> bool {
        if record.shard(self.shards) != shard {
            return false;
        }
        let criteria = &self.filter_criteria;
        criteria.is_empty()
            || criteria
                .iter()
                .any(|pattern| pattern.matches(record.document()))
    }

    /// The age at which a record is discarded, whether the mapping or the stream sets it.
    fn record_age_limit(&self) -> Duration {
        self.maximum_record_age
            .map_or(STREAM_RETENTION, |age| age.min(STREAM_RETENTION))
    }
}

/// The file of one shard's position. A position does not hold for another number of shards: what was not finished then
/// is read again, which is safe.
fn position_of(file: &Path, shard: usize, shards: usize) -> PathBuf {
    if shards == 1 {
        return file.to_owned();
    }
    file.with_extension(format!("{shard}-of-{shards}.json"))
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
        }
    }
}

impl Backoff {
    /// The pause after the given number of failures in a row.
    fn after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}
