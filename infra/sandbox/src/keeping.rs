//! A sandbox that survives its process: its state in a file, which is read at the start and replaced when something has
//! changed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::Sandbox;
use super::model::{CorpState, Ids, Quota, Welcomed, moment};

/// The shortest time between two writes, and so about what a killed process forgets.
const PAUSE: Duration = Duration::from_secs(1);

/// The keeping of one sandbox in one file. It ends when this is dropped, like that of a process that is killed;
/// [`finish`](Self::finish) saves what has changed last.
#[derive(Debug)]
pub struct Kept {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

/// A file that a sandbox cannot be kept in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// It cannot be read or written.
    #[error("{} cannot be read or written: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It holds something else. Its content is not shown, because it may be about people.
    #[error(
        "{} is not the state of a sandbox (line {line}, column {column}); move it away to begin anew",
        .file.display()
    )]
    NoState {
        /// The file.
        file: PathBuf,
        /// Where reading it failed.
        line: usize,
        /// Where reading it failed.
        column: usize,
    },
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Saved<C> {
    /// Counts the processes, so that each draws ids of its own.
    run: u64,
    corps: C,
}

impl Sandbox {
    /// Resumes from what `file` holds, if it is there, and replaces it from now on when something has changed, at most
    /// once a second by the clock of the options. Needs a Tokio runtime.
    ///
    /// Kept are members, visible ranges, channels, the acquisition quota, customers, relations with their chats and
    /// tags, customer groups, media and welcome codes of the corps that are set up by now; apps and their keys are
    /// those of the set-up. Tokens, faults, the delivery mode, limits that were changed and the journals begin as set
    /// up, and an event that was not delivered stays so. A process
    /// that is killed forgets about its last second: who made a contact way in it is answered 41044 for it afterwards.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, or holds something else.
    pub async fn keep_in(&self, file: &Path) -> Result<Kept, KeepError> {
        let failed = |source| KeepError::File {
            file: file.to_owned(),
            source,
        };
        match fs::read(file) {
            Ok(text) => self.go_on_from(&text).map_err(|error| KeepError::NoState {
                file: file.to_owned(),
                line: error.line(),
                column: error.column(),
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let changes = self.inner.changes.subscribe();
        // This run's number must be in the file before anything gets an id of it.
        save(self, file).await.map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(keep(self.clone(), file.to_owned(), changes, stopped));
        Ok(Kept {
            stop: Some(stop),
            task,
        })
    }

    fn go_on_from(&self, text: &[u8]) -> serde_json::Result<()> {
        let saved: Saved<BTreeMap<String, CorpState>> = serde_json::from_slice(text)?;
        let (options, now) = (self.options(), self.now());
        self.change(|state| {
            state.run = saved.run + 1;
            state.ids = Ids::new(options.seed.wrapping_add(state.run));
            for (id, saved) in saved.corps {
                if let Some(corp) = state.corps.get_mut(&id) {
                    corp.go_on_from(saved, options.welcome_ttl, now);
                }
            }
        });
        Ok(())
    }

    fn saved(&self) -> serde_json::Result<Vec<u8>> {
        self.read(|state| {
            serde_json::to_vec(&Saved {
                run: state.run,
                corps: &state.corps,
            })
        })
    }
}

impl Kept {
    /// Saves what has changed last, and ends.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn finish(mut self) -> io::Result<()> {
        drop(self.stop.take());
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl CorpState {
    fn go_on_from(&mut self, saved: Self, welcome_ttl: Duration, now: SystemTime) {
        let apps = std::mem::take(&mut self.apps);
        let quota = std::mem::take(&mut self.quota);
        *self = Self { apps, ..saved };
        // The quota is missing in files from before there were quotas.
        if self.quota == Quota::default() {
            self.quota = quota;
        }
        for ((userid, external_userid), mut relation) in std::mem::take(&mut self.relations) {
            // The call that was sending has died with its process.
            if matches!(relation.welcomed, Welcomed::Sending) {
                relation.welcomed = Welcomed::NotYet;
            }
            // Ids that were read one by one become the ones of the customer and the member again.
            let pair = self.pair(&userid, &external_userid);
            let pair = pair.unwrap_or((userid, external_userid));
            self.follow(pair, relation);
        }
        self.welcome_codes
            .retain(|_, code| moment::between(code.issued, now) < welcome_ttl);
    }
}

/// Saves after changes until `stopped`, and then once more.
async fn keep(
    sandbox: Sandbox,
    file: PathBuf,
    mut changes: watch::Receiver<()>,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            // The sender lives in the sandbox.
            _ = changes.changed() => {}
        }
        if let Err(error) = save(&sandbox, &file).await {
            tracing::warn!(%error, file = %file.display(), "the state of the WeCom sandbox cannot be saved");
        }
        tokio::select! {
            _ = &mut stopped => break,
            () = sandbox.clock().next_turn(PAUSE) => {}
        }
    }
    save(&sandbox, &file).await
}

async fn save(sandbox: &Sandbox, file: &Path) -> io::Result<()> {
    let (sandbox, file) = (sandbox.clone(), file.to_owned());
    let save = move || replace(&file, &sandbox.saved()?);
    tokio::task::spawn_blocking(save)
        .await
        .map_err(io::Error::other)?
}

/// Writes a new file next to the old one and renames it, so that a killed process leaves the old state or the new one.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let path = file.with_extension("new");
    let mut new = open_private(&path)?;
    new.write_all(content)?;
    new.sync_all()?;
    fs::rename(&path, file)
}

/// Names, messages and welcome codes are the owner's.
fn open_private(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}
