//! What is refused: files that are no backups, damaged ones, and targets that exist.

use std::fs;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use clock::Clock;
use platform::layout;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::data_directory::DataDirectory;
use crate::embedded::{Embedded, Place};
use crate::stack::aws_config;
use crate::start::Listeners;
use crate::tables::{DATA_TABLE, INBOX_TABLE, ensure};

/// A directory with `data`, which has empty tables and a position, and a clock that nothing waits for.
async fn data() -> (TempDir, Clock) {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let directory = DataDirectory::open(&path).unwrap();
    let listeners = Listeners::bind(0).await.unwrap();
    let embedded = Embedded::start(Place::Directory(&directory), listeners.dynamodb).await;
    let embedded = embedded.unwrap();
    let client = Client::new(&aws_config(embedded.endpoint()).unwrap());
    ensure(&client, INBOX_TABLE, &layout::INBOX).await.unwrap();
    ensure(&client, DATA_TABLE, &layout::DATA).await.unwrap();
    fs::write(directory.position("welcome"), "{}").unwrap();
    embedded.stop().await;
    (parent, clock::ManualClock::new().clock())
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[tokio::test]
async fn targets_that_exist_are_kept() {
    let (parent, clock) = data().await;
    let at = |name: &str| parent.path().join(name);
    let summary = write(&at("data"), &at("backup"), &clock).await.unwrap();
    assert_eq!(
        (summary.items, summary.files),
        (
            vec![(DATA_TABLE.to_owned(), 0), (INBOX_TABLE.to_owned(), 0)],
            1
        )
    );
    let before = fs::read(at("backup")).unwrap();
    let again = write(&at("data"), &at("backup"), &clock).await.unwrap_err();
    assert!(
        matches!(again, BackupError::Exists(_)) && again.is_usage(),
        "{again}"
    );
    assert_eq!(fs::read(at("backup")).unwrap(), before);
    let full = restore(&at("backup"), &at("data"), &clock).await;
    let full = full.unwrap_err();
    assert!(
        matches!(full, BackupError::NotEmpty(_)) && full.is_usage(),
        "{full}"
    );
    let nothing = write(parent.path(), &at("other"), &clock).await;
    let nothing = nothing.unwrap_err();
    assert!(
        matches!(nothing, BackupError::NoDatabase(_)) && nothing.is_usage(),
        "{nothing}"
    );
    assert!(!at("other").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn backup_and_restored_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (parent, clock) = data().await;
    let at = |name: &str| parent.path().join(name);
    write(&at("data"), &at("backup"), &clock).await.unwrap();
    restore(&at("backup"), &at("new"), &clock).await.unwrap();
    for (name, mode) in [
        ("backup", 0o600),
        ("new", 0o700),
        ("new/dynamodb.sqlite", 0o600),
        ("new/welcome.position.json", 0o600),
    ] {
        let found = at(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_backup_or_is_damaged_is_not_restored() {
    let (parent, clock) = data().await;
    let at = |name: &str| parent.path().join(name);
    write(&at("data"), &at("backup"), &clock).await.unwrap();
    let whole = fs::read(at("backup")).unwrap();

    fs::write(
        at("text"),
        "not a database, and long enough to have a header",
    )
    .unwrap();
    fs::write(at("half"), &whole[..whole.len() / 2]).unwrap();
    fs::copy(at("data/dynamodb.sqlite"), at("database")).unwrap();
    fs::copy(at("backup"), at("newer")).unwrap();
    execute(&at("newer"), "UPDATE scrm_backup SET format = 2");
    fs::copy(at("backup"), at("outside")).unwrap();
    execute(
        &at("outside"),
        "UPDATE scrm_backup_files SET name = '../outside.json'",
    );
    fs::copy(at("backup"), at("fewer")).unwrap();
    execute(&at("fewer"), "UPDATE scrm_backup SET items = 5");

    fs::create_dir(at("empty")).unwrap();
    for (name, usage) in [
        ("missing", false),
        ("text", true),
        ("half", false),
        ("database", true),
        ("newer", true),
        ("outside", true),
        ("fewer", false),
    ] {
        let error = restore(&at(name), &at("empty"), &clock).await.unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
        if name != "half" {
            assert_eq!(error.is_usage(), usage, "{name}: {error}");
        }
        assert!(is_empty(&at("empty")), "{name}");
        let error = restore(&at(name), &at("new"), &clock).await;
        assert!(error.is_err() && !at("new").exists(), "{name}");
    }
}

fn execute(backup: &Path, statement: &str) {
    let database = Connection::open(backup).unwrap();
    database.execute(statement, []).unwrap();
}
