//! The process that runs the function: the deployed handler over the deployed adapters, and its resource usage.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bundle_tests::usage::Usage;
use clock::Clock;
use platform::config::Needs;
use platform::environment::Environment;
use platform::metrics::Metrics;
use platform::start::{Base, Platform};
use scrm_local::config::ConfigFile;
use scrm_local::functions::sync_function;
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, aws_config};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync::SyncTuning;
use tokio::process::Command;

/// The pause before the next invocation resumes the run. The schedule of the template waits a minute.
const NEXT: Duration = Duration::from_secs(1);

/// The environment of the function.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// URL of DynamoDB.
    pub(crate) dynamodb: String,
    /// URL of WeCom.
    pub(crate) wecom: String,
    /// The configuration.
    pub(crate) config: PathBuf,
    /// For [`SyncTuning::members_per_chunk`].
    pub(crate) members_together: Option<usize>,
    /// For [`SyncTuning::chunks_per_call`].
    pub(crate) side_by_side: Option<usize>,
}

/// The resource usage of the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Used {
    /// From the first invocation to the answer of the last.
    pub(crate) wall: Duration,
    /// Invocations until the run had finished.
    pub(crate) invocations: u32,
    /// Processor time and peak memory of the process.
    pub(crate) usage: Usage,
}

impl Task {
    /// Parses the argument that [`Task::run`] passes to the process.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn pace(&self) -> SyncTuning {
        let own = SyncTuning::default();
        SyncTuning {
            members_per_chunk: self.members_together.unwrap_or(own.members_per_chunk),
            chunks_per_call: self.side_by_side.unwrap_or(own.chunks_per_call),
            ..own
        }
    }

    /// Runs the function in a separate process until the run has finished.
    pub(crate) async fn run(&self) -> Result<Used, String> {
        let failed = |error: io::Error| format!("the function's process: {error}");
        let executable = std::env::current_exe().map_err(failed)?;
        let task = serde_json::to_string(self).map_err(|error| error.to_string())?;
        let mut command = Command::new(executable);
        command.arg("--function").arg(task).stderr(Stdio::inherit());
        let output = command.kill_on_drop(true).output().await.map_err(failed)?;
        if !output.status.success() {
            return Err(format!("the function's process ended: {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }
}

/// Invokes the function as the schedule does until the run has finished, and prints [`Used`] as JSON.
pub(crate) async fn run(task: &Task) -> Result<(), String> {
    let environment = Environment {
        inbox_table: INBOX_TABLE.to_owned(),
        data_table: DATA_TABLE.to_owned(),
        secret_id: String::new(),
        wecom_api_base: task.wecom.clone(),
        inbox_days: platform::layout::INBOX_DAYS,
        public_url: None,
        function_name: None,
    };
    let config = ConfigFile::open(&task.config).map_err(|error| error.to_string())?;
    let clock = Clock::system();
    let base = Base::with(
        aws_config(&task.dynamodb).map_err(|error| error.to_string())?,
        &environment,
        (Box::new(config), Needs::Everything),
        Metrics::new("sync", clock.clone(), |_| ()),
        clock,
    );
    let platform = Platform::on(base).map_err(|error| error.to_string())?;
    let function = sync_function(platform, task.pace());
    let started = Instant::now();
    let mut invocations = 0;
    loop {
        invocations += 1;
        // A reconcile resumes an unfinished run as a tick does, without the other parts of a tick.
        let invoked = function.invoke(br#"{"task":"reconcile"}"#.to_vec()).await;
        let answer = invoked.answer.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        if answer["state"] == "finished" {
            break;
        }
        tokio::time::sleep(NEXT).await;
    }
    let used = Used {
        wall: started.elapsed(),
        invocations,
        usage: Usage::own(),
    };
    let json = serde_json::to_string(&used).map_err(|error| error.to_string())?;
    println!("{json}");
    Ok(())
}
