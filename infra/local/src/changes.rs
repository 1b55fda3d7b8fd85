//! Notices that something was committed to the embedded database, so that stream readers need not ask for records while
//! nothing happens.

use std::thread;
use std::time::Duration;

use dynoxide::DynoxideError;
use dynoxide::storage::Storage;
use tokio::sync::watch;

/// How often the database is looked at, and so the longest that a new stream record waits for its reader. `dynoxide`
/// notifies no one; `SQLite` counts the commits of other connections at the cost of a few microseconds a look.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Notified after each commit. Clones are independent: each sees every change.
#[derive(Debug, Clone)]
pub(crate) struct Changes(watch::Receiver<i64>);

impl Changes {
    /// Watches the database at `location` from a thread of its own, for as long as there are clones.
    pub(crate) fn watch(location: &str) -> Result<Self, DynoxideError> {
        let storage = Storage::new(location)?;
        let (sender, receiver) = watch::channel(version(&storage)?);
        thread::spawn(move || {
            while !sender.is_closed() {
                thread::sleep(LOOK_INTERVAL);
                // A look that fails, because the database is locked, is made up for by the next.
                if let Ok(now) = version(&storage) {
                    sender.send_if_modified(|seen| std::mem::replace(seen, now) != now);
                }
            }
        });
        Ok(Self(receiver))
    }

    /// Regards what is in the database now as seen. To be called before a read, so that what comes during the read
    /// counts as a change after it.
    pub(crate) fn seen(&mut self) {
        self.0.borrow_and_update();
    }

    /// Waits for a commit that is not yet seen. `false` means that the watching thread has panicked.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// A number that differs after a commit by any other connection (SQLite, `PRAGMA data_version`).
fn version(storage: &Storage) -> Result<i64, DynoxideError> {
    let mut statement = storage.conn().prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
