//! Writing a backup.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{BackupError, FORMAT, Summary, is_other_file, size};
use crate::data_directory::DATABASE;
use crate::tables::{DATA_TABLE, INBOX_TABLE};

/// How long a copy waits for a lock of the server, which holds one for a statement.
const BUSY: Duration = Duration::from_secs(30);

pub(super) fn write(data: &Path, to: &Path) -> Result<Summary, BackupError> {
    let database = data.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NoDatabase(data.to_owned()));
    }
    let file = create(to)?;
    let written = fill(data, &database, to).and_then(|summary| {
        file.sync_all().map_err(BackupError::file(to))?;
        sync_directory_of(to)?;
        Ok(summary)
    });
    if written.is_err() {
        // The first error is the one to report.
        let _removed = fs::remove_file(to);
    }
    written
}

/// An empty file, into which `VACUUM INTO` writes as well as into a missing one.
fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
        _ => BackupError::file(path)(source),
    })
}

fn fill(data: &Path, database: &Path, to: &Path) -> Result<Summary, BackupError> {
    let others = other_files(data)?;
    // Not read-only: where no server runs, the write-ahead log of one that was killed is read first.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(database, flags)?;
    source.busy_timeout(BUSY)?;
    let name = to
        .to_str()
        .ok_or_else(|| BackupError::Failed(format!("the name of {} is not UTF-8", to.display())))?;
    source.execute("VACUUM INTO ?1", [name])?;
    drop(source);
    let files = others.len();
    let items = add_tables(to, others)?;
    Ok(Summary {
        path: to.display().to_string(),
        bytes: size(to),
        items,
        files,
    })
}

/// The files besides the database, by name.
fn other_files(data: &Path) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(data).map_err(BackupError::file(data))? {
        let entry = entry.map_err(BackupError::file(data))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy().into_owned();
        if path.is_file() && is_other_file(&name) {
            let content = fs::read(&path).map_err(BackupError::file(&path))?;
            files.push((name, content));
        }
    }
    Ok(files)
}

/// Adds what makes the copy a backup, last, so that an unfinished one is none. Returns the items of each table.
fn add_tables(
    to: &Path,
    others: Vec<(String, Vec<u8>)>,
) -> Result<Vec<(String, u64)>, BackupError> {
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let change = copy.transaction()?;
    let mut items = Vec::new();
    for table in [DATA_TABLE, INBOX_TABLE] {
        items.push((table.to_owned(), count(&change, table)?));
    }
    change.execute_batch(
        "CREATE TABLE scrm_backup (format INTEGER NOT NULL, table_name TEXT NOT NULL, items INTEGER NOT NULL);
         CREATE TABLE scrm_backup_files (name TEXT PRIMARY KEY, content BLOB NOT NULL);",
    )?;
    for (table, items) in &items {
        change.execute(
            "INSERT INTO scrm_backup VALUES (?1, ?2, ?3)",
            (FORMAT, table, items),
        )?;
    }
    for (name, content) in others {
        change.execute(
            "INSERT INTO scrm_backup_files VALUES (?1, ?2)",
            (name, content),
        )?;
    }
    change.commit()?;
    Ok(items)
}

/// The number of items of a table, whose rows `dynoxide` keeps in a table of the same name.
pub(super) fn count(database: &Connection, table: &str) -> Result<u64, rusqlite::Error> {
    database.query_row(&format!("SELECT COUNT(*) FROM \"{table}\""), [], |row| {
        row.get(0)
    })
}

/// Makes the name of a new file as durable as its content.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), BackupError> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
    if cfg!(unix) {
        let synced = File::open(&parent).and_then(|directory| directory.sync_all());
        synced.map_err(BackupError::file(&parent))?;
    }
    Ok(())
}
