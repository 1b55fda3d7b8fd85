//! The results of a run, in the format of the results file.

use std::collections::BTreeMap;

use bundle_tests::results::percentile;
use serde::{Deserialize, Serialize};

use crate::Options;
use crate::candidate::{Candidate, Function, Runtime};
use crate::measured::Measured;
use crate::run::{Job, Measurements, Run};
use crate::share::Memory;

const MIB: f64 = (1 << 20) as f64;

/// A whole run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// The latency of WeCom for each call.
    pub(crate) wecom_latency_ms: u64,
    /// Edits of members that one tick handled.
    pub(crate) edits_per_tick: usize,
    /// Each function, in each language.
    pub(crate) candidates: Vec<Figure>,
    /// A tick that finds nothing to do.
    pub(crate) idle_tick: Option<Figure>,
    /// Resources that one add uses in all functions.
    pub(crate) per_add: Option<Costs>,
}

/// One function in one language.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) function: Function,
    pub(crate) runtime: Runtime,
    /// The memory size whose share of a processor it had, in MB; a whole processor if absent.
    pub(crate) memory_mb: Option<u32>,
    /// Compressed size of the deployed package.
    pub(crate) package_bytes: u64,
    /// From the start of the process to its first request for an event.
    pub(crate) start_ms: Spread,
    /// Processor time until then.
    pub(crate) start_cpu_ms: Spread,
    /// The first event of a process.
    pub(crate) first_ms: Spread,
    /// Warm events that were measured.
    pub(crate) events: usize,
    pub(crate) warm_ms: Percentiles,
    /// The largest resident set.
    pub(crate) peak_mib: f64,
    /// Means of the warm events.
    #[serde(flatten)]
    pub(crate) costs: Costs,
}

/// Times in the order in which they were measured, and their median.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) all: Vec<f64>,
}

/// Percentiles of many times.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Resources used per event, on average.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Costs {
    /// Until the process requested the next event.
    pub(crate) billed_ms: f64,
    /// Processor time.
    pub(crate) cpu_ms: f64,
    pub(crate) log_bytes: f64,
    pub(crate) log_lines: f64,
    /// Requests to AWS.
    pub(crate) round_trips: f64,
    /// Of these, refused by a condition.
    pub(crate) refused: f64,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    pub(crate) wecom_calls: f64,
    /// `round_trips` by operation.
    pub(crate) operations: BTreeMap<String, f64>,
    /// `read_units` by table, or table and index.
    pub(crate) read_units_of: BTreeMap<String, f64>,
    /// `write_units` by table, or table and index.
    pub(crate) write_units_of: BTreeMap<String, f64>,
    /// `wecom_calls` by API.
    pub(crate) apis: BTreeMap<String, f64>,
}

impl Figures {
    pub(crate) fn of(run: &Run<'_>) -> Self {
        let Options {
            latency,
            memory,
            adds,
            ..
        } = *run.options;
        let figure = |candidate: &Candidate, job| {
            let key = (candidate.function, candidate.runtime, job);
            let measured = run.measurements.get(&key);
            measured.map(|measured| Figure::of(candidate, memory, measured))
        };
        let usual = |candidate: &Candidate| {
            let wanted = run.options.function;
            let is_wanted = wanted.is_none_or(|wanted| wanted == candidate.function);
            is_wanted.then(|| figure(candidate, Job::Usual)).flatten()
        };
        let idle = run.candidates.iter().find_map(|it| figure(it, Job::Idle));
        Self {
            wecom_latency_ms: latency,
            edits_per_tick: adds,
            candidates: run.candidates.iter().filter_map(usual).collect(),
            idle_tick: idle,
            per_add: per_add(&run.measurements),
        }
    }
}

impl Figure {
    fn of(candidate: &Candidate, memory: Option<Memory>, measured: &Measured) -> Self {
        Self {
            function: candidate.function,
            runtime: candidate.runtime,
            memory_mb: memory.map(|memory| memory.of(candidate)),
            package_bytes: candidate.package_bytes,
            start_ms: Spread::of(&measured.start_ms),
            start_cpu_ms: Spread::of(&measured.start_cpu_ms),
            first_ms: Spread::of(&measured.first_ms),
            events: measured.events(),
            warm_ms: Percentiles {
                p50: rounded(percentile(&measured.warm_ms, 0.5)),
                p99: rounded(percentile(&measured.warm_ms, 0.99)),
            },
            peak_mib: rounded(measured.peak_bytes as f64 / MIB),
            costs: Costs::of(measured).rounded(),
        }
    }
}

