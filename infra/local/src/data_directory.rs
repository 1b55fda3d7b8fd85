//! The directory of `serve --data`: the database file, the stream
//! positions, the sandbox's state, and the lock that
//! keeps a second local stack out.

use std::fs::{DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::start::StartError;

/// Name of the file of the embedded DynamoDB.
pub(crate) const DATABASE: &str = "dynamodb.sqlite";

/// Name of the file that is locked.
pub(crate) const LOCK: &str = "lock";

/// An open data directory, locked until it is dropped. The lock is the operating system's, so a killed process leaves
/// none behind.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory if it is missing, for its owner only, and locks it.
    ///
    /// # Errors
    ///
    /// [`StartError::DataDirectory`] if it cannot be made or written to, [`StartError::DataDirectoryInUse`] if another
    /// process holds it.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        let unusable = |source| StartError::DataDirectory {
            path: path.to_owned(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(unusable)?;
        let lock = File::create(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StartError::DataDirectoryInUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The file of the embedded DynamoDB.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The file of the configuration that was made for this directory.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The file of the data keys that were made for this directory.
    #[must_use]
    pub fn data_keys(&self) -> PathBuf {
        self.path.join("data_keys.json")
    }

    /// The file of the WeCom sandbox's state.
    #[must_use]
    pub fn sandbox(&self) -> PathBuf {
        self.path.join("sandbox.json")
    }

    /// The file in which an event source mapping keeps its position, by the mapping's name.
    #[must_use]
    pub fn position(&self, mapping: &str) -> PathBuf {
        self.path.join(format!("{mapping}.position.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_directory_is_made_and_given_to_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let owner = DataDirectory::open(&path).unwrap();
        let second = DataDirectory::open(&path).unwrap_err();
        assert!(
            matches!(second, StartError::DataDirectoryInUse { .. }),
            "{second}"
        );
        drop(owner);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn a_path_that_cannot_be_a_directory_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDirectory::open(&file).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot use --data {}", file.display()))
        );
    }
}
