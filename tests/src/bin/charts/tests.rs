//! The charts show the numbers of the results, and the same results give the same bytes.

use std::collections::BTreeMap;

use bundle_tests::results::Section;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::figures::charts;

fn section<F: DeserializeOwned>(figures: Value) -> Section<F> {
    Section {
        command: "cargo bench".to_owned(),
        date: "2026-11-26".to_owned(),
        machine: "a machine".to_owned(),
        figures: serde_json::from_value(figures).unwrap(),
    }
}

fn drawn() -> BTreeMap<&'static str, String> {
    let candidate = |function: &str, runtime: &str, start: f64| {
        json!({
            "function": function, "runtime": runtime, "start_ms": {"p50": start, "all": [start]},
            "cpu_ms": start / 10.0, "peak_mib": start * 2.0, "billed_ms": 1.0,
        })
    };
    let runtime = json!({"candidates": [
        candidate("callback", "node", 123.4),
        candidate("callback", "rust", 12.34),
        candidate("sync", "rust", 15.0),
    ]});
    let cost = json!({
        "currency": "USD",
        "per_million_adds": {"by_service": {"DynamoDB": 13.18, "Lambda": 2.78, "nothing": 0.0}, "total": 15.96},
    });
    let charts = charts(&section(runtime), &section(cost));
    let draw = |(name, chart): (_, crate::chart::Chart)| (name, chart.draw().unwrap());
    charts.into_iter().map(draw).collect()
}

#[test]
fn the_charts_show_the_numbers_of_the_results() {
    let drawn = drawn();
    for (name, expected) in [
        ("start.svg", ["callback, Rust", "12.3 ms", "123 ms"]),
        ("warm.svg", ["callback, Node.js", "1.23 ms", "12.3 ms"]),
        ("memory.svg", ["sync, Rust", "24.7 MiB", "247 MiB"]),
        ("cost.svg", ["DynamoDB", "13.2 USD", "15.96 USD in all"]),
    ] {
        let svg = &drawn[name];
        for text in expected {
            assert!(svg.contains(text), "{name} lacks {text}: {svg}");
        }
        assert!(
            svg.contains("width=\"720\"") && svg.contains("#FFFFFF"),
            "{svg}"
        );
        assert!(svg.contains("2026-11-26, cargo bench"), "{svg}");
    }
}

#[test]
fn rust_comes_first() {
    let svg = &drawn()["start.svg"];
    assert!(svg.find("callback, Rust") < svg.find("callback, Node.js"));
}

#[test]
fn the_same_results_give_the_same_bytes() {
    assert_eq!(drawn(), drawn());
}
