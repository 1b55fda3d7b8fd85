//! The figures that are read from the results, and the charts that show them.

use std::collections::BTreeMap;

use bundle_tests::results::Section;
use serde::Deserialize;

use crate::chart::{Bar, Chart};

/// The fields used of the section `runtime`.
#[derive(Debug, Deserialize)]
pub(crate) struct Runtime {
    candidates: Vec<Candidate>,
}

/// One function in one language.
#[derive(Debug, Deserialize)]
struct Candidate {
    function: String,
    runtime: String,
    start_ms: Spread,
    cpu_ms: f64,
    peak_mib: f64,
}

#[derive(Debug, Deserialize)]
struct Spread {
    p50: f64,
}

/// The fields used of the section `cost`.
#[derive(Debug, Deserialize)]
pub(crate) struct Cost {
    currency: String,
    per_million_adds: Bill,
}

#[derive(Debug, Deserialize)]
struct Bill {
    by_service: BTreeMap<String, f64>,
    total: f64,
}

/// Each chart with the name of its file.
pub(crate) fn charts(
    runtime: &Section<Runtime>,
    cost: &Section<Cost>,
) -> [(&'static str, Chart); 4] {
    let chart = |title: &str, unit: &str, bars| Chart {
        title: title.to_owned(),
        unit: unit.to_owned(),
        bars,
        source: source(runtime),
    };
    let all = &runtime.figures.candidates;
    // The sync is not invoked per event, but once a minute for all events of that minute.
    let by_events: Vec<_> = all.iter().filter(|it| it.function != "sync").collect();
    let all: Vec<_> = all.iter().collect();
    [
        (
            "start.svg",
            chart(
                "From the start of a process to ready, median",
                "ms",
                bars(&all, |it| it.start_ms.p50),
            ),
        ),
        (
            "warm.svg",
            chart(
                "Processor time of a warm event, mean",
                "ms",
                bars(&by_events, |it| it.cpu_ms),
            ),
        ),
        (
            "memory.svg",
            chart(
                "Most memory that was resident",
                "MiB",
                bars(&all, |it| it.peak_mib),
            ),
        ),
        ("cost.svg", bill(cost)),
    ]
}

/// Functions in the order of the results, with the languages of a function next to each other, Rust first.
fn bars(candidates: &[&Candidate], value: fn(&Candidate) -> f64) -> Vec<Bar> {
    let place = |function: &str| candidates.iter().position(|c| c.function == function);
    let mut sorted = candidates.to_vec();
    sorted.sort_by_key(|c| (place(&c.function), c.runtime != "rust", c.runtime.clone()));
    let bar = |candidate: &&Candidate| Bar {
        label: format!("{}, {}", candidate.function, language(&candidate.runtime)),
        value: value(candidate),
        ours: candidate.runtime == "rust",
    };
    sorted.iter().map(bar).collect()
}

fn bill(cost: &Section<Cost>) -> Chart {
    let Cost {
        currency,
        per_million_adds,
    } = &cost.figures;
    let mut services: Vec<_> = per_million_adds.by_service.iter().collect();
    services.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let bar = |(name, amount): (&String, &f64)| Bar {
        label: name.clone(),
        value: *amount,
        ours: true,
    };
    Chart {
        title: format!(
            "A million adds by service, {:.2} {currency} in all",
            per_million_adds.total
        ),
        unit: currency.clone(),
        bars: services.into_iter().map(bar).collect(),
        source: source(cost),
    }
}

fn source<F>(section: &Section<F>) -> String {
    format!("{}, {}", section.date, section.command)
}

fn language(runtime: &str) -> &str {
    match runtime {
        "rust" => "Rust",
        "node" => "Node.js",
        "python" => "Python",
        other => other,
    }
}
