//! Why there is no backup, or no restored directory.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::start::StartError;

/// Why there is no backup, or no restored directory. Each is one line for the person at the terminal.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The directory to copy has no database.
    #[error("--data {} has no database of `serve --data`", .0.display())]
    NoDatabase(PathBuf),
    /// The file to write exists.
    #[error("--to {} exists already, and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// The directory to restore into has files in it.
    #[error("--data {} is not empty; restore into a new directory", .0.display())]
    NotEmpty(PathBuf),
    /// The file to restore from is not a backup, or not of this version.
    #[error("--from {} is not a backup that this version can restore: {reason}", .path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// The backup was made by this program, and is damaged.
    #[error("--from {} is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not agree.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The directory to restore into cannot be used.
    #[error(transparent)]
    Directory(#[from] StartError),
    /// The database refuses.
    #[error("the database cannot be copied: {0}")]
    Database(#[from] rusqlite::Error),
    /// The program failed.
    #[error("the copy failed: {0}")]
    Failed(String),
}

impl BackupError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    /// Whether other arguments would help, in contrast to a failure of the machine or a damaged file.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoDatabase(_)
                | Self::Exists(_)
                | Self::NotEmpty(_)
                | Self::NotABackup { .. }
                | Self::Directory(_)
        )
    }
}
