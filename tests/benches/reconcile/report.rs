//! The measurements of a pass, and their report.

use std::collections::BTreeMap;
use std::time::Duration;

use bundle_tests::usage::Usage;
use domain::ports::RunStore;
use domain::sync::Run;
use sync::SyncTuning;

use crate::Options;
use crate::counter::Tally;
use crate::function::Used;
use crate::scene::Scene;

/// The limit for the wall time of a first pass, as a multiple of its bound.
const RATIO: f64 = 1.5;
/// The limit for the resident memory of the function's process, in bytes.
const MEMORY: u64 = 128 << 20;
const MIB: f64 = (1 << 20) as f64;

/// One pass.
pub(crate) struct Pass {
    number: usize,
    /// Calls to WeCom by API, as WeCom counted them.
    pub(crate) calls: BTreeMap<String, u64>,
    /// The run as it is stored.
    pub(crate) run: Run,
    /// Requests to the database.
    pub(crate) tally: Tally,
    /// The resource usage of the function's process.
    pub(crate) used: Used,
    /// The resource usage of this process during the pass: WeCom and the database.
    around: Usage,
    /// Calls × latency ÷ calls in flight.
    pub(crate) bound: Duration,
}

impl Pass {
    /// Runs the function until it has read the corp.
    pub(crate) async fn run(
        scene: &Scene,
        options: &Options,
        number: usize,
    ) -> Result<Self, String> {
        let before = scene.calls();
        let _uncounted = scene.counter.take();
        let usage = Usage::own();
        let used = scene.task.run().await?;
        let around = Usage::own().since(&usage);
        let tally = scene.counter.take();
        let mut calls = scene.calls();
        for (api, count) in before {
            *calls.entry(api).or_default() -= count;
        }
        calls.retain(|_, count| *count > 0);
        let runs = scene.store.runs(&scene.corp_id()).await;
        let (running, last) = runs.map_err(|error| error.to_string())?;
        let total: u64 = calls.values().sum();
        let in_flight = u64::try_from(options.in_flight).unwrap_or(u64::MAX).max(1);
        Ok(Self {
            number,
            run: running.or(last).ok_or("there is no run")?,
            bound: Duration::from_millis(total * options.latency_ms / in_flight),
            calls,
            tally,
            used,
            around,
        })
    }

    /// The written rows with data of the corp.
    pub(crate) fn rows_written(&self) -> u64 {
        self.tally.rows_written.values().sum()
    }

    fn ratio(&self) -> f64 {
        self.used.wall.as_secs_f64() / self.bound.as_secs_f64().max(f64::EPSILON)
    }
}

/// Prints the settings and limits.
pub(crate) fn head(options: &Options) {
    println!(
        "{} members, {} relations, {} groups; WeCom answers after {} ms",
        options.members, options.relations, options.groups, options.latency_ms
    );
    println!(
        "limits of the bundle: {} calls of an API in flight (default 5), {} a minute (default 5000), 75000 an hour",
        options.in_flight, options.per_minute
    );
    let own = SyncTuning::default();
    println!(
        "pace of the sync: {} members together (default {}), {} chunks for each call in flight (default {})\n",
        options.members_together.unwrap_or(own.members_per_chunk),
        own.members_per_chunk,
        options.side_by_side.unwrap_or(own.chunks_per_call),
        own.chunks_per_call
    );
}

/// Prints the table of one pass.
pub(crate) fn pass(pass: &Pass) {
    let total: u64 = pass.calls.values().sum();
    println!("pass {}", pass.number);
    line("calls", &format!("{total}: {}", list(&pass.calls)));
    line(
        "bound",
        &format!(
            "{:.1} s = calls × latency ÷ in flight",
            pass.bound.as_secs_f64()
        ),
    );
    let invocations = match pass.used.invocations {
        1 => "one invocation".to_owned(),
        several => format!("{several} invocations"),
    };
    line(
        "wall",
        &format!(
            "{:.1} s = {:.2} × bound, in {invocations}",
            pass.used.wall.as_secs_f64(),
            pass.ratio()
        ),
    );
    database(&pass.tally, pass.rows_written());
    line(
        "function",
        &format!(
            "{} of processor time, {} of memory at the peak",
            seconds(pass.used.usage.cpu_seconds),
            mebibytes(pass.used.usage.peak_bytes)
        ),
    );
    line(
        "environment",
        &format!(
            "{} of processor time for WeCom and the database",
            seconds(pass.around.cpu_seconds)
        ),
    );
}

fn database(tally: &Tally, rows_written: u64) {
    let (requests, waited) = tally.all();
    let by_operation = tally.requests.iter().map(|(operation, (count, time))| {
        let mean = time.as_secs_f64() * 1000.0 / (*count).max(1) as f64;
        format!("{count} {operation} of {mean:.1} ms")
    });
    let by_operation: Vec<String> = by_operation.collect();
    line(
        "database",
        &format!(
            "{requests} requests, {} refused, {:.1} s in total: {}",
            tally.refused,
            waited.as_secs_f64(),
            by_operation.join(", ")
        ),
    );
    line("items read", &tally.items_read.to_string());
    line(
        "rows written",
        &format!("{rows_written}: {}", list(&tally.rows_written)),
    );
    let bookkeeping: u64 = tally.bookkeeping.values().sum();
    line(
        "bookkeeping",
        &format!("{bookkeeping}: {}", list(&tally.bookkeeping)),
    );
}

/// Prints whether each requirement was met.
pub(crate) fn verdicts(passes: &[Pass]) {
    let Some(first) = passes.first() else {
        return;
    };
    verdict(
        first.ratio() <= RATIO,
        &format!(
            "the first pass took {:.2} times the bound, {RATIO} at most",
            first.ratio()
        ),
    );
    let peaks = passes.iter().map(|pass| pass.used.usage.peak_bytes);
    let peak = peaks.max().flatten();
    verdict(
        peak.is_some_and(|peak| peak < MEMORY),
        &format!(
            "the function's process had {} at the peak, {} at most",
            mebibytes(peak),
            mebibytes(Some(MEMORY))
        ),
    );
    for pass in passes.iter().skip(1) {
        let rows = pass.rows_written();
        verdict(
            rows == 0 && pass.run.writes == 0,
            &format!("pass {} wrote {rows} rows, 0 at most", pass.number),
        );
    }
}

fn verdict(met: bool, what: &str) {
    println!("{}  {what}", if met { "PASS" } else { "OVER" });
}

fn line(what: &str, value: &str) {
    println!("  {what:<12} {value}");
}

fn list<K: AsRef<str>>(counts: &BTreeMap<K, u64>) -> String {
    let counts = counts
        .iter()
        .map(|(what, count)| format!("{count} {}", what.as_ref()));
    counts.collect::<Vec<_>>().join(", ")
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.1} s"))
}

fn mebibytes(value: Option<u64>) -> String {
    value.map_or_else(
        || "unknown".to_owned(),
        |bytes| format!("{:.1} MiB", bytes as f64 / MIB),
    )
}
