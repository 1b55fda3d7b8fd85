//! Restoring a backup.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::write::{count, sync_directory_of};
use super::{BackupError, FORMAT, Summary, is_other_file, size};
use crate::data_directory::{DATABASE, DataDirectory, LOCK};

/// The database while it is copied, so that nothing takes an unfinished one for a database.
pub(super) const UNFINISHED: &str = "dynamodb.sqlite.new";

/// What a backup says it holds.
struct Contents {
    items: Vec<(String, u64)>,
    files: Vec<(String, Vec<u8>)>,
}

pub(super) fn restore(from: &Path, data: &Path) -> Result<Summary, BackupError> {
    let is_new = is_missing(data)?;
    let contents = check(from)?;
    let directory = DataDirectory::open(data)?;
    let restored = fill(from, data, &contents);
    drop(directory);
    if restored.is_err() {
        // The first error is the one to report.
        let _removed = remove(data, &contents, is_new);
    }
    let bytes = restored?;
    Ok(Summary {
        path: data.display().to_string(),
        bytes,
        items: contents.items,
        files: contents.files.len(),
    })
}

/// Whether the directory is missing; if not, it has to be empty.
fn is_missing(data: &Path) -> Result<bool, BackupError> {
    match fs::read_dir(data) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(BackupError::NotEmpty(data.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(BackupError::file(data)(error)),
    }
}

/// Reads the whole backup, and compares it with what it says of itself.
fn check(from: &Path) -> Result<Contents, BackupError> {
    File::open(from).map_err(BackupError::file(from))?;
    let not_a_backup = |reason: String| BackupError::NotABackup {
        path: from.to_owned(),
        reason,
    };
    let damaged = |reason: String| BackupError::Damaged {
        path: from.to_owned(),
        reason,
    };
    let backup = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let listed = listed(&backup).map_err(|error| not_a_backup(error.to_string()))?;
    if let Some((format, ..)) = listed.iter().find(|(format, ..)| *format != FORMAT) {
        return Err(not_a_backup(format!(
            "its format is {format}, not {FORMAT}"
        )));
    }
    let intact = backup.query_row("PRAGMA integrity_check(1)", [], |row| {
        row.get::<_, String>(0)
    });
    match intact {
        Ok(verdict) if verdict == "ok" => {}
        Ok(verdict) => return Err(damaged(verdict)),
        Err(error) => return Err(damaged(error.to_string())),
    }
    let unreadable = |error: rusqlite::Error| damaged(error.to_string());
    for (_, table, items) in &listed {
        let found = count(&backup, table).map_err(unreadable)?;
        if found != *items {
            return Err(damaged(format!("{table} has {found} of {items} items")));
        }
    }
    let files = files(&backup).map_err(unreadable)?;
    let is_plain = |name: &str| is_other_file(name) && !name.contains(['/', '\\']) && name != "..";
    if !files.iter().all(|(name, _)| is_plain(name)) {
        return Err(not_a_backup("its list of files is not one".to_owned()));
    }
    let items = listed.into_iter().map(|(_, table, items)| (table, items));
    Ok(Contents {
        items: items.collect(),
        files,
    })
}

fn listed(backup: &Connection) -> Result<Vec<(i64, String, u64)>, rusqlite::Error> {
    let mut query = backup.prepare("SELECT format, table_name, items FROM scrm_backup")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn files(backup: &Connection) -> Result<Vec<(String, Vec<u8>)>, rusqlite::Error> {
    let mut query = backup.prepare("SELECT name, content FROM scrm_backup_files")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Writes all files, the database last, and returns its size.
fn fill(from: &Path, data: &Path, contents: &Contents) -> Result<u64, BackupError> {
    for (name, content) in &contents.files {
        let path = data.join(name);
        let written = create(&path).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        written.map_err(BackupError::file(&path))?;
    }
    let unfinished = data.join(UNFINISHED);
    let copied =
        create(&unfinished).and_then(|mut file| io::copy(&mut File::open(from)?, &mut file));
    copied.map_err(BackupError::file(&unfinished))?;
    let database = Connection::open_with_flags(&unfinished, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    database.execute_batch("DROP TABLE scrm_backup; DROP TABLE scrm_backup_files; VACUUM;")?;
    drop(database);
    let finished = data.join(DATABASE);
    let renamed = File::open(&unfinished)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, &finished));
    renamed.map_err(BackupError::file(&finished))?;
    sync_directory_of(&finished)?;
    Ok(size(&finished))
}

/// A new file that only its owner can read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes what a restore that failed has written.
fn remove(data: &Path, contents: &Contents, is_new: bool) -> io::Result<()> {
    let names = contents.files.iter().map(|(name, _)| name.as_str());
    for name in names.chain([UNFINISHED, LOCK]) {
        let _missing = fs::remove_file(data.join(name));
    }
    if is_new { fs::remove_dir(data) } else { Ok(()) }
}
