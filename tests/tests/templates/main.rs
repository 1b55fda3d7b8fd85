//! Snapshots of the templates: what a deployment, its operators and an upgrade depend on, for each file of `infra/`.
//!
//! A snapshot has the logical ids and types, parameters, outputs, functions, tables, alarms, routes, widgets and the
//! actions of each role. It leaves out descriptions and comments, so that a better sentence changes no snapshot.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read a template fails"
)]

mod contract;
mod deployer;
mod metrics;
mod reader;
mod upgrade;
mod versions;

use std::fs;
use std::path::Path;

use domain::event::{RELATION_EVENTS, WELCOME_EVENTS};
use serde_json::{Value, json};

use crate::contract::contract;
use crate::reader::read;

/// The templates, by file name.
fn templates() -> Vec<(String, String)> {
    templates_in("infra")
}

/// The text of a template.
fn template(name: &str) -> String {
    let found = templates().into_iter().find(|(of, _)| of == name);
    found.unwrap().1
}

/// The templates in a folder of the project, by file name.
fn templates_in(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut templates: Vec<(String, String)> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    templates.sort_unstable();
    templates
}

#[test]
fn each_template_has_the_contract_of_its_snapshot() {
    let templates = templates();
    let names: Vec<&str> = templates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["alarms", "dashboard", "network", "template"]);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_sort_maps(true);
    settings.bind(|| {
        for (name, text) in &templates {
            insta::assert_yaml_snapshot!(name.as_str(), contract(&read(text)));
        }
    });
}

#[test]
fn tags_are_kept_as_they_are_written() {
    let text = "a: !Ref X\nb: !If [C, !GetAtt D.Arn, 1]\nc: !Sub \"${E}-f\"\nd: \"7\"\ne: 7\n";
    assert_eq!(
        read(text),
        json!({
            "a": "!Ref X",
            "b": {"!If": ["C", "!GetAtt D.Arn", 1]},
            "c": "!Sub ${E}-f",
            "d": "7",
            "e": 7,
        })
    );
}

/// A mapping takes the events by their names, as the callback function of the release before writes them, and those
/// that callback marks, so that a new event needs no change of the mapping.
#[test]
fn the_stream_starts_welcome_and_tagging_by_name_and_by_mark() {
    let template = read(&template("template"));
    for (function, events, mark) in [
        ("WelcomeFunction", &WELCOME_EVENTS[..], "for_welcome"),
        ("TaggingFunction", &RELATION_EVENTS[..], "for_tagging"),
    ] {
        let mapping = &template["Resources"][function]["Properties"]["Events"]["Inbox"];
        let filters = mapping["Properties"]["FilterCriteria"]["Filters"]
            .as_array()
            .unwrap();
        // Lambda takes five.
        let patterns: Vec<Value> = filters
            .iter()
            .map(|filter| serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap())
            .collect();
        let inserted =
            |image: Value| json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": image}});
        assert_eq!(
            patterns,
            [
                inserted(json!({"name": {"S": events}})),
                inserted(json!({mark: {"S": ["yes"]}})),
            ],
            "{function}"
        );
    }
}

/// One change to the text of a template, and what of its contract it must change.
#[test]
fn a_change_of_a_template_changes_its_contract() {
    let templates = templates();
    for (template, before, after, path) in [
        (
            "template",
            "MemorySize: 512",
            "MemorySize: 1024",
            "/functions/SyncFunction/MemorySize",
        ),
        (
            "template",
            "Timeout: 900",
            "Timeout: 600",
            "/functions/SyncFunction/Timeout",
        ),
        (
            "template",
            "Default: arm64",
            "Default: x86_64",
            "/parameters/Architecture/Default",
        ),
        (
            "template",
            "IndexName: by_day",
            "IndexName: by_date",
            "/tables/DataTable/indexes",
        ),
        ("template", "RouteKey: POST", "RouteKey: PUT", "/routes"),
        (
            "template",
            "dynamodb:BatchGetItem",
            "dynamodb:Scan",
            "/roles/WelcomeRole/statements/KeepOutcomes/actions",
        ),
        (
            "template",
            "DashboardName:\n",
            "NameOfDashboard:\n",
            "/outputs",
        ),
        (
            "alarms",
            "Threshold: 5000",
            "Threshold: 6000",
            "/alarms/!Sub ${Name}-welcome-behind/Threshold",
        ),
        (
            "alarms",
            "MetricName: tags_waiting",
            "MetricName: tags",
            "/alarms/!Sub ${Name}-untagged-backlog/MetricName",
        ),
        ("dashboard", "\"welcome_ms\"", "\"latency_ms\"", "/widgets"),
        ("network", "  Nat:\n", "  Gateway:\n", "/resources"),
    ] {
        let (_, text) = templates.iter().find(|(name, _)| name == template).unwrap();
        assert!(text.contains(before), "{template} has no {before}");
        let [old, new] =
            [text.clone(), text.replacen(before, after, 1)].map(|text| contract(&read(&text)));
        let (old, new) = (old.pointer(path), new.pointer(path));
        assert!(old.is_some(), "{template} has no {path}");
        assert_ne!(old, new, "{template}: {before} is not in the contract");
    }
}
