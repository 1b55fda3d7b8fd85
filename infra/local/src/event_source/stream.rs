//! Reading a DynamoDB stream: one shard, in order, as the records that Lambda delivers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use clock::Clock;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::{Database, DynoxideError, streams};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinError;

use super::{EventSourceError, StartingPosition};

/// The most records that `GetRecords` returns (DynamoDB Streams API reference).
const READ_LIMIT: usize = 1000;

/// A place in the stream. DynamoDB's sequence numbers are decimal numbers of 21 to 40 digits; `dynoxide`'s have 21.
pub(super) type SequenceNumber = u128;

/// A record of the stream, in the JSON shape that Lambda delivers.
#[derive(Debug, Clone)]
pub(super) struct Record {
    sequence: SequenceNumber,
    item: u64,
    created: Timestamp,
    arrived: Timestamp,
    document: Value,
}

/// The shard that a batch comes from, for the document about its discard.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    pub(super) stream_arn: String,
    pub(super) shard_id: String,
}

/// A position in the shard and the means to go on from it.
pub(super) struct ShardIterator {
    database: Database,
    shard: Shard,
    iterator: String,
    clock: Clock,
}

impl Record {
    pub(super) const fn sequence(&self) -> SequenceNumber {
        self.sequence
    }

    /// When the record was written, to the second and by the database's clock, which is the machine's.
    pub(super) const fn created(&self) -> Timestamp {
        self.created
    }

    /// How old the record is at `now`, by the clock that it was read with.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.arrived)).unwrap_or_default()
    }

    pub(super) const fn document(&self) -> &Value {
        &self.document
    }

    /// The shard of this record's item among `shards`.
    pub(super) fn shard(&self, shards: usize) -> usize {
        // Another part of the hash than for the lane.
        remainder(self.item >> 32, shards)
    }

    /// The lane for this record's item among `lanes`. It holds for one run of the mapping, which is as long as it has
    /// to: a restart begins behind every record in flight.
    pub(super) fn lane(&self, lanes: usize) -> usize {
        remainder(self.item & u64::from(u32::MAX), lanes)
    }

    fn new(
        record: &impl serde::Serialize,
        stream_arn: &str,
        clock: &Clock,
    ) -> Result<Self, DynoxideError> {
        let mut document = serde_json::to_value(record).map_err(|error| unreadable(&error))?;
        document["eventSourceARN"] = json!(stream_arn);
        let change = &document["dynamodb"];
        let sequence = change["SequenceNumber"]
            .as_str()
            .and_then(|number| number.parse().ok());
        let created = created(change);
        let mut hasher = DefaultHasher::new();
        // serde_json keeps the names of an object sorted, so equal keys have equal texts.
        change["Keys"].to_string().hash(&mut hasher);
        Ok(Self {
            sequence: sequence.ok_or_else(|| unreadable(&"a sequence number is not a number"))?,
            item: hasher.finish(),
            created,
            arrived: arrival(created, Clock::system().now(), clock.now()),
            document,
        })
    }
}

impl ShardIterator {
    pub(super) fn new(
        database: Database,
        table: &str,
        clock: Clock,
    ) -> Result<Self, EventSourceError> {
        let label = database
            .get_table_metadata(table)?
            .filter(|table| table.stream_enabled)
            .and_then(|table| table.stream_label)
            .ok_or_else(|| EventSourceError::NoStream {
                table: table.to_owned(),
            })?;
        let shard = Shard {
            stream_arn: streams::stream_arn(table, &label),
            shard_id: streams::shard_id(table),
        };
        Ok(Self {
            database,
            shard,
            iterator: String::new(),
            clock,
        })
    }

    pub(super) fn stream_arn(&self) -> &str {
        &self.shard.stream_arn
    }

    pub(super) fn shard(&self) -> Shard {
        self.shard.clone()
    }

