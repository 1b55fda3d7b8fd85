//! Runs programs. Each one writes to its own log, and an error contains the end of that log.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A result whose error is a message for a person.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The number of lines shown from the log of a failed command.
const SHOWN: usize = 40;

/// The root of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The directory for all files of a run.
pub(crate) fn directory() -> PathBuf {
    project().join("target/deploy")
}

/// One command.
pub(crate) struct Command {
    inner: tokio::process::Command,
    name: String,
}

impl Command {
    /// A command that runs `program` in the root of the project. `name` is the name of its log.
    pub(crate) fn new(name: &str, program: impl AsRef<OsStr>) -> Self {
        let mut inner = tokio::process::Command::new(program);
        inner
            .current_dir(project())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Self {
            inner,
            name: name.to_owned(),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.inner.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    pub(crate) fn envs<'a>(
        mut self,
        variables: impl IntoIterator<Item = &'a (String, String)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name, value));
        self.inner.envs(variables);
        self
    }

    pub(crate) fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.inner.current_dir(directory);
        self
    }

    /// Runs it until it exits, and returns its standard output.
    pub(crate) async fn run(mut self) -> Outcome<String> {
        let log = self.log()?;
        let output = self.inner.output().await;
        let output = output.map_err(|error| format!("{} does not start: {error}", self.name))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        fs::write(&log, format!("{stdout}{stderr}"))?;
        if output.status.success() {
            return Ok(stdout);
        }
        let lines: Vec<&str> = stdout.lines().chain(stderr.lines()).collect();
        let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n  ");
        let (name, status) = (&self.name, output.status);
        Err(format!(
            "{name} ended with {status}; {} ends with\n  {end}",
            log.display()
        )
        .into())
    }

    /// Starts it in the background, with all of its output in the log.
    pub(crate) fn start(mut self) -> Outcome<tokio::process::Child> {
        let log = File::create(self.log()?)?;
        self.inner.stdout(log.try_clone()?).stderr(log);
        let child = self.inner.spawn();
        Ok(child.map_err(|error| format!("{} does not start: {error}", self.name))?)
    }

    fn log(&self) -> Outcome<PathBuf> {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let logs = directory().join("log");
        fs::create_dir_all(&logs)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Ok(logs.join(format!("{number:03}-{}.log", self.name)))
    }
}
