//! The command as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::embedded::{client, create_inbox, put};

fn scrm_local(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrm-local"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

/// A running `serve`, killed when it is dropped.
struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = scrm_local(arguments);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.find(|line| line.as_ref().unwrap().starts_with("DynamoDB"));
        let endpoint = line
            .unwrap()
            .unwrap()
            .split_whitespace()
            .last()
            .unwrap()
            .to_owned();
        Self { process, endpoint }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn one_line_of_error(output: &Output) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(output.status.code(), Some(2), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_keeps_what_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let arguments = ["serve", "--port", "0", "--data", data.to_str().unwrap()];
    let mut server = Server::start(&arguments);
    let before = client(&server.endpoint);
    create_inbox(&before).await;
    for number in 0..20 {
        put(&before, &number.to_string()).await;
    }
    server.kill();

    let server = Server::start(&arguments);
    let scan = client(&server.endpoint)
        .scan()
        .table_name("inbox")
        .send()
        .await
        .unwrap();
    assert_eq!(scan.count(), 20);
}

#[test]
fn a_data_directory_has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let _owner = Server::start(&["serve", "--port", "0", "--data", path]);
    let output = scrm_local(&["serve", "--port", "0", "--data", path])
        .output()
        .unwrap();
    assert_eq!(
        one_line_of_error(&output),
        format!("scrm-local: --data {path} is in use by another scrm-local\n")
    );
}

#[test]
fn a_port_in_use_is_one_line_and_exit_code_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = scrm_local(&["serve", "--port", &port]).output().unwrap();
    assert_eq!(
        one_line_of_error(&output),
        format!(
            "scrm-local: port {port} (front door) is in use; choose another with `serve --port`\n"
        )
    );
}

#[test]
fn the_last_port_is_one_line_and_exit_code_2() {
    let output = scrm_local(&["serve", "--port", "65535"]).output().unwrap();
    assert_eq!(
        one_line_of_error(&output),
        "scrm-local: --port 65535 leaves no port for DynamoDB, which takes the one after it\n"
    );
}