    /// Goes to the record after `stored`, or to the starting position if nothing is stored.
    pub(super) fn seek(
        &mut self,
        starting_position: StartingPosition,
        stored: Option<SequenceNumber>,
    ) -> Result<(), DynoxideError> {
        let kind = match (stored, starting_position) {
            (Some(_), _) => "AFTER_SEQUENCE_NUMBER",
            (None, StartingPosition::TrimHorizon) => "TRIM_HORIZON",
            (None, StartingPosition::Latest) => "LATEST",
        };
        let answer = self.database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn: self.shard.stream_arn.clone(),
            shard_id: self.shard.shard_id.clone(),
            shard_iterator_type: kind.to_owned(),
            sequence_number: stored.map(|number| number.to_string()),
        })?;
        self.iterator = answer.shard_iterator.unwrap_or_default();
        Ok(())
    }

    /// Reads on, without waiting for new records. The reader goes to a blocking thread and comes back, because the
    /// database is behind a lock that a write may hold while it syncs.
    pub(super) async fn next_records(
        mut self,
    ) -> Result<(Self, Result<Vec<Record>, DynoxideError>), JoinError> {
        tokio::task::spawn_blocking(move || {
            let records = self.read();
            (self, records)
        })
        .await
    }

    fn read(&mut self) -> Result<Vec<Record>, DynoxideError> {
        let answer = self.database.get_records(GetRecordsRequest {
            shard_iterator: self.iterator.clone(),
            limit: Some(READ_LIMIT),
        })?;
        let arn = &self.shard.stream_arn;
        let records: Result<_, _> = answer
            .records
            .iter()
            .map(|record| Record::new(record, arn, &self.clock))
            .collect();
        let records = records?;
        if let Some(next) = answer.next_shard_iterator {
            self.iterator = next;
        }
        Ok(records)
    }
}

fn remainder(hash: u64, parts: usize) -> usize {
    let parts = u64::try_from(parts).unwrap_or(u64::MAX).max(1);
    usize::try_from(hash % parts).unwrap_or_default()
}

fn created(change: &Value) -> Timestamp {
    let seconds = change["ApproximateCreationDateTime"].as_f64();
    let since_epoch = SignedDuration::try_from_secs_f64(seconds.unwrap_or_default());
    since_epoch
        .and_then(Timestamp::from_duration)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// When a record was written, by a clock that shows `now` while the machine's shows `machine_now`. The database stamps
/// records by the machine's clock, of which another one may be years ahead. A record is not from the future, also if
/// the machine's clock was set back in between.
fn arrival(created: Timestamp, machine_now: Timestamp, now: Timestamp) -> Timestamp {
    let age = machine_now
        .duration_since(created)
        .max(SignedDuration::ZERO);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

fn unreadable(reason: &impl ToString) -> DynoxideError {
    DynoxideError::InternalServerError(reason.to_string())
}

#[cfg(test)]
impl Record {
    /// A record with a sequence number and nothing else of interest.
    pub(super) const fn numbered(sequence: SequenceNumber) -> Self {
        Self {
            sequence,
            item: 0,
            created: Timestamp::UNIX_EPOCH,
            arrived: Timestamp::UNIX_EPOCH,
            document: Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::{ManualClock, START};

    /// A record as `dynoxide` gives it, written at `created`.
    fn written_at(created: Timestamp) -> Value {
        json!({"dynamodb": {
            "Keys": {"pk": {"S": "a"}},
            "SequenceNumber": "100000000000000000001",
            "ApproximateCreationDateTime": created.as_second() as f64,
        }})
    }

    #[test]
    fn an_age_is_that_of_the_database_by_the_clock_of_the_mapping() {
        let minute = SignedDuration::from_mins(1);
        let created = START - minute;
        for (now, expected) in [
            (START, START - minute),
            (START + minute, START),
            (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH - minute),
        ] {
            assert_eq!(arrival(created, START, now), expected);
        }
        // The machine's clock was set back after the write.
        assert_eq!(arrival(created, created - minute, START), START);
    }

    #[test]
    fn a_record_keeps_its_own_time_and_ages_by_the_clock_of_the_mapping() {
        let manual = ManualClock::new();
        let clock = manual.clock();
        // An hour ahead of the machine: the age at the read is none, however slow the test is.
        let created = Clock::system().now() + SignedDuration::from_hours(1);
        let record = Record::new(&written_at(created), "arn", &clock).unwrap();
        assert_eq!(record.created().as_second(), created.as_second());
        assert_eq!(
            record.document()["dynamodb"]["ApproximateCreationDateTime"],
            json!(created.as_second() as f64)
        );
        assert!(record.age(clock.now()) < Duration::from_secs(1));
        manual.advance(Duration::from_secs(60));
        assert_eq!(record.age(clock.now()).as_secs(), 60);
        assert_eq!(record.age(Timestamp::UNIX_EPOCH), Duration::ZERO);
    }
}
