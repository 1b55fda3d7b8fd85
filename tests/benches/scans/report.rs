//! The report of a run: counts, percentiles, a histogram, and resource usage.

use std::io;

use bundle_tests::results::{self, percentile};
use bundle_tests::usage::Usage;
use serde_json::json;

use crate::Options;
use crate::check::Finding;

/// The target for the 99th percentile of the time from a callback to the call that sends the welcome.
pub(crate) const TARGET_MS: f64 = 1000.0;

/// Characters of the longest bar.
const BAR: usize = 50;

/// The upper bounds of the histogram's classes, in milliseconds.
const CLASSES: [f64; 12] = [
    10.0, 20.0, 50.0, 100.0, 125.0, 150.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 20_000.0,
];

pub(crate) fn print(options: &Options, finding: &Finding, usage: &Usage) {
    let place = match &options.data {
        Some(directory) => format!("in {}", directory.display()),
        None => "in memory".to_owned(),
    };
    println!(
        "{} scans within {} s, WeCom answers after {} ms, tables {place}\n",
        options.scans, options.seconds, options.latency
    );
    print_counts(finding);
    print_calls(finding);
    print_times(finding);
    print_histogram("callback → welcome call", &finding.welcome_ms);
    let (p99, verdict) = verdict(finding);
    println!("\n  target  p99 of callback → welcome call {p99:.0} of {TARGET_MS:.0} ms: {verdict}");
    let known = |value: Option<f64>, unit| {
        value.map_or_else(
            || "unknown".to_owned(),
            |value| format!("{value:.1} {unit}"),
        )
    };
    println!(
        "  cost    {} of processor time, {} of memory at the peak, for all in one process",
        known(usage.cpu_seconds, "s"),
        known(usage.peak_bytes.map(|bytes| bytes as f64 / 1e6), "MB")
    );
    let result = if finding.is_complete() {
        "nothing lost, nothing duplicated"
    } else {
        "LOST OR DUPLICATED"
    };
    println!("  result  {result}");
}

/// Writes the run to the file of results.
pub(crate) fn save(options: &Options, finding: &Finding, usage: &Usage) -> io::Result<()> {
    let times = |times: &[f64]| {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| percentile(times, share));
        json!({"p50": p50, "p99": p99, "max": max})
    };
    let figures = json!({
        "scans": options.scans, "seconds": options.seconds, "latency_ms": options.latency,
        "answer_ms": times(&finding.answer_ms),
        "welcome_ms": times(&finding.welcome_ms),
        "tags_ms": times(&finding.tags_ms),
        "cpu_seconds": usage.cpu_seconds, "peak_bytes": usage.peak_bytes,
    });
    results::save("scans", &results::command("scans"), &figures)
}

fn print_counts(finding: &Finding) {
    for (what, count) in [
        ("callbacks accepted", finding.accepted),
        ("welcomed exactly once", finding.welcomed_once),
        ("welcomed more than once", finding.welcomed_twice),
        ("… by their own name", finding.by_name),
        ("tagged", finding.tagged),
        ("recorded as sent", finding.recorded_sent),
        ("recorded as tagged", finding.recorded_tagged),
        ("counted as added", finding.counted_added),
        ("counted as welcomed", finding.counted_welcomed),
    ] {
        println!("  {what:<25} {count:>6} of {}", finding.scans);
    }
    println!("  {:<25} {:>6}", "deliveries", finding.deliveries);
}

fn print_calls(finding: &Finding) {
    println!("\n  {:<33} {:>6}  refused", "calls to WeCom", "ok");
    for (api, codes) in &finding.calls {
        let refused = codes.iter().filter(|(code, _)| **code != 0);
        let refused: Vec<String> = refused
            .map(|(code, count)| format!("{count} × {code}"))
            .collect();
        let good = codes.get(&0).copied().unwrap_or_default();
        println!("  {api:<33} {good:>6}  {}", refused.join(", "));
    }
}

fn print_times(finding: &Finding) {
    println!(
        "\n  {:<25} {:>8} {:>8} {:>8} {:>8}",
        "ms", "p50", "p90", "p99", "max"
    );
    for (what, times) in [
        ("callback answered", &finding.answer_ms),
        ("callback → welcome call", &finding.welcome_ms),
        ("callback → tags set", &finding.tags_ms),
    ] {
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|share| percentile(times, share));
        println!("  {what:<25} {p50:>8.1} {p90:>8.1} {p99:>8.1} {max:>8.1}");
    }
}

fn print_histogram(title: &str, times: &[f64]) {
    println!("\n  {title}");
    let mut low = 0.0;
    let mut classes = Vec::new();
    for high in CLASSES {
        let count = times.iter().filter(|ms| (low..high).contains(*ms)).count();
        classes.push((low, high, count));
        low = high;
    }
    let most = classes
        .iter()
        .map(|(_, _, count)| *count)
        .max()
        .unwrap_or(0);
    let first = classes.iter().position(|(_, _, count)| *count > 0);
    let last = classes.iter().rposition(|(_, _, count)| *count > 0);
    let (Some(first), Some(last)) = (first, last) else {
        return;
    };
    for (low, high, count) in &classes[first..=last] {
        let bar = "█".repeat((count * BAR).div_ceil(most.max(1)));
        println!("  {low:>6.0} to {high:>6.0} ms {count:>6}  {bar}");
    }
}

fn verdict(finding: &Finding) -> (f64, &'static str) {
    let p99 = percentile(&finding.welcome_ms, 0.99);
    let all = finding.welcome_ms.len() == finding.scans;
    (
        p99,
        if all && p99 <= TARGET_MS {
            "met"
        } else {
            "MISSED"
        },
    )
}
