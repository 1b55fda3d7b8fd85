//! The command as a process: started, listened to and killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

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
        let mut url = String::new();
        for line in lines.map(Result::unwrap) {
            if let Some((address, _)) = line.trim().split_once("/callback/") {
                url = address.trim_start_matches("Callback").trim().to_owned();
            }
            // The last of the addresses.
            if line.trim().starts_with("DynamoDB") {
                break;
            }
        }
        Self { process, url }
    }

    /// Kills it with SIGKILL, which no process can prepare for.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