impl Spread {
    fn of(times: &[f64]) -> Self {
        Self {
            p50: rounded(percentile(times, 0.5)),
            all: times.iter().copied().map(rounded).collect(),
        }
    }
}

impl Costs {
    fn of(measured: &Measured) -> Self {
        let events = measured.events().max(1) as f64;
        let of_counts = |counts: &BTreeMap<String, u64>| -> BTreeMap<String, f64> {
            let each = counts.iter();
            each.map(|(what, count)| (what.clone(), *count as f64 / events))
                .collect()
        };
        let of_units = |units: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
            let each = units.iter();
            each.map(|(what, units)| (what.clone(), units / events))
                .collect()
        };
        let consumed = &measured.consumed;
        let operations = of_counts(&consumed.round_trips);
        let apis = of_counts(&measured.wecom_calls);
        let read_units_of = of_units(&consumed.read_units);
        let write_units_of = of_units(&consumed.write_units);
        Self {
            billed_ms: measured.billed_ms.iter().sum::<f64>() / events,
            cpu_ms: measured.cpu_seconds * 1000.0 / events,
            log_bytes: measured.log_bytes as f64 / events,
            log_lines: measured.log_lines as f64 / events,
            round_trips: operations.values().sum(),
            refused: consumed.refused as f64 / events,
            read_units: read_units_of.values().sum(),
            write_units: write_units_of.values().sum(),
            wecom_calls: apis.values().sum(),
            operations,
            read_units_of,
            write_units_of,
            apis,
        }
    }

    /// Adds those of `other`.
    fn add(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.billed_ms, other.billed_ms),
            (&mut self.cpu_ms, other.cpu_ms),
            (&mut self.log_bytes, other.log_bytes),
            (&mut self.log_lines, other.log_lines),
            (&mut self.round_trips, other.round_trips),
            (&mut self.refused, other.refused),
            (&mut self.read_units, other.read_units),
            (&mut self.write_units, other.write_units),
            (&mut self.wecom_calls, other.wecom_calls),
        ] {
            *own += others;
        }
        for (own, others) in [
            (&mut self.operations, &other.operations),
            (&mut self.read_units_of, &other.read_units_of),
            (&mut self.write_units_of, &other.write_units_of),
            (&mut self.apis, &other.apis),
        ] {
            for (what, number) in others {
                *own.entry(what.clone()).or_default() += number;
            }
        }
    }

    fn rounded(mut self) -> Self {
        let numbers = [
            &mut self.billed_ms,
            &mut self.cpu_ms,
            &mut self.log_bytes,
            &mut self.log_lines,
            &mut self.round_trips,
            &mut self.refused,
            &mut self.read_units,
            &mut self.write_units,
            &mut self.wecom_calls,
        ];
        let maps = [
            &mut self.operations,
            &mut self.read_units_of,
            &mut self.write_units_of,
            &mut self.apis,
        ];
        let in_maps = maps.into_iter().flat_map(BTreeMap::values_mut);
        for number in numbers.into_iter().chain(in_maps) {
            *number = rounded(*number);
        }
        self
    }
}

/// Callback, welcome and tagging for one add.
fn per_add(measurements: &Measurements) -> Option<Costs> {
    let costs = |function, job| {
        Some(Costs::of(measurements.get(&(
            function,
            Runtime::Rust,
            job,
        ))?))
    };
    let mut sum = costs(Function::Callback, Job::InAdd)?;
    sum.add(&costs(Function::Welcome, Job::Usual)?);
    sum.add(&costs(Function::Tagging, Job::Usual)?);
    Some(sum.rounded())
}

/// Rounds to thousandths, which is finer than the precision of any measurement here.
fn rounded(number: f64) -> f64 {
    let rounded = (number * 1000.0).round() / 1000.0;
    // The sum of no numbers is -0.0.
    if rounded == 0.0 { 0.0 } else { rounded }
}
