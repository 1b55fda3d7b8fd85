//! The command line: what is served, and each way to fail as one line and exit code 2.

use std::process::Output;
use std::time::Duration;

use clap::Parser;
use scrm_local::args::{Command, CommandLine, Serve};
use scrm_local::config::ConfigFile;
use scrm_local::operator::http_client;
use scrm_local::stack::DRAIN;

use crate::process::{Server, scrm_local};

/// What the command says when it cannot start.
fn refusal(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = scrm_local(arguments).output().unwrap();
    let error = String::from_utf8(stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(status.code(), Some(2), "{error}");
    error
}

#[test]
fn a_data_directory_has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let arguments = ["serve", "--port", "0", "--data", path];
    let owner = Server::start(&arguments);
    assert_eq!(
        refusal(&arguments),
        format!("scrm-local: --data {path} is in use by another scrm-local\n")
    );
    drop(owner);
    Server::start(&arguments);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_eq!(
        refusal(&["serve", "--port", &port]),
        format!(
            "scrm-local: port {port} (front door) is in use; choose another with `serve --port`\n"
        )
    );
}

#[test]
fn the_last_port_leaves_none_for_dynamodb() {
    assert_eq!(
        refusal(&["serve", "--port", "65535"]),
        "scrm-local: --port 65535 leaves no port for DynamoDB, which takes the one after it\n"
    );
}

#[test]
fn a_configuration_that_cannot_be_read_or_is_wrong_is_named_with_every_fault() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret.json");
    let path = file.to_str().unwrap();
    let refused = || refusal(&["serve", "--port", "0", "--config", path]);
    assert!(refused().starts_with(&format!("scrm-local: cannot read --config {path}: ")));
    for (text, faults) in [
        ("{", vec!["JSON"]),
        (
            r#"{"admin_keys": ["short"], "corps": []}"#,
            vec!["admin_keys[0]", "corps"],
        ),
        (
            r#"{"admin_keys": ["short"], "corps": [{"corp_id": "w w", "apps": {"contact":
                {"agent_id": 1, "secret": "", "token": "short-", "encoding_aes_key": "short"}}}]}"#,
            vec![
                "admin_keys[0]",
                "corps[0].corp_id",
                "corps[0].apps.contact.secret",
                "corps[0].apps.contact.token",
                "corps[0].apps.contact.encoding_aes_key",
            ],
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = refused();
        assert!(
            error.starts_with(&format!(
                "scrm-local: --config {path} is not a valid configuration: "
            )),
            "{error}"
        );
        assert!(
            faults.iter().all(|fault| error.contains(fault)) && !error.contains("short"),
            "{error}"
        );
    }
}

#[test]
fn the_unit_of_systemd_serves_and_waits_longer_than_a_stop_takes() {
    let unit = include_str!("../../scrm-local.service");
    let value = |name: &str| {
        let mut lines = unit.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let directories = |word: &str| {
        word.replace("${STATE_DIRECTORY}", "/state")
            .replace("${CREDENTIALS_DIRECTORY}", "/credentials")
    };
    let started = value("ExecStart").unwrap().split(' ').map(directories);
    let line = CommandLine::try_parse_from(started).unwrap();
    let expected = Serve {
        data: Some("/state".into()),
        config: Some("/credentials/corp.json".into()),
        wecom_base: Some("https://qyapi.weixin.qq.com".to_owned()),
        ..Serve::default()
    };
    assert_eq!(line.command, Some(Command::Serve(expected)));
    let stopped_after = value("TimeoutStopSec").unwrap().parse().unwrap();
    assert!(Duration::from_secs(stopped_after) >= DRAIN + Duration::from_secs(10));
}

#[test]
fn the_demo_comes_out_right() {
    let Output {
        status,
        stdout,
        stderr,
    } = scrm_local(&["demo"]).output().unwrap();
    let (played, errors) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert_eq!(status.code(), Some(0), "{played}{errors}");
    assert!(
        !played.contains("FAILED") && played.lines().count() > 10,
        "{played}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_is_served_unless_another_wecom_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret.json");
    ConfigFile::make(&file).unwrap();
    let nowhere = "http://127.0.0.1:9";
    let http = http_client();
    let elsewhere = ["--config", file.to_str().unwrap(), "--wecom-base", nowhere];
    for (named, status) in [(&[][..], 200), (&elsewhere, 404)] {
        let arguments = [&["serve", "--port", "0", "--no-demo-data"], named].concat();
        let server = Server::start(&arguments);
        let get = async |path: &str| {
            let request = http.get(format!("{}{path}", server.url));
            request.send().await.unwrap()
        };
        let page = get("/sandbox/").await;
        assert_eq!(page.status().as_u16(), status, "{named:?}");
        let callback = get("/callback/ww1/contact").await;
        assert_eq!(
            callback.text().await.unwrap(),
            r#"{"error":"not_found"}"#,
            "{named:?}"
        );
    }
}
