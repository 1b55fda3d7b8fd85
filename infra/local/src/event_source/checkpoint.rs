//! How far a mapping has come: the last record before which nothing is unfinished, kept in a file.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stream::SequenceNumber;

/// The position of a mapping. Lanes finish out of order; the position is the one before the oldest record that any of
/// them still has.
#[derive(Debug)]
pub(super) struct Checkpoint {
    stream_arn: String,
    file: Option<PathBuf>,
    unfinished: BTreeSet<SequenceNumber>,
    read: Option<SequenceNumber>,
    stored: Option<SequenceNumber>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    stream_arn: String,
    sequence_number: String,
}

impl Checkpoint {
    /// Reads the position from the file. A position of another stream (the table was made anew) or a file that cannot
    /// be read counts as none: to process a record twice is safe, to skip one is not.
    pub(super) async fn load(stream_arn: &str, file: Option<PathBuf>) -> Self {
        let stored = match &file {
            Some(path) => load(path, stream_arn).await,
            None => None,
        };
        Self {
            stream_arn: stream_arn.to_owned(),
            file,
            unfinished: BTreeSet::new(),
            read: stored,
            stored,
        }
    }

    /// The record after which a restart resumes.
    pub(super) const fn position(&self) -> Option<SequenceNumber> {
        self.stored
    }

    /// Notes the records that go to the lanes, out of a read that ended with `last`. What the filter dropped is
    /// finished by that.
    pub(super) async fn begin(
        &mut self,
        records: impl Iterator<Item = SequenceNumber>,
        last: SequenceNumber,
    ) {
        self.unfinished.extend(records);
        self.read = Some(last);
        // Records in flight do not move the position, but a mapping that began at the newest record needs one before
        // its first batch is done with, or a restart would skip that batch.
        if self.unfinished.is_empty() || self.stored.is_none() {
            self.store().await;
        }
    }

    /// Notes that the records need no further invocation.
    pub(super) async fn finish(&mut self, records: impl Iterator<Item = SequenceNumber>) {
        for sequence in records {
            self.unfinished.remove(&sequence);
        }
        self.store().await;
    }

    async fn store(&mut self) {
        let oldest = self.unfinished.first().map(|oldest| oldest - 1);
        let position = oldest.or(self.read);
        let (Some(file), Some(sequence)) = (&self.file, position) else {
            return;
        };
        if self.stored >= position {
            return;
        }
        let stored = Stored {
            stream_arn: self.stream_arn.clone(),
            sequence_number: sequence.to_string(),
        };
        match replace(file, &stored).await {
            Ok(()) => self.stored = position,
            // The next batch tries again; until then a restart repeats more than it must.
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "a stream position cannot be stored");
            }
        }
    }
}

async fn load(file: &Path, stream_arn: &str) -> Option<SequenceNumber> {
    let text = match tokio::fs::read(file).await {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "a stream position cannot be read");
            return None;
        }
    };
    let stored = serde_json::from_slice::<Stored>(&text).ok();
    let sequence = stored
        .as_ref()
        .and_then(|stored| stored.sequence_number.parse().ok());
    if sequence.is_none() {
        tracing::warn!(file = %file.display(), "a stream position is damaged");
    }
    sequence.filter(|_| stored.is_some_and(|stored| stored.stream_arn == stream_arn))
}

/// Writes a new file next to the old one and renames it, so that a killed process leaves the old position or the new
/// one.
async fn replace(file: &Path, stored: &Stored) -> io::Result<()> {
    let replacement = file.with_extension("new");
    tokio::fs::write(&replacement, serde_json::to_vec(stored)?).await?;
    tokio::fs::rename(&replacement, file).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:dynamodb:local:000000000000:table/inbox/stream/1";

    async fn stored(file: &Path) -> Option<SequenceNumber> {
        Checkpoint::load(ARN, Some(file.to_owned()))
            .await
            .position()
    }

    #[tokio::test]
    async fn the_position_waits_for_the_oldest_unfinished_record() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("welcome.position.json");
        let mut checkpoint = Checkpoint::load(ARN, Some(file.clone())).await;
        assert_eq!(checkpoint.position(), None);
        checkpoint.begin([10, 20, 30].into_iter(), 35).await;
        assert_eq!(stored(&file).await, Some(9));
        checkpoint.finish([20].into_iter()).await;
        assert_eq!(stored(&file).await, Some(9));
        checkpoint.finish([10].into_iter()).await;
        assert_eq!(stored(&file).await, Some(29));
        checkpoint.finish([30].into_iter()).await;
        assert_eq!(stored(&file).await, Some(35));
    }

    #[tokio::test]
    async fn a_damaged_file_and_another_stream_count_as_no_position() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("welcome.position.json");
        for (text, expected) in [
            ("", None),
            (r#"{"stream_arn": "other", "sequence_number": "5"}"#, None),
            (r#"{"stream_arn": "ARN", "sequence_number": "five"}"#, None),
            (r#"{"stream_arn": "ARN", "sequence_number": "5"}"#, Some(5)),
        ] {
            std::fs::write(&file, text.replace("ARN", ARN)).unwrap();
            assert_eq!(stored(&file).await, expected, "{text}");
        }
    }
}
