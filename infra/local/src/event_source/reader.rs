//! Follows a shard: reads it after each change, applies the filter criteria and deals the records to the lanes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinError;

use super::EventSourceMapping;
use super::checkpoint::Checkpoint;
use super::stream::{Record, ShardIterator};
use crate::changes::Changes;

/// How long the reader waits after a read that failed, so that a table that is gone does not fill the log.
const FAILED_READ_PAUSE: Duration = Duration::from_secs(5);

/// How many reads may wait in front of a lane. A lane that is stuck lets the reader go on for this long; then the shard
/// as a whole waits, and the next reads are larger.
const LANE_QUEUE: usize = 8;

/// The reading end of a mapping.
pub(super) struct Reader {
    mapping: Arc<EventSourceMapping>,
    shard: usize,
    checkpoint: Arc<Mutex<Checkpoint>>,
    lanes: Vec<mpsc::Sender<Vec<Record>>>,
}

impl Reader {
    pub(super) const fn new(
        mapping: Arc<EventSourceMapping>,
        shard: usize,
        checkpoint: Arc<Mutex<Checkpoint>>,
    ) -> Self {
        Self {
            mapping,
            shard,
            checkpoint,
            lanes: Vec::new(),
        }
    }

    /// Adds a lane, which takes the records from the returned queue.
    pub(super) fn lane(&mut self) -> mpsc::Receiver<Vec<Record>> {
        let (queue, chunks) = mpsc::channel(LANE_QUEUE);
        self.lanes.push(queue);
        chunks
    }

    /// Reads until the mapping is dropped or stops. The queues of the lanes end with it.
    pub(super) async fn run(
        self,
        iterator: ShardIterator,
        changes: Changes,
        mut stopping: watch::Receiver<bool>,
    ) {
        let ended = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            ended = self.follow(iterator, changes) => ended,
        };
        if let Err(error) = ended {
            tracing::error!(table = self.mapping.table, %error, "the reader of a stream panicked");
        }
    }

    async fn follow(
        &self,
        mut iterator: ShardIterator,
        mut changes: Changes,
    ) -> Result<(), JoinError> {
        loop {
            changes.seen();
            let (advanced, read) = iterator.next_records().await?;
            iterator = advanced;
            match read {
                Ok(records) if records.is_empty() => {
                    if !changes.next().await {
                        tracing::error!(
                            "the watch over the database has ended, and so do its streams"
                        );
                        return Ok(());
                    }
                }
                Ok(records) => self.deal(records).await,
                Err(error) => {
                    tracing::error!(table = self.mapping.table, %error, "a stream cannot be read");
                    self.mapping.clock().sleep(FAILED_READ_PAUSE).await;
                }
            }
        }
    }

    async fn deal(&self, records: Vec<Record>) {
        let Some(last) = records.last().map(Record::sequence) else {
            return;
        };
        let admitted: Vec<Record> = records
            .into_iter()
            .filter(|record| self.mapping.admits(record, self.shard))
            .collect();
        let sequences = admitted.iter().map(Record::sequence);
        self.checkpoint.lock().await.begin(sequences, last).await;
        let mut chunks = vec![Vec::new(); self.lanes.len()];
        for record in admitted {
            let lane = record.lane(chunks.len());
            chunks[lane].push(record);
        }
        for (lane, chunk) in self.lanes.iter().zip(chunks) {
            if !chunk.is_empty() {
                // A lane that has gone leaves its records unfinished, so a restart finds them.
                let _ = lane.send(chunk).await;
            }
        }
    }
}
