//! Rules of this repository that reviewers would otherwise have to check.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use wecom::ErrorCode;
use wecom::error::codes::find;

mod dependencies;
mod logs;
mod modules;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every Rust source below `folder`, with its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().unwrap() != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn all_sources() -> Vec<(String, String)> {
    ["functions", "shared", "infra", "tests"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

#[test]
fn the_domain_does_not_use_the_clock() {
    for (name, text) in sources("shared/domain/src") {
        for clock in [
            "Timestamp::now",
            "Zoned::now",
            "SystemTime",
            "time::Instant",
            "clock::",
        ] {
            assert!(!text.contains(clock), "{name} reads the clock: {clock}");
        }
    }
}

/// Files that read the machine's own time, and the reasons. All other code reads the time from a `Clock` that is passed
/// to it. Code that measures (benches, their library, the deployment test, the browser test) is not checked.
const MACHINE_TIME: &[(&str, &str)] = &[
    (
        "shared/clock/src/lib.rs",
        "provides the clock of the machine",
    ),
    ("shared/clock/src/system.rs", "the clock of the machine"),
    ("shared/clock/src/manual.rs", "the start of its instants"),
    (
        "shared/clock/tests/manual.rs",
        "tests the clock of the machine",
    ),
    (
        "shared/platform/src/start.rs",
        "wires the deployed functions",
    ),
    (
        "shared/wecom/src/client.rs",
        "the default for users of the SDK alone",
    ),
    ("infra/sandbox/src/setup.rs", "the default of its options"),
    ("infra/local/src/main.rs", "wires the local stack"),
    (
        "infra/local/src/embedded.rs",
        "the embedded database expires rows by the clock of the machine",
    ),
    (
        "infra/local/src/event_source/stream.rs",
        "the embedded database stamps records by the clock of the machine",
    ),
    (
        "infra/local/tests/it/event_source.rs",
        "compares such a timestamp",
    ),
    (
        "infra/local/tests/it/patience.rs",
        "real timeout while a test polls a condition",
    ),
    (
        "infra/local/src/changes.rs",
        "polls a database that does not notify about commits",
    ),
    (
        "infra/sandbox/src/lib.rs",
        "real timeout while a test or the demo polls a condition",
    ),
    ("infra/sandbox/tests/it/support.rs", "the same"),
    ("tests/tests/it/time.rs", "the same"),
];

#[test]
fn time_is_read_from_a_passed_clock() {
    let time_sources = [
        "Timestamp::now",
        "Zoned::now",
        "SystemTime::now",
        "Instant::now",
        "Clock::system",
        ".elapsed(",
        "tokio::time",
        "thread::sleep",
        "start_paused",
    ];
    let mut exceptions = Vec::new();
    for folder in ["functions", "shared", "infra", "tests/tests/it"] {
        for (name, text) in sources(folder) {
            let Some(source) = time_sources.iter().find(|source| text.contains(**source)) else {
                continue;
            };
            let known = MACHINE_TIME.iter().any(|(exception, _)| *exception == name);
            assert!(known, "{name} reads the time of the machine: {source}");
            exceptions.push(name);
        }
    }
    for (exception, reason) in MACHINE_TIME {
        let is_used = exceptions.iter().any(|name| name == exception);
        assert!(
            is_used,
            "{exception} no longer needs its exception: {reason}"
        );
    }
}

/// Each separate client parses the certificates of the machine, which took a tenth of the time of the tests.
#[test]
fn scenarios_use_the_shared_http_client() {
    for (name, text) in sources("tests/tests/it") {
        for own in ["Client::new()", "Client::builder()", "reqwest::get"] {
            assert!(
                !text.contains(own),
                "{name}: use http_client() instead of {own}"
            );
        }
    }
}

#[test]
fn nothing_depends_on_the_tests() {
    for folder in ["functions", "shared", "infra"] {
        let manifests = root().join(folder);
        for package in fs::read_dir(&manifests).unwrap() {
            let manifest = package.unwrap().path().join("Cargo.toml");
            let Ok(text) = fs::read_to_string(&manifest) else {
                continue;
            };
            assert!(!text.contains("bundle-tests"), "{}", manifest.display());
        }
    }
}

#[test]
fn only_main_reads_the_environment() {
    for folder in ["functions", "shared"] {
        for (name, text) in sources(folder) {
            let exempt = ["/main.rs", "/examples/", "/tests/", "/interop/", "/fuzz/"];
            if exempt.iter().any(|part| name.contains(part)) {
                continue;
            }
            for reading in ["env::var", "env::vars", "env!("] {
                assert!(!text.contains(reading), "{name} reads the environment");
            }
        }
    }
}

/// WeCom's error codes in `text`, without its unit tests. Numbers after `doc` are numbers of documents.
fn error_codes(text: &str) -> Vec<i64> {
    let (code, _tests) = text.split_once("#[cfg(test)]").unwrap_or((text, ""));
    let (mut found, mut is_document) = (Vec::new(), false);
    for word in code.split_whitespace() {
        let word = word.trim_start_matches('(');
        if word.starts_with("//") || is_document && ["and", "to"].contains(&word) {
            continue;
        }
        if is_document && word.starts_with(|c: char| c.is_ascii_digit()) {
            is_document = word.ends_with(|c: char| c == ',' || c.is_ascii_digit());
            continue;
        }
        is_document = ["doc", "docs"].contains(&word);
        if word.contains("/document/path/") {
            continue;
        }
        let numbers = word.split(|c: char| !c.is_alphanumeric() && c != '_');
        let numbers = numbers.filter(|number| number.len() >= 5);
        let numbers = numbers.filter_map(|number| number.parse().ok());
        found.extend(numbers.filter(|number| find(ErrorCode::new(*number)).is_some()));
    }
    found
}

#[test]
fn error_codes_are_named_in_one_place() {
    let example = "// (WeCom docs 90207, 92137 and\n// 90208), help of 45009\nconst A: i64 = 84061; // doc 40001.";
    assert_eq!(error_codes(example), [45009, 84061]);
    for folder in ["functions", "shared"] {
        for (name, text) in sources(folder) {
            let exempt = [
                "/tests/",
                "/tests.rs",
                "/fuzz/",
                "/interop/",
                "wecom/src/error",
            ];
            if exempt.iter().any(|part| name.contains(part)) {
                continue;
            }
            let codes = error_codes(&text);
            assert!(
                codes.is_empty(),
                "{name}: name {codes:?} in wecom/src/error/code.rs"
            );
        }
    }
}

#[test]
fn every_file_has_a_header_and_at_most_400_lines() {
    for (name, text) in all_sources() {
        let first = text
            .lines()
            .find(|line| !line.starts_with("#!"))
            .unwrap_or_default();
        assert!(
            first.starts_with("//!"),
            "{name} does not start with a //! line"
        );
        assert!(
            text.lines().count() <= 400,
            "{name} has {} lines",
            text.lines().count()
        );
    }
}

/// Files with longer lines than others, and the reasons.
const LONG_LINES: &[(&str, &str)] = &[
    ("infra/sandbox/src/crypto/tests.rs", "test vectors"),
    ("shared/wecom/tests/it/vectors.rs", "test vectors"),
    (
        "shared/wecom/src/error/codes.rs",
        "a line for each error code",
    ),
    ("shared/wecom/src/event/list.rs", "a line for each event"),
    (
        "tests/tests/it/crashing_ports.rs",
        "a line for each method of a port",
    ),
];

/// In characters. Rows of tables in documentation cannot be broken.
#[test]
fn a_line_has_at_most_120_columns() {
    for (name, text) in all_sources() {
        let mut long = text
            .lines()
            .filter(|line| line.chars().count() > 120 && !line.starts_with("//! |"));
        match LONG_LINES.iter().find(|(exempt, _)| *exempt == name) {
            None => assert_eq!(long.next(), None, "{name}: break the line"),
            Some((_, reason)) => assert!(
                long.next().is_some(),
                "{name} no longer needs its exception: {reason}"
            ),
        }
    }
}

#[test]
fn a_main_has_at_most_30_lines() {
    for (name, text) in sources("functions") {
        if name.ends_with("/main.rs") {
            assert!(
                text.lines().count() <= 30,
                "{name} has more than 30 lines: move code out of main"
            );
        }
    }
}

#[test]
fn english_and_chinese_documents_have_the_same_structure() {
    let headings = |name: &str| {
        let text = fs::read_to_string(root().join(name)).unwrap();
        let fences = text
            .lines()
            .filter(|line| line.trim_start().starts_with("```"))
            .count();
        let headings = text
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.split(' ').next().unwrap().len());
        let rows = text.lines().filter(|line| line.starts_with('|')).count();
        (headings.collect::<Vec<_>>(), fences, rows)
    };
    for folder in ["", "infra/"] {
        let [english, chinese] =
            ["README.md", "README.zh-CN.md"].map(|name| headings(&format!("{folder}{name}")));
        assert_eq!(english, chinese, "in {folder:?}");
    }
}
