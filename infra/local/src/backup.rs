//! `scrm-local backup` and `restore`: the data directory as one file.
//!
//! The file is a copy of the embedded database, made by `VACUUM INTO` in one read transaction while the server may be
//! running, with two more tables: what the copy has to contain, and the other files of the directory (stream positions,
//! a generated configuration, the sandbox). A restore takes both tables out again.
//!
//! The positions are read before the database is copied. So they are never after a record that the copy lacks, and a
//! server on the restored data delivers again what was processed in between, which is safe.

mod error;
mod read;
mod write;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use clock::Clock;
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

use crate::data_directory::{DATABASE, LOCK};

pub use error::BackupError;

/// The version of the file's form.
const FORMAT: i64 = 1;

/// How often the size of what is written is looked at, for the progress bar.
const LOOK: Duration = Duration::from_millis(200);

/// What a backup or a restored directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The file or directory that was written, as it was named.
    pub path: String,
    /// Bytes of the file that was written, or of the restored database.
    pub bytes: u64,
    /// Items in each table of the embedded DynamoDB, by the table's name.
    pub items: Vec<(String, u64)>,
    /// Files besides the database.
    pub files: usize,
}

impl fmt::Display for Summary {
    /// One line, such as `backup.scrm: 1.2 MB, data 310 items, inbox 120 items, 3 other files`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, DecimalBytes(self.bytes))?;
        for (table, items) in &self.items {
            write!(f, ", {table} {items} items")?;
        }
        write!(f, ", {} other files", self.files)
    }
}

/// Copies the data directory `data` into the new file `to`, which only its owner can read. At a terminal, a bar shows
/// the progress, by `clock`.
///
/// # Errors
/// [`BackupError`]; no file is left then.
pub async fn write(data: &Path, to: &Path, clock: &Clock) -> Result<Summary, BackupError> {
    let (source, target) = (data.to_owned(), to.to_owned());
    let work = move || write::write(&source, &target);
    // The copy is compact, and so at most as large as the database.
    let expected = size(&data.join(DATABASE));
    show_while(work, to, expected, clock).await
}

/// Writes the backup `from` into the directory `data`, which is missing or empty. The backup is checked before anything
/// is written. At a terminal, a bar shows the progress, by `clock`.
///
/// # Errors
/// [`BackupError`]; the directory is then as it was.
pub async fn restore(from: &Path, data: &Path, clock: &Clock) -> Result<Summary, BackupError> {
    let (source, target) = (from.to_owned(), data.to_owned());
    let work = move || read::restore(&source, &target);
    let copy = data.join(read::UNFINISHED);
    show_while(work, &copy, size(from), clock).await
}

/// Does blocking work, and shows meanwhile how large the file at `growing` is.
async fn show_while(
    work: impl FnOnce() -> Result<Summary, BackupError> + Send + 'static,
    growing: &Path,
    expected: u64,
    clock: &Clock,
) -> Result<Summary, BackupError> {
    // Where there is no terminal, nothing is shown.
    let bar = ProgressBar::new(expected).with_style(style());
    let mut work = tokio::task::spawn_blocking(work);
    loop {
        tokio::select! {
            done = &mut work => {
                bar.finish_and_clear();
                return done.unwrap_or_else(|error| Err(BackupError::Failed(error.to_string())));
            }
            () = clock.next_turn(LOOK) => bar.set_position(size(growing)),
        }
    }
}

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("  [{bar:30}] {bytes}/{total_bytes} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// Whether a file of a data directory is one besides the database that belongs into a backup. The lock belongs to a
/// process, and a file named `.new` is not complete yet.
fn is_other_file(name: &str) -> bool {
    !name.starts_with(DATABASE) && name != LOCK && !name.ends_with(".new")
}

#[cfg(test)]
mod tests;
