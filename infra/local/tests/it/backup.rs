//! A backup of a server that runs, and a server on the restored directory.

use std::path::Path;
use std::process::Output;

use scrm_local::operator::Operator;
use serde_json::Value;
use wecom_sandbox::{Fault, Scan};

use crate::external::{ExternalWorld, outcomes};
use crate::process::{Server, scrm_local};

/// Runs the command, and returns what it printed.
fn run(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = scrm_local(arguments).output().unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(0), "{errors}");
    String::from_utf8(stdout).unwrap()
}

async fn get(operator: &Operator, path: &str) -> Value {
    let (status, answer) = operator.get(path).await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_restored_data_answers_as_the_one_that_was_backed_up() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let outside = ExternalWorld::new(directory.path()).await;
    let (mut server, operator) = outside.start(&at("data"));
    let channel = outside.make_channel(&operator).await;
    let scans = (0..5).map(|_| outside.corp.scan(&channel, &Scan::default()).unwrap());
    let customers: Vec<_> = scans.collect();
    let mut paths = vec!["channels".to_owned(), format!("channels/{channel}/stats")];
    for customer in &customers {
        assert_eq!(
            outcomes(&operator, customer).await,
            ("sent".to_owned(), "tagged".to_owned())
        );
        paths.push(format!("contacts/{}", customer.external_userid));
    }
    // An event that waits for WeCom to answer.
    let failing = outside.wecom.faults();
    failing.next("externalcontact/mark_tag", usize::MAX, Fault::Http(500));
    let pending = outside.corp.scan(&channel, &Scan::default()).unwrap();
    outside.settled().await;
    let mut before = Vec::new();
    for path in &paths {
        before.push(get(&operator, path).await);
    }

    let (data, file, restored) = (
        text(&at("data")),
        text(&at("backup")),
        text(&at("restored")),
    );
    let printed = run(&["backup", "--data", &data, "--to", &file]);
    assert!(
        printed.starts_with(&format!("{file}: ")) && printed.contains("inbox "),
        "{printed}"
    );
    server.kill();
    let printed = run(&["restore", "--from", &file, "--data", &restored]);
    assert!(
        printed.starts_with(&format!("{restored}: ")) && printed.contains("inbox "),
        "{printed}"
    );
    outside.wecom.faults().clear();

    let (_server, operator) = outside.start(&at("restored"));
    for (path, before) in paths.iter().zip(before) {
        let after = get(&operator, path).await;
        if path.contains("/stats") {
            // The event that was pending is counted now or soon.
            assert!(after["total"]["welcomed"].as_u64() >= before["total"]["welcomed"].as_u64());
        } else {
            assert_eq!(after, before, "{path}");
        }
    }
    let (_, tags) = outcomes(&operator, &pending).await;
    assert_eq!(tags, "tagged");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_made_in_the_directory_are_restored() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (data, file, restored) = (at("data"), at("backup"), at("restored"));
    let first = Server::start(&["serve", "--port", "0", "--data", &data]);
    run(&["backup", "--data", &data, "--to", &file]);
    drop(first);
    run(&["restore", "--from", &file, "--data", &restored]);
    let read = |data: &str| std::fs::read(Path::new(data).join("config.json")).unwrap();
    assert_eq!(read(&restored), read(&data));
    let second = Server::start(&["serve", "--port", "0", "--data", &restored]);
    assert!(second.printed.contains("Bearer "), "{}", second.printed);
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(
        at("text"),
        "no backup, and long enough to have a header, or is it not?",
    )
    .unwrap();
    for (arguments, line) in [
        (
            ["backup", "--data", &at("data"), "--to", &at("backup")],
            "has no database of `serve --data`",
        ),
        (
            ["restore", "--from", &at("text"), "--data", &at("new")],
            "is not a backup that this version can restore",
        ),
        (
            ["restore", "--from", &at("text"), "--data", &at("")],
            "is not empty; restore into a new directory",
        ),
    ] {
        let Output { status, stderr, .. } = scrm_local(&arguments).output().unwrap();
        let error = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(line), "{error}");
    }
}
