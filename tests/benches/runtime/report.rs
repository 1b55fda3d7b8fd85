//! The figures of a run as tables.

use std::collections::BTreeMap;

use crate::candidate::{Function, Runtime};
use crate::figures::{Costs, Figure, Figures};
use crate::share::Memory;

/// Width of the names of rows, and of columns.
const NAME: usize = 30;
const COLUMN: usize = 10;

/// A row: its name, the decimals of its numbers, and the function that reads the number.
type Row = (&'static str, usize, fn(&Figure) -> f64);

/// The rows that are printed and compared for each candidate.
const ROWS: [Row; 17] = [
    ("package, KiB", 0, |it| it.package_bytes as f64 / 1024.0),
    ("start to ready, ms p50", 1, |it| it.start_ms.p50),
    ("… processor time, ms p50", 1, |it| it.start_cpu_ms.p50),
    ("first event, ms p50", 1, |it| it.first_ms.p50),
    ("start to first answer, ms p50", 1, |it| {
        it.start_ms.p50 + it.first_ms.p50
    }),
    ("warm events", 0, |it| it.events as f64),
    ("warm event, ms p50", 2, |it| it.warm_ms.p50),
    ("warm event, ms p99", 2, |it| it.warm_ms.p99),
    ("billed for an event, ms", 2, |it| it.costs.billed_ms),
    ("processor time, ms", 3, |it| it.costs.cpu_ms),
    ("peak memory, MiB", 1, |it| it.peak_mib),
    ("log, bytes", 0, |it| it.costs.log_bytes),
    ("log, lines", 1, |it| it.costs.log_lines),
    ("round trips to AWS", 2, |it| it.costs.round_trips),
    ("read request units", 2, |it| it.costs.read_units),
    ("write request units", 2, |it| it.costs.write_units),
    ("calls to WeCom", 2, |it| it.costs.wecom_calls),
];

/// Prints everything.
pub(crate) fn print(figures: &Figures, memory: Option<Memory>) {
    let share = match memory {
        Some(Memory::Of(megabytes)) => format!("the share of {megabytes} MB"),
        Some(Memory::Deployed) => "the share of the deployed memory size of each".to_owned(),
        None => "a whole processor".to_owned(),
    };
    println!(
        "\nFunctions with {share}, WeCom answers after {} ms; per event",
        figures.wecom_latency_ms
    );
    functions(figures);
    callbacks(figures);
    if let Some(costs) = &figures.per_add {
        println!("\nOne add: callback, welcome and tagging");
        costs_of(costs);
    }
    for figure in figures
        .candidates
        .iter()
        .filter(|it| it.runtime == Runtime::Rust)
    {
        let what = match figure.function {
            Function::Sync => format!("a tick that handles {} edits", figures.edits_per_tick),
            function => function.name().to_owned(),
        };
        println!("\nIn {what}");
        details(&figure.costs);
    }
    if let Some(idle) = &figures.idle_tick {
        println!("\nIn a tick with nothing to do");
        details(&idle.costs);
    }
}

/// Prints the bundle's functions as columns.
fn functions(figures: &Figures) {
    let own = figures
        .candidates
        .iter()
        .filter(|it| it.runtime == Runtime::Rust);
    let mut columns: Vec<(&str, &Figure)> = own.map(|it| (it.function.name(), it)).collect();
    columns.extend(figures.idle_tick.as_ref().map(|idle| ("idle tick", idle)));
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    println!("{}", line("", &names));
    for (name, decimals, number) in ROWS {
        let cells = columns.iter().map(|(_, figure)| match number(figure) {
            // Not measured: an idle tick is never the first event.
            0.0 if name.contains("ms p50") => "–".to_owned(),
            number => format!("{number:.decimals$}"),
        });
        println!("{}", line(name, &cells.collect::<Vec<_>>()));
    }
}

/// Prints the callback next to those in other languages, and the ratios.
fn callbacks(figures: &Figures) {
    let of = |runtime| {
        let mut all = figures.candidates.iter();
        all.find(|it| it.function == Function::Callback && it.runtime == runtime)
    };
    let (Some(rust), Some(python), Some(node)) =
        (of(Runtime::Rust), of(Runtime::Python), of(Runtime::Node))
    else {
        return;
    };
    println!("\nThe callback in other languages, and the ratio of Rust to each");
    println!(
        "{}",
        line("", &["rust", "python", "node", "÷ python", "÷ node"])
    );
    for (name, decimals, number) in ROWS {
        let [own, python, node] = [rust, python, node].map(number);
        let number = |number: f64| format!("{number:.decimals$}");
        let part = |other: f64| {
            if other > 0.0 {
                format!("{:.3}", own / other)
            } else {
                "–".to_owned()
            }
        };
        println!(
            "{}",
            line(
                name,
                &[
                    number(own),
                    number(python),
                    number(node),
                    part(python),
                    part(node)
                ]
            )
        );
    }
}

fn costs_of(costs: &Costs) {
    for (name, number) in [
        ("billed, ms", costs.billed_ms),
        ("processor time, ms", costs.cpu_ms),
        ("log, bytes", costs.log_bytes),
        ("log, lines", costs.log_lines),
        ("round trips to AWS", costs.round_trips),
        ("read request units", costs.read_units),
        ("write request units", costs.write_units),
        ("calls to WeCom", costs.wecom_calls),
    ] {
        println!("{}", line(name, &[format!("{number:.2}")]));
    }
    details(costs);
}

/// Prints the parts of the sums.
fn details(costs: &Costs) {
    for (what, parts) in [
        ("round trips", &costs.operations),
        ("read units", &costs.read_units_of),
        ("write units", &costs.write_units_of),
        ("calls to WeCom", &costs.apis),
    ] {
        if !parts.is_empty() {
            println!("  {what}: {}", list(parts));
        }
    }
    if costs.refused > 0.0 {
        println!("  refused by a condition: {:.2}", costs.refused);
    }
}

fn list(parts: &BTreeMap<String, f64>) -> String {
    let parts = parts.iter().filter(|(_, number)| **number != 0.0);
    let parts = parts.map(|(what, number)| format!("{what} {number:.2}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn line(name: &str, cells: &[impl AsRef<str>]) -> String {
    let mut line = format!("  {name:<NAME$}");
    for cell in cells {
        line.push_str(&format!(" {:>COLUMN$}", cell.as_ref()));
    }
    line
}
