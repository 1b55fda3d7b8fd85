//! A function's process, started and invoked as Lambda does.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use bundle_tests::runtime_api::{Invocation, RuntimeApi};
use bundle_tests::usage::Usage;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::candidate::Candidate;
use crate::scene::Scene;
use crate::share::{self, Share};

/// The timeout of an event.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for log lines after the answer.
const LAST_LINES: Duration = Duration::from_millis(2);
/// The number of bytes shown of the log of a failed process.
const SHOWN: usize = 4096;

/// A process that waits for events. It is killed when dropped.
pub(crate) struct Lambda {
    name: String,
    api: RuntimeApi,
    child: Child,
    pid: u32,
    log: Arc<Log>,
    /// The share of a processor that it has, if not a whole one.
    share: Option<Share>,
}

/// The log of a process.
#[derive(Default)]
struct Log {
    bytes: AtomicU64,
    lines: AtomicU64,
    last: Mutex<Vec<u8>>,
}

/// Resource usage and log size of a process so far.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    /// Processor time and memory.
    pub(crate) usage: Usage,
    /// Bytes of log.
    pub(crate) log_bytes: u64,
    /// Lines of log.
    pub(crate) log_lines: u64,
}

impl Lambda {
    /// Starts a process and waits until it requests its first event; also returns how long that took.
    pub(crate) async fn start(
        candidate: &Candidate,
        scene: &Scene,
        memory: Option<u32>,
    ) -> Result<(Self, Duration), String> {
        let name = candidate.to_string();
        let function = candidate.deployed_name();
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{function}");
        let api = RuntimeApi::serve(&arn, PATIENCE).await;
        let api = api.map_err(|error| error.to_string())?;
        let mut command = Command::new(&candidate.program);
        command
            .args(&candidate.arguments)
            .current_dir(&candidate.directory)
            .env_clear()
            .envs(candidate.environment(scene, &api.address, memory))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|error| format!("{name}: {}: {error}", candidate.program.display()))?;
        let log = Arc::new(Log::default());
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            tokio::spawn(read(out, Arc::clone(&log)));
            tokio::spawn(read(err, Arc::clone(&log)));
        }
        let pid = child.id().ok_or_else(|| format!("{name} ended at once"))?;
        let mut lambda = Self {
            name,
            api,
            child,
            pid,
            log,
            share: None,
        };
        let requested = tokio::select! {
            requested = lambda.api.event_requested() => requested,
            ended = lambda.child.wait() => Err(format!("it ended: {ended:?}")),
        };
        let ready = requested.map_err(|error| lambda.failed(&error))? - started;
        if let Some(memory) = memory {
            // During init it has a whole processor, as on Lambda.
            lambda.share = Some(Share::limit(pid, memory)?);
        }
        Ok((lambda, ready))
    }

    /// Delivers one event and waits for the answer.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> Result<Invocation, String> {
        if self.share.is_some() {
            // The event gets the full share, not the rest that the previous event has left.
            tokio::time::sleep(share::PERIOD * 2).await;
        }
        let invoked = tokio::select! {
            invoked = self.api.invoke(event) => invoked,
            ended = self.child.wait() => Err(format!("it ended: {ended:?}")),
        };
        let invocation = invoked.map_err(|error| self.failed(&error))?;
        tokio::time::sleep(LAST_LINES).await;
        Ok(invocation)
    }

    /// Resource usage and log size so far.
    pub(crate) fn spent(&self) -> Spent {
        Spent {
            usage: Usage::of(self.pid),
            log_bytes: self.log.bytes.load(Ordering::Relaxed),
            log_lines: self.log.lines.load(Ordering::Relaxed),
        }
    }

    /// Kills the process.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let killed = self.child.kill().await;
        killed.map_err(|error| format!("{}: {error}", self.name))
    }

    fn failed(&self, error: &str) -> String {
        let last = self.log.last.lock().unwrap_or_else(PoisonError::into_inner);
        format!(
            "{}: {error}\n{}",
            self.name,
            String::from_utf8_lossy(&last).trim_end()
        )
    }
}

async fn read(mut from: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer).await
        && length > 0
    {
        let new = &buffer[..length];
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let lines = new.iter().filter(|byte| **byte == b'\n').count();
        log.bytes.fetch_add(count(length), Ordering::Relaxed);
        log.lines.fetch_add(count(lines), Ordering::Relaxed);
        let mut last = log.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.extend_from_slice(new);
        let over = last.len().saturating_sub(SHOWN);
        last.drain(..over);
    }
}
