//! The command as a process: started, listened to and killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

/// The command with these arguments.
pub(crate) fn scrm_local(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrm-local"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

/// A running `serve`, killed when it is dropped.
pub(crate) struct Server {
    process: Child,
    /// The front door.
    pub(crate) url: String,
    /// The embedded DynamoDB.
    pub(crate) dynamodb_url: String,
    /// What it printed at its start.
    pub(crate) printed: String,
}

impl Server {
    /// Starts `serve` with these arguments and waits until it has printed its addresses.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = scrm_local(arguments)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut url, mut dynamodb_url, mut printed) = Default::default();
        for line in lines.map(Result::unwrap) {
            printed = format!("{printed}{line}\n");
            if let Some((address, _)) = line.trim().split_once("/callback/") {
                url = address.trim_start_matches("Callback").trim().to_owned();
            }
            // The last of the addresses.
            if let Some(address) = line.trim().strip_prefix("DynamoDB") {
                dynamodb_url = address.trim().to_owned();
                break;
            }
        }
        Self {
            process,
            url,
            dynamodb_url,
            printed,
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Kills it with SIGKILL, which no process can prepare for.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
