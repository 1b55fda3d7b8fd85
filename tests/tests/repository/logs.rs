//! Log lines: each has a name that the manuals list, and fields that are named alike.

use std::collections::BTreeSet;
use std::fs;

use crate::{root, sources};

/// The log lines of `text` without its unit tests: what is between the parentheses of each macro.
fn log_lines(text: &str) -> Vec<&str> {
    let (code, _tests) = text.split_once("#[cfg(test)]").unwrap_or((text, ""));
    let mut found = Vec::new();
    for level in ["error!(", "warn!(", "info!("] {
        for (at, _) in code.match_indices(level) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let inside = &code[at + level.len()..];
            let end = top_level(inside).find(|(_, c)| *c == ')');
            found.push(&inside[..end.unwrap().0]);
        }
    }
    found
}

/// The characters of `text` with their places, without those in string literals and in balanced brackets.
fn top_level(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut in_string, mut is_escaped) = (0, false, false);
    text.char_indices().filter(move |(_, c)| {
        if in_string {
            in_string = is_escaped || *c != '"';
            is_escaped = !is_escaped && *c == '\\';
            return false;
        }
        match c {
            '"' => in_string = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            _ => return depth == 0,
        }
        false
    })
}

/// The fields of a log line, without its sentence: `a.b = 1` and `%a`, but not `"a sentence"`.
fn fields(line: &str) -> Vec<&str> {
    let commas = top_level(line).filter(|(_, c)| *c == ',');
    let ends = commas.map(|(at, _)| at).chain([line.len()]);
    let mut start = 0;
    let parts = ends.map(|end| line[std::mem::replace(&mut start, end + 1)..end].trim());
    parts
        .filter(|part| !part.is_empty() && !part.starts_with('"'))
        .collect()
}

/// The value of the field `event` of a log line.
fn event(line: &str) -> Option<&str> {
    fields(line)
        .into_iter()
        .find_map(|field| field.strip_prefix("event = \"")?.strip_suffix('"'))
}

/// The log lines of the functions and of what they share, the SDK included, with the names of their files.
fn all_log_lines() -> Vec<(String, String)> {
    let exempt = ["/tests/", "/tests.rs", "/examples/", "/fuzz/", "/interop/"];
    ["functions", "shared"]
        .into_iter()
        .flat_map(sources)
        .filter(|(name, _)| !exempt.iter().any(|part| name.contains(part)))
        .flat_map(|(name, text)| {
            let lines = log_lines(&text).into_iter().map(str::to_owned);
            lines.map(|line| (name.clone(), line)).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn log_lines_are_found_with_their_fields() {
    let code = r#"
        tracing::warn!(event = "a.b", c.id = %d(e, "f)"), "g, \"h\"",);
        compile_error!("i");
        info!("j");
        #[cfg(test)]
        info!("k");
    "#;
    let lines = log_lines(code);
    assert_eq!(
        lines,
        [
            r#"event = "a.b", c.id = %d(e, "f)"), "g, \"h\"","#,
            r#""j""#
        ]
    );
    assert_eq!(
        fields(lines[0]),
        [r#"event = "a.b""#, r#"c.id = %d(e, "f)")"#]
    );
    assert_eq!([lines[0], lines[1]].map(event), [Some("a.b"), None]);
}

/// Operators search for the names, so every line has one, none may be missing in the manual, and none may be left over.
#[test]
fn the_manual_lists_the_events_of_log_lines() {
    let lines = all_log_lines();
    let written: BTreeSet<&str> = lines
        .iter()
        .map(|(name, line)| {
            event(line).unwrap_or_else(|| panic!("{name}: a log line has no event: {line}"))
        })
        .collect();
    assert!(written.len() > 30, "{written:?}");
    for manual in ["infra/README.md", "infra/README.zh-CN.md"] {
        let text = fs::read_to_string(root().join(manual)).unwrap();
        let rows = text
            .lines()
            .skip_while(|line| !line.starts_with("| event |"));
        let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
        let listed: BTreeSet<&str> = rows
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(|names| names.split('`').skip(1).step_by(2))
            .collect();
        assert_eq!(listed, written, "{manual}");
    }
}

/// A dotted name says what the field is about, and is the same on every line.
#[test]
fn fields_of_log_lines_are_dotted() {
    for (name, line) in all_log_lines() {
        for field in fields(&line) {
            let key = field.split_once(" = ").map(|(key, _)| key);
            assert!(
                key.is_some_and(|key| key == "event" || key.contains('.')),
                "{name}: write `subject.{field}`"
            );
        }
    }
}
